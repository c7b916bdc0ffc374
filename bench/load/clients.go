package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// HTTP sends to an OTLP/HTTP endpoint.
type HTTP struct {
	url    string
	client *http.Client
}

// NewHTTP gives a client of url, its path included, that keeps as many
// connections as there are workers.
func NewHTTP(url string, workers int) *HTTP {
	return &HTTP{url: url, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true},
	}}
}

// Post implements Client.
func (h *HTTP) Post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := h.client.Do(request)
	if err != nil {
		return &RetryError{err}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return &RetryError{err}
	case response.StatusCode == http.StatusOK:
		return rejected(answer)
	}
	err = fmt.Errorf("%s: %.200s", response.Status, answer)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &RetryError{err}
	}
	return err
}

// Close ends the connections.
func (h *HTTP) Close() error {
	h.client.CloseIdleConnections()
	return nil
}

// rejected tells whether a success was one for all spans: those that we send
// are valid.
func rejected(answer []byte) error {
	var r collector.ExportTraceServiceResponse
	if err := proto.Unmarshal(answer, &r); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if n := r.GetPartialSuccess().GetRejectedSpans(); n > 0 {
		return fmt.Errorf("%d spans were rejected: %s", n, r.GetPartialSuccess().GetErrorMessage())
	}
	return nil
}

// GRPC sends to an OTLP/gRPC endpoint over one connection.
type GRPC struct{ conn *grpc.ClientConn }

// NewGRPC gives a client of addr, host:port.
func NewGRPC(addr string) (*GRPC, error) {
	conn, err := grpc.NewClient(addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return &GRPC{conn}, nil
}

// Post implements Client.
func (g *GRPC) Post(ctx context.Context, body []byte) error {
	var answer []byte
	err := g.conn.Invoke(ctx, collector.TraceService_Export_FullMethodName, &body, &answer)
	if err == nil {
		return rejected(answer)
	}
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss, codes.ResourceExhausted:
		return &RetryError{err}
	default:
		return err
	}
}

// Close ends the connection.
func (g *GRPC) Close() error { return g.conn.Close() }

// raw is a codec for messages that are bytes already.
type raw struct{}

var errNotBytes = errors.New("not bytes")

func (raw) Marshal(v any) ([]byte, error) {
	if b, ok := v.(*[]byte); ok {
		return *b, nil
	}
	return nil, errNotBytes
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return errNotBytes
	}
	*b = bytes.Clone(data)
	return nil
}

func (raw) Name() string { return "proto" }
