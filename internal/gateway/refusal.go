package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// Reasons why a request is refused as a whole. They are label values of
// spanmill_gateway_requests_refused_total. (Reasons of single spans are
// otlp's.)
const (
	ReasonMethod        = "wrong_method"
	ReasonNoKey         = "unauthenticated"
	ReasonForbidden     = "forbidden"
	ReasonContentType   = "unsupported_content_type"
	ReasonEncoding      = "unsupported_content_encoding"
	ReasonTooLarge      = "body_too_large"
	ReasonReadTimeout   = "read_timeout"
	ReasonIncomplete    = "incomplete_body"
	ReasonCompression   = "bad_compression"
	ReasonMalformed     = "malformed"
	ReasonExperiment    = "bad_experiment"
	ReasonOverloaded    = "overloaded"
	ReasonBusFull       = "bus_full"
	ReasonProduceFailed = "produce_failed"
)

// RefusalError is the error of a request that was not taken. Nothing of it was
// acknowledged.
type RefusalError struct {
	// Reason is one of the constants above.
	Reason string
	// Message is for the caller.
	Message string
	// Cause is what happened, for the log; it may be nil.
	Cause error
}

func (r *RefusalError) Error() string {
	if r.Cause == nil {
		return r.Reason + ": " + r.Message
	}
	return fmt.Sprintf("%s: %s: %v", r.Reason, r.Message, r.Cause)
}

func (r *RefusalError) Unwrap() error { return r.Cause }

// HTTPStatus is the answer over HTTP.
func (r *RefusalError) HTTPStatus() int { status, _, _ := r.answer(); return status }

// Retryable reports whether the same request may succeed later.
func (r *RefusalError) Retryable() bool { _, _, retry := r.answer(); return retry }

// Code is the answer over gRPC, and in the status body over HTTP.
func (r *RefusalError) Code() codes.Code { _, code, _ := r.answer(); return code }

// answer is the table of all refusals.
func (r *RefusalError) answer() (status int, code codes.Code, retry bool) {
	switch r.Reason {
	case ReasonMethod:
		return http.StatusMethodNotAllowed, codes.Unimplemented, false
	case ReasonNoKey:
		return http.StatusUnauthorized, codes.Unauthenticated, false
	case ReasonForbidden:
		return http.StatusForbidden, codes.PermissionDenied, false
	case ReasonContentType:
		return http.StatusUnsupportedMediaType, codes.InvalidArgument, false
	case ReasonEncoding:
		return http.StatusUnsupportedMediaType, codes.Unimplemented, false
	case ReasonTooLarge:
		return http.StatusRequestEntityTooLarge, codes.ResourceExhausted, false
	case ReasonReadTimeout:
		return http.StatusRequestTimeout, codes.DeadlineExceeded, false
	case ReasonOverloaded, ReasonBusFull, ReasonProduceFailed:
		return http.StatusServiceUnavailable, codes.Unavailable, true
	default: // incomplete, bad compression, malformed, bad experiment
		return http.StatusBadRequest, codes.InvalidArgument, false
	}
}

func refuse(reason, message string) *RefusalError {
	return &RefusalError{Reason: reason, Message: message}
}

func tooLarge(bound int) *RefusalError {
	return refuse(ReasonTooLarge, fmt.Sprintf("the request is larger than %d bytes: send smaller batches", bound))
}

// malformed words a framing error for the client, offset included.
func malformed(signal otlp.Signal, err error) *RefusalError {
	_, what, _ := strings.Cut(err.Error(), ": ") // otlp's errors begin with who says it
	kind := "trace"
	if signal == otlp.Logs {
		kind = "log"
	}
	return refuse(ReasonMalformed, "not an OTLP "+kind+" request: "+what)
}

// Message says for the caller of Ingest which spans were not accepted; "" if all were.
func (r Result) Message() string {
	_, message := partial(otlp.Traces, r)
	return message
}

// partial is the message and the count of a partial success; 0 and "" if all
// was accepted.
func partial(signal otlp.Signal, r Result) (rejected int64, message string) {
	if len(r.Rejects) == 0 {
		return 0, ""
	}
	b := []byte("rejected spans: ")
	if signal == otlp.Logs {
		b = []byte("spanmill keeps GenAI content, evaluation results and business events, no other logs (OTEL_LOGS_EXPORTER=none sends none); rejected log records: ")
	}
	for i, reject := range r.Rejects {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(append(append(b, reject.Reason...), ' '), int64(reject.Count), 10)
		rejected += int64(reject.Count)
	}
	return rejected, string(b)
}

// discarded answers metrics, which are not stored here.
const discarded = "spanmill stores traces: these metrics were read and dropped. Set OTEL_METRICS_EXPORTER=none to stop sending them."
