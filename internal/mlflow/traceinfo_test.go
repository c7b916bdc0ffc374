package mlflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// sameAsEncode holds what appendTo writes against encoding/json.
func sameAsEncode(t *testing.T, info traceInfoJSON) {
	t.Helper()
	if want, got := string(encode(info)), string(info.appendTo(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTraceInfoIsWrittenAsJSON(t *testing.T) {
	t.Parallel()
	all := ""
	for c := range rune(0x180) {
		all += string(c)
	}
	many := make(map[string]string)
	for i := range 100 {
		many[fmt.Sprint(i)] = all[:i]
	}
	for _, text := range []string{"", "plain", all, "<a href=\"?b&c\">", "a\u2027\u2028\u2029\u202ab", "\xff", "a\xc3", "\xed\xa0\x80z", "\ufffd", "😀é"} {
		sameAsEncode(t, traceInfoJSON{ID: text, State: text})
		sameAsEncode(t, traceInfoJSON{
			ID: "tr-1", ClientRequestID: text, Location: locationOf(text), RequestTime: text, Duration: text, State: "OK",
			Metadata: map[string]string{text: "", "b": text, "a": text}, Tags: map[string]string{"\xff": text, "\xfe" + text: "1"},
			RequestPreview: text, ResponsePreview: text,
			Assessments: []assessmentJSON{{Name: text, Issue: json.RawMessage(` {"a": "<"} `)}, {Valid: true}},
		})
	}
	sameAsEncode(t, traceInfoJSON{Metadata: many, Tags: map[string]string{}})
}

// TestTheAnswerIsOneTrace: its frame too is as encoding/json has it.
func TestTheAnswerIsOneTrace(t *testing.T) {
	t.Parallel()
	info := traceInfoJSON{ID: "tr-1", Location: locationOf("1"), State: "OK", Tags: map[string]string{"a": `"`}}
	got, err := replyTrace(info)
	want := encode(map[string]any{"trace": map[string]any{"trace_info": info}})
	if err != nil || got.contentType != typeJSON || !bytes.Equal(got.body, want) {
		t.Errorf("%s, want %s, %v", got.body, want, err)
	}
}

// FuzzAppendText: any text is written as encoding/json writes it.
func FuzzAppendText(f *testing.F) {
	for _, seed := range []string{"", "a", `"\`, "\x00\x1f\x7f\b\f\n\r\t", "\u2028\u2029", "\xff\xed\xa0\x80", "<>&", "\ufffdé😀"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if want, got := encode(s), appendText(nil, s); !bytes.Equal(got, want) {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	})
}
