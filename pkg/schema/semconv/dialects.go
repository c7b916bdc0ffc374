package semconv

// row says that a column is filled from an attribute. Place is ten times the
// key's position in the list of all the column's sources.
type row struct {
	column column
	place  uint16
	key    string
}

// object is an attribute that holds a JSON object, an OTLP map, or a list of
// which the first element counts. The rows' keys are its members; members of
// members are joined by dots.
type object struct {
	key  string
	rows []row
	// sum, if its place is not 0, gets all numbers of the object together, for
	// emitters that itemise without a total.
	sum row
}

// fold is a family of attributes prefix.N.…, one for each leaf of a list of
// objects, that become the JSON of that list (R9).
type fold struct {
	prefix string
	column column
	place  uint16
	// reasons: the members finish_reason are finish reasons, in this place.
	reasons uint16
	// pairs: what follows the prefix is a name, and name=value an element.
	pairs bool
}

// sign is an attribute whose value shows that a span speaks a dialect.
type sign struct{ key, prefix string }

// dialect is one naming convention. Zero fields are left out.
type dialect struct {
	// family is the dialect's name if an attribute key of the span starts with
	// one of prefixes, its scope is called one of scopes (a star stands for any
	// rest), or it bears one of signs.
	family   string
	prefixes []string
	scopes   []string
	signs    []sign

	rows    []row
	objects []object
	folds   []fold
	// guarded rows have keys that say nothing unless the span speaks the dialect.
	guarded []row
	// jsonText lists content keys whose text is JSON: what is not whole was cut.
	jsonText []string

	// Values are JSON text if the value of jsonWitness starts with a quote;
	// content only of keys that start with jsonKeys.
	jsonKeys, jsonWitness string
}

// dialects lists the tables in the order in which a span's family is decided.
func dialects() []dialect {
	return []dialect{
		mlflow,
		langfuse,
		laminar,
		openInference,
		vercelAI,
		openLLMetry,
		genkit,
		googleADK,
		liveKit,
		pydanticAI,
		claudeCode,
		geminiCLI,
		flue,
		otelGenAI,
		openLIT,
		mastra,
		voltAgent,
		liteLLM,
		opencode,
		generic,
	}
}

// otherFamily is the family of spans that speak no dialect.
const otherFamily = "other"
