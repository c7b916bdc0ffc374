package query_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/query"
)

func TestParseFilter(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []query.Clause // without Source
	}{
		{"", nil},
		{"status = 'OK'", []query.Clause{{Field: query.FieldStatus, Op: query.Equal, Text: "OK"}}},
		{`attributes.status != "ERROR"`, []query.Clause{{Field: query.FieldStatus, Op: query.NotEqual, Text: "ERROR"}}},
		{"trace.status in ('OK', \"ERROR\")", []query.Clause{{Field: query.FieldStatus, Op: query.In, List: []string{"OK", "ERROR"}}}},
		{"status NOT IN ('IN_PROGRESS')", []query.Clause{{Field: query.FieldStatus, Op: query.NotIn, List: []string{"IN_PROGRESS"}}}},
		{"name LIKE 'a%'", []query.Clause{{Field: query.FieldTag, Key: "mlflow.traceName", Op: query.Like, Text: "a%"}}},
		{"timestamp>=1700000000000 and timestamp_ms < 1.5e3", []query.Clause{
			{Field: query.FieldTimestamp, Op: query.GreaterEqual, Number: 1700000000000},
			{Field: query.FieldTimestamp, Op: query.Less, Number: 1500},
		}},
		{"attributes.execution_time_ms > '20'", []query.Clause{{Field: query.FieldDuration, Op: query.Greater, Number: 20}}},
		{"end_time_ms <= -1", []query.Clause{{Field: query.FieldEnd, Op: query.LessEqual, Number: -1}}},
		{"tags.mlflow.traceName = 'x'", []query.Clause{{Field: query.FieldTag, Key: "mlflow.traceName", Op: query.Equal, Text: "x"}}},
		{"tag.`a b.c` = 'it''s'", nil}, // a doubled quote ends one text and begins the next
		{"tag.`a b.c` = \"it's\"", []query.Clause{{Field: query.FieldTag, Key: "a b.c", Op: query.Equal, Text: "it's"}}},
		{`tags."a-b" IS NOT NULL`, []query.Clause{{Field: query.FieldTag, Key: "a-b", Op: query.NotNull}}},
		{"metadata.k IS NULL AND request_metadata.`mlflow.modelId` = 'm-1'", []query.Clause{
			{Field: query.FieldMetadata, Key: "k", Op: query.IsNull},
			{Field: query.FieldMetadata, Key: "mlflow.modelId", Op: query.Equal, Text: "m-1"},
		}},
		{"run_id = 'r1'", []query.Clause{{Field: query.FieldMetadata, Key: "mlflow.sourceRun", Op: query.Equal, Text: "r1"}}},
		{"prompt = 'greet/1'", []query.Clause{{Field: query.FieldPrompt, Op: query.Equal, Text: "greet/1"}}},
		{"span.type = 'LLM' AND span.name RLIKE '^c.*t$' AND span.status = 'ERROR'", []query.Clause{
			{Field: query.FieldSpanType, Op: query.Equal, Text: "LLM"},
			{Field: query.FieldSpanName, Op: query.RLike, Text: "^c.*t$"},
			{Field: query.FieldSpanStatus, Op: query.Equal, Text: "ERROR"},
		}},
		{"feedback.`is good` > 0.5", []query.Clause{{Field: query.FieldFeedback, Key: "is good", Op: query.Greater, Number: 0.5}}},
		{"expectation.answer = '42'", []query.Clause{{Field: query.FieldExpectation, Key: "answer", Op: query.Equal, Text: "42"}}},
		{"request_id IN ('tr-1')", []query.Clause{{Field: query.FieldTraceID, Op: query.In, List: []string{"tr-1"}}}},
		{"\"status\" = 'OK'", []query.Clause{{Field: query.FieldStatus, Op: query.Equal, Text: "OK"}}},
	} {
		got, err := query.ParseFilter(c.src)
		for i := range got {
			got[i].Source = ""
		}
		if (err != nil) != (c.want == nil && c.src != "") || !reflect.DeepEqual([]query.Clause(got), c.want) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", c.src, got, err, c.want)
		}
	}
}

