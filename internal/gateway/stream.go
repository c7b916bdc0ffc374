package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// streamStep is how much of a message the door asks its stream for at once, and
// so how far the stream's window opens: one step travels per round trip.
const streamStep = 128 * kib

// wire is a gRPC stream below messages. The transport's stream has these
// methods; RecvMsg, built upon them, takes whole messages before anyone can
// count them. TestStreamIsReadInSteps fails should grpc-go take them away.
type wire interface {
	ReadMessageHeader(header []byte) error
	Read(n int) (mem.BufferSlice, error)
	RecvCompress() string
}

// message is one gRPC message as sent.
type message struct {
	body     *buffer
	encoding string // "" if the message is not compressed
}

// receive reads the one message of a stream, within the read time-out. The
// buffer is the caller's, unless there is an error.
func (g *Gateway) receive(ctx context.Context) (message, error) {
	w, ok := grpc.ServerTransportStreamFromContext(ctx).(wire)
	if !ok {
		return message{}, errors.New("this gRPC transport cannot be read in steps")
	}
	type outcome struct {
		message message
		err     error
	}
	arrived, left := make(chan outcome), make(chan struct{})
	defer close(left)
	// A stream can be read, but not given up, from where it is handled. So this
	// goroutine reads; when the handler leaves, its stream ends and it with it.
	go func() {
		m, err := g.readMessage(w)
		select {
		case arrived <- outcome{m, err}:
		case <-left:
			g.buffers.put(m.body)
		}
	}()
	late := time.NewTimer(g.cfg.ReadTimeout)
	defer late.Stop()
	select {
	case o := <-arrived:
		return o.message, o.err
	case <-late.C:
		return message{}, refuse(ReasonReadTimeout, "the request took too long to arrive")
	}
}

// readMessage reads a length-prefixed message in steps, each taken from the
// budget before the client may send it.
func (g *Gateway) readMessage(w wire) (m message, err error) {
	var header [5]byte
	if err := w.ReadMessageHeader(header[:]); err != nil {
		return m, streamError(err)
	}
	if header[0] != 0 {
		m.encoding = w.RecvCompress()
		if header[0] != 1 || m.encoding == "" || m.encoding == encodingIdentity {
			return message{}, refuse(ReasonCompression, "a compressed message without an encoding")
		}
	}
	size := int(binary.BigEndian.Uint32(header[1:]))
	if size > g.cfg.MaxBodyBytes {
		return message{}, tooLarge(g.cfg.MaxBodyBytes)
	}
	body := g.buffers.get()
	if err := readBody(w, body, size); err != nil {
		g.buffers.put(body)
		return message{}, err
	}
	m.body = body
	return m, nil
}

func readBody(w wire, body *buffer, size int) error {
	for len(body.bytes) < size {
		n := min(streamStep, size-len(body.bytes))
		if !body.grow(n) {
			return overloaded()
		}
		chunk, err := w.Read(n)
		if err != nil {
			return streamError(err)
		}
		for _, part := range chunk {
			body.bytes = append(body.bytes, part.ReadOnlyData()...)
		}
		chunk.Free()
	}
	return nil
}

// streamError words what went wrong while a message arrived.
func streamError(err error) error {
	if errors.Is(err, io.EOF) {
		return refuse(ReasonIncomplete, "the stream ended without a message")
	}
	return &RefusalError{ReasonIncomplete, "the request did not arrive whole", err}
}
