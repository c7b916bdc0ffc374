package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

const (
	mib          = 1 << 20
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
	traceExport  = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
)

// badUTF8 stands for mended in requests until they are bytes: the libraries
// that make requests refuse to send what is not UTF-8.
const (
	badUTF8     = "~utf8~"
	badUTF8Sent = "\xff~\xc3~~~"
	badUTF8Kept = "\uFFFD~\uFFFD~~~"
)

// doorAnswer is what a client got, whatever the door.
type doorAnswer struct {
	HTTP     int // 0 over gRPC
	Code     codes.Code
	Message  string // of the refusal, or of the partial success
	Rejected int64
	Retry    time.Duration // 0: no hint to come again
}

// doorCall is one request as bytes.
type doorCall struct {
	body     []byte
	repeat   int    // the body is sent so many times over; 0 means once
	encoding string // of the content
	headers  []string
	path     string // HTTP path or gRPC method, "" exports traces
	typ      string // HTTP content type, "" is the door's own
	chunked  bool   // HTTP: the length is not announced
}

// door is one way in.
type door struct {
	name string
	json bool
	send func(t testing.TB, up *harness.Instance, c doorCall) doorAnswer
}

func doors() []door {
	return []door{
		{"HTTP protobuf", false, func(t testing.TB, up *harness.Instance, c doorCall) doorAnswer {
			t.Helper()
			c.typ = firstOf(c.typ, typeProtobuf)
			return postOTLP(t, up, c)
		}},
		{"HTTP JSON", true, func(t testing.TB, up *harness.Instance, c doorCall) doorAnswer {
			t.Helper()
			c.typ = firstOf(c.typ, typeJSON)
			return postOTLP(t, up, c)
		}},
		{"gRPC", false, callOTLP},
	}
}

