package mlflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

// Reasons why a request is refused: label values of
// spanmill_mlflow_requests_refused_total. Refusals of the way in keep the
// gateway's reasons.
const (
	reasonNoKey     = "unauthenticated"
	reasonForbidden = "forbidden"
	reasonInvalid   = "invalid"
	reasonNotFound  = "not_found"
	reasonExists    = "already_exists"
	reasonRoute     = "unknown_route"
	reasonNotReady  = "not_ready"
	reasonStore     = "store_unavailable"
	reasonFull      = "full"
	reasonNoFolder  = "no_attachments"
	reasonFolder    = "attachments_unavailable"
	reasonInternal  = "internal"
)

// MLflow's error codes.
const (
	codeInvalid         = "INVALID_PARAMETER_VALUE"
	codeBadRequest      = "BAD_REQUEST"
	codeExists          = "RESOURCE_ALREADY_EXISTS"
	codeMissing         = "RESOURCE_DOES_NOT_EXIST"
	codeNotFound        = "NOT_FOUND"
	codeUnauthenticated = "UNAUTHENTICATED"
	codeForbidden       = "PERMISSION_DENIED"
	codeTooMany         = "RESOURCE_EXHAUSTED"
	codeUnavailable     = "TEMPORARILY_UNAVAILABLE"
	codeInternal        = "INTERNAL_ERROR"
)

// Error is a refused request. Nothing of it was acknowledged.
type Error struct {
	Status int
	// Reason is for metrics: a constant.
	Reason string
	// Code is MLflow's error code; "" takes the usual one of Status.
	Code string
	// Message is for the caller.
	Message string
	// Retry says that the same request may succeed later.
	Retry bool
	// Cause is what happened, for the log; it may be nil.
	Cause error
	// detail is the body that FastAPI routes answer with, instead of MLflow's.
	detail any
}

func (e *Error) Error() string {
	text := e.Reason + ": " + e.Message
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

func invalid(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Reason: reasonInvalid, Code: codeInvalid, Message: message}
}

func missing(message string) *Error {
	return &Error{Status: http.StatusNotFound, Reason: reasonNotFound, Code: codeMissing, Message: message}
}

func exists(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Reason: reasonExists, Code: codeExists, Message: message}
}

// later refuses what may succeed later.
func later(reason, message string, cause error) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Reason: reason, Message: message, Retry: true, Cause: cause}
}

// asError gives the refusal behind an error of a handler. What is none is our
// own fault.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Reason: reasonInternal, Message: "an error of the server", Cause: err}
}

// code is MLflow's error code.
func (e *Error) code() string {
	if e.Code != "" {
		return e.Code
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return codeUnauthenticated
	case http.StatusForbidden:
		return codeForbidden
	case http.StatusNotFound:
		return codeNotFound
	case http.StatusTooManyRequests:
		return codeTooMany
	case http.StatusServiceUnavailable:
		return codeUnavailable
	case http.StatusInternalServerError:
		return codeInternal
	}
	return codeBadRequest
}

// class and state are what MLflow adds to its codes for reports.
func class(code string) (class, state string) {
	switch code {
	case codeMissing, codeNotFound:
		return "RESOURCE_NOT_FOUND", "KAM00"
	case codeExists, codeForbidden:
		return code, "KAM00"
	case codeUnavailable, codeInternal:
		return "CLIENT_INTERNAL_ERROR", "XXM00"
	case codeUnauthenticated, codeTooMany:
		return "", ""
	}
	return "INVALID_PARAMETER_VALUE", "KAM00"
}

// body is the error as MLflow's clients read it.
func (e *Error) body() []byte {
	if e.detail != nil {
		return encode(struct {
			Detail any `json:"detail"`
		}{e.detail})
	}
	code := e.code()
	errorClass, state := class(code)
	return encode(struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
		State   string `json:"sqlstate,omitempty"`
		Class   string `json:"error_class,omitempty"`
	}{code, e.Message, state, errorClass})
}

// encode gives a value as JSON, without escapes for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("mlflow: an answer that is no JSON: " + err.Error()) // values of this package only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
