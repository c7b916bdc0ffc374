// Package live is the second stage of metrics: it reads topic rollups whole, by
// itself and in no group, keeps what was added to each series in the last day in
// memory, and answers from there within a second or two of the span's arrival.
//
//	store.go    what is kept: series, their panes, and the bound on their bytes
//	tiers.go    how old panes become wider ones
//	pack.go     how panes are kept: bytes, since there are millions
//	query.go    a metric's windows, per tenant: what everything else is made of
//	follow.go   the log: the newest records first, then back to a day ago
//
// Invariants:
//
//   - L1: partials are added, never replaced, so the order of records does not
//     matter and an answer equals a recount of the rollups over [Point.From, To).
//   - L2: an answer says what it covers. Where panes have become wider, windows
//     begin and end at the wider ones' bounds, and the point says so.
//   - L3: everything is asked for by tenant; no answer has two tenants' series (P7).
//   - L4: memory is bounded in bytes: old panes get wider sooner, then history gets
//     shorter, then series beyond the bound are added up as __other__. Each is
//     counted.
package live
