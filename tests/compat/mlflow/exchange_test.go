package mlflow_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// exchange is a request and its reply, as the client saw them.
type exchange struct {
	Method string
	Path   string // with its query
	Header http.Header
	Body   []byte

	Status int
	Type   string // the reply's media type
	Reply  []byte
}

// seen is an exchange in which all that a server makes up has a name.
type seen struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Request any    `json:"request,omitempty"`
	Status  int    `json:"status"`
	Type    string `json:"type"`
	Reply   any    `json:"reply,omitempty"`
}

// see names an exchange's parts. Exchanges are to be seen in their order.
func (s *symbols) see(e *exchange) seen {
	request := content(e.Header.Get("Content-Type"), e.Body)
	reply := content(e.Type, e.Reply)
	s.begin()
	s.requested(e.Path)
	s.requested(string(e.Body))
	s.learn(reply)
	return seen{
		Method: e.Method, Path: s.text(e.Path), Request: s.name(request),
		Status: e.Status, Type: e.Type, Reply: s.name(reply),
	}
}

// content is what a body says: the value of JSON, the spans of protobuf, text,
// or base64.
func content(contentType string, body []byte) any {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
		return ""
	case err == nil && media == "application/x-protobuf":
		if spans, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body); err == nil {
			if text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(spans); err == nil {
				return parsed(text)
			}
		}
	case json.Valid(body) && body[0] != '"' && (body[0] < '0' || body[0] > '9'):
		return parsed(body)
	}
	if utf8.Valid(body) {
		return string(body)
	}
	return base64.StdEncoding.EncodeToString(body)
}

// parsed is the value of JSON, in which lists of keys and values are objects:
// in OTLP and in MLflow their order says nothing.
func parsed(text []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return string(text)
	}
	return keyed(value)
}

func keyed(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = keyed(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = keyed(inner)
		}
		if object, ok := objectOf(v); ok {
			return object
		}
	}
	return value
}

// objectOf is a list of keys and values as an object, if it is one: each
// element has a key, a value or none, and nothing else, and no key comes twice.
func objectOf(list []any) (map[string]any, bool) {
	all := make(map[string]any, len(list))
	for _, element := range list {
		pair, _ := element.(map[string]any)
		key, ok := pair["key"].(string)
		value, hasValue := pair["value"]
		if !ok || len(pair) > 2 || (len(pair) == 2 && !hasValue) {
			return nil, false
		}
		all[key] = value
	}
	return all, len(list) > 0 && len(all) == len(list)
}

var idInPath = regexp.MustCompile(`^(<.*>|tr-.*|a-.*|odd-id-.*|[0-9a-f]{32}|[0-9a-f-]{36}|[0-9]+)$`)

// route is a path without query, in which ids are {id}.
func route(path string) string {
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if idInPath.MatchString(segment) {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}
