package load

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"github.com/spanmill/spanmill/internal/demo"
)

// Body is a request: an OTLP ExportTraceServiceRequest and which spans it has.
type Body struct {
	demo.Piece

	Bytes []byte
}

// Make makes requests of batch spans each of what cursor, which is g's, gives.
func Make(g *demo.Generator, cursor *demo.Cursor, batch int) []Body {
	var bodies []Body
	for {
		piece, ok := cursor.Next(batch)
		if !ok {
			break
		}
		bodies = append(bodies, Body{Piece: piece})
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			maker, buf := g.NewMaker(), []byte(nil)
			for n := next.Add(1) - 1; n < int64(len(bodies)); n = next.Add(1) - 1 {
				buf = maker.AppendPiece(buf[:0], bodies[n].Piece)
				bodies[n].Bytes = bytes.Clone(buf)
			}
		})
	}
	workers.Wait()
	return bodies
}

// Traits say what bodies are like: what a figure depends on.
type Traits struct {
	Spans, Requests int
	// SpanBytes is the mean size of a span, with its share of what surrounds it.
	SpanBytes float64
	// Ratio is by how much zstd, level 3, shrinks the first MiB.
	Ratio float64
}

// maxRatio: text that shrinks more repeats itself, and flatters compression.
const maxRatio = 3.5

// Describe looks at bodies, and refuses those that compress too well.
func Describe(bodies []Body) (Traits, error) {
	t := Traits{Requests: len(bodies)}
	size := 0
	var sample []byte
	for _, b := range bodies {
		t.Spans += b.Spans
		size += len(b.Bytes)
		sample = append(sample, b.Bytes[:min(len(b.Bytes), 1<<20-len(sample))]...)
	}
	if t.Spans == 0 {
		return t, nil
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return t, fmt.Errorf("describe bodies: %w", err)
	}
	t.SpanBytes = float64(size) / float64(t.Spans)
	t.Ratio = float64(len(sample)) / float64(len(encoder.EncodeAll(sample, nil)))
	if t.Ratio > maxRatio {
		return t, fmt.Errorf("zstd makes the bodies %.2f times smaller, more than %.1f: they repeat themselves", t.Ratio, maxRatio)
	}
	return t, nil
}
