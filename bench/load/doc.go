// Package load sends traces that were made beforehand and measures how long
// each acknowledgement takes. It is the load generator of the benchmark: it
// does as little as it can while it sends, because it shares the machine with
// what it measures.
//
//	bodies := load.Make(generator, cursor, batch)   // requests, by all processors
//	client := load.NewHTTP(url) or load.NewGRPC(addr)
//	result, err := load.Send(ctx, bodies, client, config)
//
// In a closed loop each worker sends its next request when the last one is
// acked: what the other side can take. In an open loop requests are due at a
// rate, whatever becomes of those before; a latency then counts from when the
// request was due, so that one stall is felt by all whom it made wait.
//
// The ledger keeps which requests were acked, so that what is stored can be
// compared with it span by span.
package load