// encode gives a request in the door's own form.
func (d door) encode(t testing.TB, r *collectorpb.ExportTraceServiceRequest) []byte {
	t.Helper()
	body, err := proto.Marshal(r)
	if d.json && err == nil {
		body, err = otlpJSON(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(body, []byte(badUTF8), []byte(badUTF8Sent))
}

// export sends a request and gives the answer.
func (d door) export(t testing.TB, up *harness.Instance, r *collectorpb.ExportTraceServiceRequest, headers ...string) doorAnswer {
	t.Helper()
	return d.send(t, up, doorCall{body: d.encode(t, r), headers: headers})
}

// ok is the answer to a request of which everything was taken.
func (d door) ok() doorAnswer { return d.at(doorAnswer{HTTP: http.StatusOK}) }

// at is the answer as this door gives it.
func (d door) at(a doorAnswer) doorAnswer {
	if d.name == "gRPC" {
		a.HTTP = 0
	}
	return a
}

// otlpJSON is protobuf's JSON with what OTLP does otherwise: ids in hexadecimal.
func otlpJSON(r *collectorpb.ExportTraceServiceRequest) ([]byte, error) {
	text, err := protojson.Marshal(r)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	hexIDs(tree)
	return json.Marshal(tree)
}

func hexIDs(node any) {
	switch node := node.(type) {
	case []any:
		for _, v := range node {
			hexIDs(v)
		}
	case map[string]any:
		for k, v := range node {
			text, ok := v.(string)
			if ok && (k == "traceId" || k == "spanId" || k == "parentSpanId") {
				id, _ := base64.StdEncoding.DecodeString(text) // protojson wrote it
				node[k] = hex.EncodeToString(id)
			}
			hexIDs(v)
		}
	}
}

// compressed gives body, repeat times, in an encoding.
func compressed(t testing.TB, name string, body []byte, repeat int) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch name {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		w, err = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	case "deflate":
		w = zlib.NewWriter(&out)
	default: // none, or one that nobody knows
		return bytes.Repeat(body, repeat)
	}
	for range repeat {
		if err == nil {
			_, err = w.Write(body)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// postOTLP sends over HTTP.
func postOTLP(t testing.TB, up *harness.Instance, c doorCall) doorAnswer {
	t.Helper()
	body := compressed(t, c.encoding, c.body, max(c.repeat, 1))
	var content io.Reader = bytes.NewReader(body)
	if c.chunked {
		content = io.MultiReader(content) // of a length that the client cannot see
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+up.OTLPHTTP+firstOf(c.path, "/v1/traces"), content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", c.typ)
	if c.encoding != "" {
		r.Header.Set("Content-Encoding", c.encoding)
	}
	for i := 0; i < len(c.headers); i += 2 {
		r.Header.Set(c.headers[i], c.headers[i+1])
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("POST: %v", err)
		return doorAnswer{}
	}
	defer response.Body.Close()
	return readAnswer(t, response, c.typ)
}

// readAnswer decodes an answer, which must be in the request's own form.
func readAnswer(t testing.TB, response *http.Response, sent string) doorAnswer {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("read the answer: %v", err)
	}
	want := sent
	if sent != typeProtobuf {
		want = typeJSON // so is what we do not know answered
	}
	if got := response.Header.Get("Content-Type"); got != want {
		t.Errorf("the answer's content type is %q, want %q", got, want)
	}
	a := doorAnswer{HTTP: response.StatusCode}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		a.Retry = time.Duration(seconds) * time.Second
	}
	ok, refused := new(collectorpb.ExportTraceServiceResponse), new(spb.Status)
	var into proto.Message = refused
	if response.StatusCode == http.StatusOK {
		into = ok
	}
	if want == typeJSON {
		err = protojson.Unmarshal(body, into)
	} else {
		err = proto.Unmarshal(body, into)
	}
	if err != nil {
		t.Errorf("decode the answer %q: %v", body, err)
	}
	a.Code, a.Rejected = codes.Code(refused.GetCode()), ok.GetPartialSuccess().GetRejectedSpans()
	a.Message = refused.GetMessage() + ok.GetPartialSuccess().GetErrorMessage()
	return a
}

// callOTLP sends over gRPC.
func callOTLP(t testing.TB, up *harness.Instance, c doorCall) doorAnswer {
	t.Helper()
	registerEncodings()
	conn, err := grpc.NewClient(up.OTLPGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	headers := make([]string, len(c.headers))
	for i, h := range c.headers { // names and values in turn
		headers[i] = h
		if i%2 == 0 {
			headers[i] = strings.ToLower(h)
		}
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), headers...)
	options := []grpc.CallOption{grpc.ForceCodecV2(wireCodec{})}
	if c.encoding != "" {
		options = append(options, grpc.UseCompressor(c.encoding))
	}
	var reply []byte
	err = conn.Invoke(ctx, firstOf(c.path, traceExport), c, &reply, options...)
	st := status.Convert(err)
	a := doorAnswer{Code: st.Code(), Message: st.Message()}
	for _, detail := range st.Details() {
		info, ok := detail.(*errdetails.RetryInfo)
		if !ok {
			t.Errorf("unexpected detail %v", detail)
		}
		a.Retry = info.GetRetryDelay().AsDuration()
	}
	if err == nil {
		response := new(collectorpb.ExportTraceServiceResponse)
		if err := proto.Unmarshal(reply, response); err != nil {
			t.Errorf("decode the answer: %v", err)
		}
		a.Rejected, a.Message = response.GetPartialSuccess().GetRejectedSpans(), response.GetPartialSuccess().GetErrorMessage()
	}
	return a
}

// wireCodec sends a doorCall's bytes as they are.
type wireCodec struct{}

func (wireCodec) Name() string { return "proto" }

func (wireCodec) Marshal(v any) (mem.BufferSlice, error) {
	c := v.(doorCall)
	var out mem.BufferSlice
	for range max(c.repeat, 1) {
		out = append(out, mem.SliceBuffer(c.body))
	}
	return out, nil
}

func (wireCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// registerEncodings tells grpc-go how to send what it does not know of itself.
var registerEncodings = sync.OnceFunc(func() {
	for _, name := range []string{"gzip", "zstd", "deflate", "rot13"} {
		encoding.RegisterCompressor(compressor(name))
	}
})

type compressor string

func (c compressor) Name() string { return string(c) }

func (c compressor) Compress(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case "gzip":
		return gzip.NewWriter(w), nil
	case "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	case "deflate":
		return zlib.NewWriter(w), nil
	}
	return asIs{w}, nil
}

// Decompress is never asked for: answers are not compressed.
func (c compressor) Decompress(io.Reader) (io.Reader, error) { return nil, io.ErrUnexpectedEOF }

type asIs struct{ io.Writer }

func (asIs) Close() error { return nil }

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
