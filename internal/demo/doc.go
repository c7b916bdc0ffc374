// Package demo makes realistic GenAI traces, and knows what must become of
// them. With the packages below it, it is the load generator of `spanmill demo`
// and the oracle of our tests:
//
//	demo.Generator ─► demo.Maker ─► sender.Send ──────────► the product
//	       │                            │ ledger.Ledger         │
//	       └──────► oracle.Check ◄──────┘ ◄──── ClickHouse ◄────┘
//
// The oracle is independent: nothing here imports pkg/ or the rest of
// internal/, so that a mistake in the product cannot hide in its judge. The
// generator does not compute what a span means from its attributes, it knows:
// it decided to call model X with 17 input tokens, and says so in Want, beside
// the attributes that tell it in one of three dialects.
//
// Everything can be made again. Span s of trace i is a pure function of
// (Options, i, s), made in a microsecond or two without its neighbours:
//
//   - a trace id is 8 bytes that name the seed and 8 bytes that are a bijection
//     of i; a span id is a bijection of s, keyed by the trace. Whoever holds a
//     row knows which span it must be;
//   - every message ends with a reference that is a bijection of (i, s, its
//     ordinal), so no message repeats, ever;
//   - the order of sending is the order of (i, s). A request carries a Piece: a
//     range of that order, so a ledger holds ranges, not spans.
//
// Read trace.go for how a trace is laid out, roles.go for what its spans do,
// dialects.go for how they say it. Hostile tests build bodies with Message and
// RawSpan, which have no opinion on what is valid.
package demo
