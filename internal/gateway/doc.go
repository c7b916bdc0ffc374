// Package gateway is the stage at the door: it takes OTLP requests, splits them
// by partition, hands them to the bus and answers only what is true.
//
// One way in. http.go and grpc.go are two thin doors; each finds out who is
// calling, reads one bounded body and calls Ingest, which splits and produces:
//
//	door: right method, key, type → receive (bytes as sent) → inflate → JSON to protobuf
//	Ingest: admitted? → otlp.Split → Producer.Produce → Result
//
// Business events come as JSON by the HTTP door (business.go, business_json.go):
// item by item, so that one that is wrong keeps none of the others out.
//
// The doors answer as the OTLP specification says, in the request's own
// encoding. A request is refused with a reason (refusal.go): the same constant
// stands in the counter, and one table gives its HTTP status and gRPC code.
//
// What bounds memory: every body byte that a request holds, compressed or not,
// is taken from one budget before it is read (budget.go), for both doors; a
// request that finds it empty is refused with a hint to come again. Beside the
// budget there are, per request that is being answered, the split copy (at most
// twice the body and MaxSpanBytes), and fixed amounts: an HTTP connection's
// buffers, a gRPC stream's window (64 KiB, MaxStreams of them), a few inflaters
// of at most 8 MiB of window each.
//
// gRPC would read and inflate whole messages, 32 MiB per stream, before a
// handler could count them. So the door reads the stream's messages itself in
// small steps (stream.go): HTTP/2 flow control then lets no client send more
// than a window beyond what the budget granted, and an unknown key costs no
// more than that either.
//
// Invariants:
//
//   - G1: success is answered only after Produce returned nil for every record
//     of the request (promise P1).
//   - G2: neither compressed nor inflated bytes of a request exceed
//     MaxBodyBytes+1, nor those of all requests MaxInflightBytes.
//   - G3: a refusal that may succeed later says so (503 with Retry-After,
//     UNAVAILABLE with RetryInfo); one that cannot does not.
//   - G4: no key, and nothing of a body's content, reaches an answer, a log or a
//     metric.
package gateway
