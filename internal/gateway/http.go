package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// headerExperiment names the MLflow experiment; MLflow's clients send it.
const headerExperiment = "x-mlflow-experiment-id"

const (
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
)

// httpDoor is OTLP over HTTP.
type httpDoor struct {
	g *Gateway
}

func (d httpDoor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/traces", d.export(otlp.Traces))
	mux.HandleFunc("/v1/metrics", d.export(otlp.Metrics))
	mux.HandleFunc("/v1/logs", d.export(otlp.Logs))
	mux.HandleFunc(businessPath, d.business)
	mux.Handle("GET /{$}", newPage(d.g))
	return mux
}

// export answers one signal.
func (d httpDoor) export(signal otlp.Signal) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		contentType := contentTypeOf(r)
		rejected, message, err := d.take(r, signal, contentType)
		if err != nil {
			// A client that writes before it reads sees a broken connection, not
			// our answer, unless the rest of its request finds a reader.
			d.drain(r)
			d.refuse(w, contentType, asRefusal(err))
			return
		}
		var body []byte
		if contentType == typeJSON {
			body = otlp.AppendResponseJSON(nil, signal, rejected, message)
		} else {
			body = otlp.AppendResponse(nil, rejected, message)
		}
		d.answer(w, contentType, http.StatusOK, body)
		d.g.m.answered(transportHTTP, "200", nil)
	}
}

// take does what the request asks and gives what its partial success says.
func (d httpDoor) take(r *http.Request, signal otlp.Signal, contentType string) (rejected int64, message string, err error) {
	if r.Method != http.MethodPost {
		return 0, "", refuse(ReasonMethod, "send OTLP requests by POST")
	}
	id, err := d.g.identify(r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"))
	if err != nil {
		return 0, "", err
	}
	if contentType == "" {
		return 0, "", refuse(ReasonContentType, "the content type must be "+typeProtobuf+" or "+typeJSON)
	}
	encoding, err := encodingOf(r)
	if err != nil {
		return 0, "", err
	}
	if signal == otlp.Metrics {
		return 0, discarded, d.discard(r)
	}
	if err := d.g.admit(); err != nil {
		return 0, "", err // before its body is read, not only in Ingest
	}
	body, err := d.body(r, signal, encoding)
	defer func() { d.g.buffers.put(body) }()
	if err != nil {
		return 0, "", err
	}
	result, err := d.g.ingest(r.Context(), signal, Request{
		Tenant: id.Tenant, Experiment: r.Header.Get(headerExperiment), Body: body.bytes,
	})
	rejected, message = partial(signal, result)
	return rejected, message, err
}

// encodingOf is how a request's body is compressed.
func encodingOf(r *http.Request) (string, error) {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ",")))
	if !knownEncoding(encoding) {
		return "", refuse(ReasonEncoding, "the content encoding must be gzip, zstd, deflate or identity")
	}
	return encoding, nil
}

// body reads the request as protobuf. It may return a buffer with an error.
func (d httpDoor) body(r *http.Request, signal otlp.Signal, encoding string) (*buffer, error) {
	body, err := d.received(r, encoding, d.g.cfg.MaxBodyBytes)
	if err != nil || contentTypeOf(r) != typeJSON || len(body.bytes) == 0 {
		return body, err
	}
	defer d.g.buffers.put(body)
	return d.fromJSON(signal, body)
}

// received reads and inflates a request's body, both within a bound. It may
// return a buffer with an error.
func (d httpDoor) received(r *http.Request, encoding string, bound int) (*buffer, error) {
	if r.ContentLength > int64(bound) {
		return nil, tooLarge(bound)
	}
	sent := d.g.buffers.get()
	err := sent.fill(r.Body, bound)
	d.g.m.received.WithLabelValues(transportHTTP).Add(float64(len(sent.bytes)))
	if err != nil {
		return sent, readError(err)
	}
	return d.g.payload(r.Context(), sent, encoding, bound)
}

// fromJSON gives the protobuf form in a buffer of its own.
func (d httpDoor) fromJSON(signal otlp.Signal, body *buffer) (*buffer, error) {
	b := d.g.buffers.get()
	convert := otlp.FromJSON
	if signal == otlp.Logs {
		convert = otlp.LogsFromJSON
	}
	converted, err := convert(b.bytes[:0], body.bytes)
	if err != nil {
		return b, malformed(signal, err)
	}
	// The conversion is never larger than a small multiple of the JSON, so it
	// is taken from the budget when its size is known.
	if !d.g.budget.take(len(converted)) {
		return b, overloaded()
	}
	b.bytes, b.taken = converted, len(converted)
	return b, nil
}

// readError words what went wrong while a body arrived.
func readError(err error) error {
	var refusal *RefusalError
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &RefusalError{ReasonReadTimeout, "the request took too long to arrive", err}
	}
	return &RefusalError{ReasonIncomplete, "the request did not arrive whole", err}
}

// discard reads a signal that is not stored here, as long as it is in bounds.
func (d httpDoor) discard(r *http.Request) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r.Body, int64(d.g.cfg.MaxBodyBytes)+1))
	d.g.m.received.WithLabelValues(transportHTTP).Add(float64(n))
	switch {
	case err != nil:
		return readError(err)
	case n > int64(d.g.cfg.MaxBodyBytes):
		return tooLarge(d.g.cfg.MaxBodyBytes)
	}
	return nil
}

// drain reads what a refused client still sends, without keeping it, within the
// read time-out. Who asked first whether to send is not drained: it will not.
func (d httpDoor) drain(r *http.Request) {
	if r.Header.Get("Expect") == "" {
		io.CopyN(io.Discard, r.Body, 2*int64(d.g.cfg.MaxBodyBytes)) //nolint:errcheck // best effort; the answer follows anyway
	}
}

// refuse answers with a google.rpc.Status.
func (d httpDoor) refuse(w http.ResponseWriter, contentType string, r *RefusalError) {
	status := r.HTTPStatus()
	switch r.Reason {
	case ReasonMethod:
		w.Header().Set("Allow", http.MethodPost)
	case ReasonNoKey:
		w.Header().Set("WWW-Authenticate", `Bearer realm="spanmill"`)
	case ReasonEncoding:
		w.Header().Set("Accept-Encoding", "gzip, zstd, deflate, identity")
	}
	if r.Retryable() {
		seconds := (d.g.cfg.RetryAfter + time.Second - 1) / time.Second // the header knows whole seconds
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if contentType == typeProtobuf {
		d.answer(w, contentType, status, otlp.AppendStatus(nil, int32(r.Code()), r.Message))
	} else {
		d.answer(w, typeJSON, status, otlp.AppendStatusJSON(nil, int32(r.Code()), r.Message))
	}
	d.g.m.answered(transportHTTP, strconv.Itoa(status), r)
}

func (d httpDoor) answer(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck,gosec // its spans are durable if the client is gone; protobuf or escaped JSON, never HTML
}

// contentTypeOf is one of the two types we speak, or "".
func contentTypeOf(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && (t == typeProtobuf || t == typeJSON) {
		return t
	}
	return ""
}