// Every refusal names the clause, key or value it is about.
func TestParseFilterRefusals(t *testing.T) {
	for src, want := range map[string]string{
		"nonsense ===":                        "Invalid clause(s) in filter string: 'nonsense', '==='",
		"status = 'OK' OR status = 'ERROR'":   "Invalid clause(s) in filter string: 'OR'",
		"(status = 'OK')":                     "Invalid clause(s) in filter string: '(status = 'OK')'",
		"NOT status = 'OK'":                   "Invalid clause(s) in filter string: 'NOT'",
		"text LIKE '%x%'":                     "Invalid clause(s) in filter string: 'text', 'LIKE', ''%x%''",
		"span.content = 'x'":                  "span.content comparator '=' not one of '{'ILIKE', 'LIKE'}'",
		"span.attributes.k = 'x'":             "Invalid clause(s) in filter string: 'span.attributes.k = 'x'' is not supported by this server",
		"issue.name = 'i'":                    "Invalid issue attribute 'name'. Supported attributes: id",
		"state = 'OK'":                        "Invalid attribute key 'state' specified.",
		"trace_id = 'x'":                      "Invalid attribute key 'trace_id' specified.",
		"assessment.x = 'y'":                  "Invalid entity type 'assessment'.",
		"status == 'OK'":                      "Invalid comparator '==' not one of",
		"status > 'OK'":                       "Invalid comparator '>' not one of",
		"status IS NULL":                      "Invalid comparator 'IS NULL' not one of",
		"name IN ('a')":                       "Invalid comparator 'IN' not one of",
		"name NOT LIKE 'a'":                   "Invalid comparator 'NOT LIKE' not one of",
		"tags.a = 5":                          "Expected a quoted string value for tag (e.g. 'my-value'). Got value 5",
		"metadata.a = 5":                      "Expected a quoted string value for request_metadata (e.g. 'my-value'). Got value 5",
		"status = OK":                         "Parameter value is either not quoted",
		"status = 5":                          "attributes support comparison with numeric values",
		"timestamp > 'soon'":                  "Expected numeric value type for numeric attribute: timestamp. Found 'soon'",
		"feedback.a > '5'":                    "Expected a numeric value for feedback when using comparator '>'. Got value '5'",
		"feedback.a = 5":                      "Expected a quoted string value for feedback",
		"feedback.`` = 'x'":                   "Assessment field name cannot be empty",
		"span.kind = 'x'":                     "Invalid span attribute 'kind'.",
		"status IN ()":                        "expected a non-empty list",
		"status IN ('a' 'b')":                 "got different type in list: ('a' 'b')",
		"status IN (1)":                       "got different type in list: (1)",
		"status IN 'a'":                       "'IN'",
		"name RLIKE '('":                      "Invalid clause(s) in filter string: 'name RLIKE '('' has no regular expression",
		"tags.a RLIKE '(?=x)'":                "'tags.a RLIKE '(?=x)''",
		"span.name RLIKE 'a{9999}'":           "'span.name RLIKE 'a{9999}''",
		"feedback.a RLIKE '*'":                "'feedback.a RLIKE '*''",
		"prompt = 'greet'":                    "Invalid prompts filter value 'greet'.",
		"metadata.mlflow.trace.cost > '1'":    "Invalid comparator '>' not one of",
		strings.Repeat("status='a' AND ", 40): "more than 32",
		strings.Repeat(" ", 1+16<<10):         "longer than 16384 bytes",
		"status IN ('a'" + strings.Repeat(",'a'", 1000) + ")": "more than 1000",
		"status = 'OK":   "'status', '=', ''', 'OK'",
		"name = true":    "'name', '=', 'true'",
		"tags.a > 4":     "Expected a quoted string value for tag (e.g. 'my-value'). Got value 4",
		"tags.ä-b = 'x'": "'-'",
	} {
		_, err := query.ParseFilter(src)
		bad, ok := errors.AsType[*query.InvalidError](err)
		if !ok || !strings.Contains(bad.Message, want) {
			t.Errorf("%.60s\n got %v\nwant %s", src, err, want)
		}
	}
}

func TestParseOrder(t *testing.T) {
	got, err := query.ParseOrder([]string{"timestamp_ms DESC", "execution_time asc", "tag.`a b`", "metadata.k desc", "name", "run_id", "end_time", "experiment_id"})
	want := []query.Order{
		{Field: query.FieldTimestamp},
		{Field: query.FieldDuration, Ascending: true},
		{Field: query.FieldTag, Key: "a b", Ascending: true},
		{Field: query.FieldMetadata, Key: "k"},
		{Field: query.FieldTag, Key: "mlflow.traceName", Ascending: true},
		{Field: query.FieldMetadata, Key: "mlflow.sourceRun", Ascending: true},
		{Field: query.FieldEnd, Ascending: true},
		{Field: query.FieldExperiment, Ascending: true},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for src, want := range map[string]string{
		"":                           "Invalid order_by clause ''",
		"status upwards":             "Invalid ordering key in order_by clause 'status upwards'",
		"status asc desc":            "Could not be parsed",
		"text":                       "Invalid attribute key 'text'",
		"span.name":                  "Invalid identifier type 'span'",
		"metadata.mlflow.trace.cost": "Ordering by reserved metadata 'mlflow.trace.cost'",
		"timestamp,timestamp_ms":     "duplicate fields",
		"status,status,name,tag.a,tag.b,tag.c,tag.d,tag.e,tag.f": "has 9 fields, more than 8",
	} {
		_, err := query.ParseOrder(strings.Split(src, ","))
		if bad, ok := errors.AsType[*query.InvalidError](err); !ok || !strings.Contains(bad.Message, want) {
			t.Errorf("%s: got %v, want %s", src, err, want)
		}
	}
}

// Whatever is sent, the answer is a filter within its bounds or a refusal.
func FuzzParseFilter(f *testing.F) {
	for _, src := range []string{
		"status = 'OK' AND tags.`a b` != \"x\"", "timestamp > -1.5e-3", "name RLIKE '(' AND x IS NOT NULL", "name RLIKE '(a|b)+$'",
		"a.b.c IN ('x', 'y')", "nonsense ===", "((''", "`", "'", "\"a\".b = 'c'", "span.name LIKE", "é.ü = 'ö'", "- . -. .5 5.",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		filter, err := query.ParseFilter(src)
		if err != nil {
			if bad, ok := errors.AsType[*query.InvalidError](err); !ok || bad.Message == "" {
				t.Fatalf("%q: %v", src, err)
			}
			return
		}
		for _, c := range filter {
			again, err := query.ParseFilter(c.Source)
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], c) {
				t.Fatalf("%q: clause %q reads as %+v, %v, not %+v", src, c.Source, again, err, c)
			}
		}
	})
}
