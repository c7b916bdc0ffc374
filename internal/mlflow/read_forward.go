package mlflow

import (
	"encoding/json"
	"io"
	"net/http"
)

// Queries are the read calls of a process that has tables to ask.
type Queries interface {
	// Ask sends a request on, with the caller's key. body is the request's.
	Ask(r *http.Request, body []byte) (*http.Response, error)
}

// maxForwarded bounds an answer that is handed on.
const maxForwarded = 256 * mib

// forward answers a read by the process that can, in its words.
func (s *Server) forward(c *call) (answer, error) {
	if s.deps.Queries == nil {
		return answer{}, later(reasonStore, "nobody here can read: 'spanmill query' answers reads", nil)
	}
	resp, err := s.deps.Queries.Ask(c.Request, c.body)
	if err != nil {
		return answer{}, later(reasonStore, "the query service does not answer", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxForwarded+1))
	if err != nil || len(body) > maxForwarded {
		return answer{}, later(reasonStore, "the query service's answer was cut off or is too large", err)
	}
	if resp.StatusCode == http.StatusOK {
		return answer{resp.Header.Get("Content-Type"), body}, nil
	}
	var said struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return answer{}, later(reasonStore, "the query service answers with something else", nil)
	}
	return answer{}, &Error{
		Status: resp.StatusCode, Reason: forwardedReason(resp.StatusCode), Code: said.Code, Message: said.Message,
		Retry: resp.Header.Get("Retry-After") != "",
	}
}

func forwardedReason(status int) string {
	switch status {
	case http.StatusBadRequest:
		return reasonInvalid
	case http.StatusNotFound:
		return reasonNotFound
	case http.StatusUnauthorized:
		return reasonNoKey
	case http.StatusForbidden:
		return reasonForbidden
	}
	return reasonStore
}
