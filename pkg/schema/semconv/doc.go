// Package semconv gives GenAI spans one vocabulary. The same model call arrives
// in a dozen dialects and three generations of names; [Normalizer] reads all
// of them into the columns of schema.GenAI.
//
// The mapping is data. A dialect is one file with tables (column, place, key):
// place is the key's position in the column's list of sources over all
// dialects, times ten, so that a table reads like the list and a new key finds
// room between two others. Beside rows there are objects, whose members are
// sources; folds, families of indexed attributes that become one list; and
// guarded rows, whose keys mean something only in spans that speak the dialect.
// To add a dialect, write its file and add a line to the list in dialects.go;
// no code changes. Kinds (kind.go) and provider aliases (provider.go) are tables
// of all dialects together. docs/semconv.md shows all tables.
//
// New compiles the tables into one lookup from key to columns. Normalize then
// looks every attribute up once, and takes for each column the non-empty value
// of the lowest place: the order of attributes never matters (of a key sent
// twice, which OTLP forbids, the first counts). What a rule needs to know about
// the whole span, such as whether MLflow encoded its strings, is gathered
// before values are weighed.
//
// Rules, with the numbers they have in the tests:
//
//   - R1: MLflow's OTLP exporter sends every value as JSON text; seen by the
//     quote before its span type, those are decoded, once.
//   - R2: token counts come as integers, doubles, decimal text, JSON text.
//     Negative numbers and NaN are rejected and counted.
//   - R3: the first non-empty source wins; null, "", {} and [] are empty.
//   - R4: identity (session, user, environment, service, release, experiment)
//     is also looked for in the resource, then in the scope.
//   - R5: input tokens include the cache's, output tokens include reasoning;
//     counts that leave those out, by their dialect or by their size, are
//     completed and flagged.
//   - R6: whether usage counts is decided by the span alone: roll-up spans
//     repeat their children's.
//   - R7: a reported cost is taken from detail before total, rounded once,
//     half to even.
//   - R8: content is taken from the dialect that the span's scope is at home in,
//     then from the others, then from the span's events.
//   - R9: indexed attributes are folded into lists within bounds; nothing is
//     ever sized by an index.
//   - R10: text that should be JSON and is not stays as it is, flagged.
//   - R11: the family says which dialect a span speaks.
//
// Nothing is lost here: a span's attributes are only read. An attribute that
// became Input or Output is named by InputAttr or OutputAttr, so that it need
// not be stored twice, only if the text is all of it: the string itself, or the
// JSON of a structured value (its type is still in Attrs). Content that was
// decoded on the way, put together from several attributes or events, or is a
// bare number, is named by neither.
//
// Normalize allocates nothing for scalar attributes. Text that had to be made
// (rendered JSON, decoded escapes, numbers as names) lies in the Normalizer's
// own memory and is valid until Forget.
package semconv
