package gateway

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// grpcDoor is OTLP over gRPC.
type grpcDoor struct {
	g       *Gateway
	streams chan struct{} // one element per request in progress
}

const (
	// streamWindow is the least that HTTP/2 in grpc-go works with: what a
	// client may send before its request is looked at. The connection's window
	// does not wait for readers and may be larger.
	streamWindow = 64 * kib
	connWindow   = 1 * mib
	// minPing is how often a client may ping; SDKs ping every 10 s at most.
	minPing = 5 * time.Second
	// pingAfter and pingTimeout find connections whose other end is gone.
	pingAfter   = time.Minute
	pingTimeout = 20 * time.Second
)

func (g *Gateway) newGRPCServer() *grpc.Server {
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.MaxConcurrentStreams(uint32(g.cfg.MaxConnStreams)),
		grpc.MaxHeaderListSize(uint32(g.cfg.MaxHeaderBytes)),
		grpc.MaxRecvMsgSize(g.cfg.MaxBodyBytes),
		grpc.ConnectionTimeout(g.cfg.HeaderTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: g.cfg.IdleTimeout, Time: pingAfter, Timeout: pingTimeout,
		}),
		// A client that pings an idle connection is careful, not hostile.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
	)
	door := grpcDoor{g: g, streams: make(chan struct{}, g.cfg.MaxStreams)}
	for signal, name := range map[otlp.Signal]string{
		otlp.Traces:  "opentelemetry.proto.collector.trace.v1.TraceService",
		otlp.Metrics: "opentelemetry.proto.collector.metrics.v1.MetricsService",
		otlp.Logs:    "opentelemetry.proto.collector.logs.v1.LogsService",
	} {
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: name, HandlerType: (*any)(nil),
			Streams: []grpc.StreamDesc{{StreamName: "Export", Handler: door.export(signal)}},
		}, nil)
	}
	return server
}

// export answers one signal.
func (d grpcDoor) export(signal otlp.Signal) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		response, err := d.take(stream.Context(), signal)
		if err == nil {
			err = stream.SendMsg(raw(response))
			d.g.m.answered(transportGRPC, status.Code(err).String(), nil)
			return err
		}
		answer := d.refuse(asRefusal(err))
		d.g.m.answered(transportGRPC, status.Code(answer).String(), err)
		return answer
	}
}

// take does what the request asks and gives the response.
func (d grpcDoor) take(ctx context.Context, signal otlp.Signal) ([]byte, error) {
	select {
	case d.streams <- struct{}{}:
		defer func() { <-d.streams }()
	default:
		return nil, overloaded()
	}
	// Answers are a few bytes; compressing them would only make them longer.
	if err := grpc.SetSendCompressor(ctx, encodingIdentity); err != nil {
		return nil, err
	}
	md, _ := metadata.FromIncomingContext(ctx)
	id, err := d.g.identify(first(md, "authorization"), first(md, "x-api-key"))
	if err != nil {
		return nil, err
	}
	if signal != otlp.Metrics {
		if err := d.g.admit(); err != nil {
			return nil, err // before its body is read, not only in Ingest
		}
	}
	m, err := d.g.receive(ctx)
	if err != nil {
		return nil, err
	}
	d.g.m.received.WithLabelValues(transportGRPC).Add(float64(len(m.body.bytes)))
	if signal == otlp.Metrics {
		d.g.buffers.put(m.body)
		return otlp.AppendResponse(nil, 0, discarded), nil
	}
	body, err := d.g.payload(ctx, m.body, m.encoding, d.g.cfg.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	defer d.g.buffers.put(body)
	result, err := d.g.ingest(ctx, signal, Request{
		Tenant: id.Tenant, Experiment: first(md, headerExperiment), Body: body.bytes,
	})
	if err != nil {
		return nil, err
	}
	rejected, message := partial(signal, result)
	return otlp.AppendResponse(nil, rejected, message), nil
}

// refuse gives the status of a refusal, with RetryInfo where it makes sense.
func (d grpcDoor) refuse(r *RefusalError) error {
	st := status.New(r.Code(), r.Message)
	if !r.Retryable() {
		return st.Err()
	}
	detailed, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(d.g.cfg.RetryAfter)})
	if err != nil {
		return st.Err()
	}
	return detailed.Err()
}

// first gives the first value of a metadata key, "" if there is none.
func first(md metadata.MD, key string) string {
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// raw is a message in wire form.
type raw []byte

// rawCodec passes messages as they are: requests are split, not decoded.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(raw)
	if !ok {
		return nil, status.Error(codes.Internal, "not a message in wire form")
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

// Unmarshal is never called: receive reads below messages.
func (rawCodec) Unmarshal(mem.BufferSlice, any) error {
	return errors.New("messages are read from the stream")
}
