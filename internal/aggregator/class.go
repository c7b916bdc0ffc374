package aggregator

import "strings"

// Classes of errors. What a client calls an error never becomes a label.
const (
	classRateLimit     = "rate_limit"
	classTimeout       = "timeout"
	classAuth          = "auth"
	classServer        = "server"
	classContentFilter = "content_filter"
	classContextLength = "context_length"
	classTool          = "tool"
	classRetrieval     = "retrieval"
	classOther         = "other"
)

// classWords are what tells a class, in lower case without marks between words.
// The first that occurs counts: what is special stands before what is general.
var classWords = []struct{ word, class string }{
	{"contextlength", classContextLength},
	{"contextwindow", classContextLength},
	{"maximumcontext", classContextLength},
	{"promptistoolong", classContextLength},
	{"toomanytokens", classContextLength},
	{"stringabovemaxlength", classContextLength},
	{"contentfilter", classContentFilter},
	{"contentpolicy", classContentFilter},
	{"responsibleai", classContentFilter},
	{"moderation", classContentFilter},
	{"safety", classContentFilter},
	{"ratelimit", classRateLimit},
	{"toomanyrequests", classRateLimit},
	{"resourceexhausted", classRateLimit},
	{"throttl", classRateLimit},
	{"quota", classRateLimit},
	{"timeout", classTimeout},
	{"timedout", classTimeout},
	{"deadlineexceeded", classTimeout},
	{"unauthenticated", classAuth},
	{"unauthorized", classAuth},
	{"authentication", classAuth},
	{"permission", classAuth},
	{"forbidden", classAuth},
	{"apikey", classAuth},
	{"accessdenied", classAuth},
	{"internalserver", classServer},
	{"servererror", classServer},
	{"serviceunavailable", classServer},
	{"overloaded", classServer},
	{"badgateway", classServer},
	{"connectionerror", classServer},
	{"connectionreset", classServer},
	{"connectionrefused", classServer},
	{"unavailable", classServer},
}

// classOf gives the class of a failed span: what it calls its error decides,
// then the HTTP code that it tells, then its message, then what it was doing.
func classOf(errorType, message string, code int64, kind string) string {
	if n, ok := wholeNumber(errorType); ok {
		if class := classOfCode(n); class != "" {
			return class
		}
	}
	if class := classOfText(errorType); class != "" {
		return class
	}
	if class := classOfCode(code); class != "" && class != classOther {
		return class
	}
	if class := classOfText(message); class != "" {
		return class
	}
	switch kind {
	case "TOOL":
		return classTool
	case "RETRIEVER":
		return classRetrieval
	}
	return classOther
}

// classOfCode reads an HTTP status code; "": it is none.
func classOfCode(code int64) string {
	switch {
	case code == 429:
		return classRateLimit
	case code == 408 || code == 504:
		return classTimeout
	case code == 401 || code == 403 || code == 407:
		return classAuth
	case code == 413:
		return classContextLength
	case code >= 500 && code <= 599:
		return classServer
	case code >= 400 && code <= 499:
		return classOther
	}
	return ""
}

// maxClassText is how much of a message is searched.
const maxClassText = 512

func classOfText(text string) string {
	if text == "" {
		return ""
	}
	var buf [maxClassText]byte
	flat := buf[:0]
	for i := 0; i < len(text) && len(flat) < maxClassText; i++ {
		c := text[i]
		switch {
		case c >= 'A' && c <= 'Z':
			flat = append(flat, c+'a'-'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			flat = append(flat, c)
		}
	}
	plain := string(flat)
	for _, w := range classWords {
		if strings.Contains(plain, w.word) {
			return w.class
		}
	}
	return ""
}

// wholeNumber reads text that is nothing but a number of up to four digits.
func wholeNumber(text string) (n int64, ok bool) {
	if text == "" || len(text) > 4 {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n, true
}
