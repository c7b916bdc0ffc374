// Package demo makes realistic GenAI traces, sends them, and knows what must
// have become of them: it is the load generator of `spanmill demo` and the
// oracle of our tests.
//
// The oracle is independent: nothing here imports pkg/ or internal/, so that a
// mistake in the product cannot hide in the judge. The generator does not
// compute the meaning of a span from its attributes, it knows it: it decided to
// call model X with 17 input tokens, and says so in Want beside the attributes
// that any of three dialects would use to tell.
//
// Everything is recomputable. Span s of trace i is a pure function of (Options,
// i, s), made in about a microsecond without its neighbours:
//
//   - a trace id is 8 bytes that name the seed and 8 bytes that are a bijection
//     of i; a span id is a bijection of s, keyed by the trace. Whoever holds a
//     row knows which span it must be (locate);
//   - every message carries a reference that is a bijection of (i, s, ordinal),
//     so that no message ever repeats;
//   - the order of sending is the order of (i, s). A request is a Piece: a range
//     of positions in that order.
//
// So a ledger need not hold spans: Ledger is a text file with the options and
// what became of each piece (sent, acked, partly accepted, refused). Send
// appends to it; Check reads table spans in whatever order the engine streams
// it, recomputes each row's span, compares them column by column (columns.go is
// the one table of what is compared), and ticks the span off in a bitmap.
// Memory is a bit a span.
//
//	Options ─► Generator ─► Maker.Span ─► AppendPiece ─► Send ─► the product
//	               │                                      │          │
//	               └───────── Check ◄── ReadLedger ◄── Ledger     ClickHouse
//	                            ▲────────────────────────────────────┘
//
// Hostile tests build their bodies with Message and RawSpan, which have no
// opinion on what is valid.
package demo
