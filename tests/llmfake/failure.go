package llmfake

import (
	"net/http"
	"strconv"
	"strings"
)

// failure is an error answer, before an API words it.
type failure struct {
	status  int
	message string
}

// scriptedFailure is what the last turn asks for.
func scriptedFailure(last turn) *failure {
	digits, ok := strings.CutPrefix(last.text, "fail with ")
	status, err := strconv.Atoi(digits)
	if !ok || err != nil || status < 400 || status > 599 {
		return nil
	}
	return &failure{status, "The script says: " + http.StatusText(status) + "."}
}

// refusedKey is the failure of a request without a good API key.
func refusedKey(key string) *failure {
	if key != "" && key != "wrong" {
		return nil
	}
	return &failure{http.StatusUnauthorized, "Incorrect API key provided."}
}

func badRequest(message string) *failure { return &failure{http.StatusBadRequest, message} }

// Each API has a word of its own for a status.
var (
	openAIErrors = map[int]string{
		400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 500: "server_error",
	}
	anthropicErrors = map[int]string{
		400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
	}
	geminiErrors = map[int]string{
		400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
	}
)

func (f *failure) openAI() object {
	return object{"error": object{"message": f.message, "type": openAIErrors[f.status], "param": nil, "code": openAIErrors[f.status]}}
}

func (f *failure) anthropic() object {
	return object{"type": "error", "error": object{"type": anthropicErrors[f.status], "message": f.message}, "request_id": "req_fake"}
}

func (f *failure) gemini() object {
	return object{"error": object{"code": f.status, "message": f.message, "status": geminiErrors[f.status]}}
}
