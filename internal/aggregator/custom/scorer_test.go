package custom

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScorers(t *testing.T) {
	set, err := Parse("metrics.yaml", []byte(`scorers:
  - {name: relevance, pass_at: 0.7}
  - {name: leaks, flags: pii}
  - {name: calm, flags: safety, flag_on: fail, pass_at: -1}
`), shipped)
	if err != nil {
		t.Fatal(err)
	}
	want := []Scorer{
		{Name: "relevance", PassAt: 700_000, Decides: true},
		{Name: "leaks", Flags: PII},
		{Name: "calm", Flags: Safety, FlagOnFail: true, PassAt: -1_000_000, Decides: true},
	}
	if diff := cmp.Diff(want, set.Scorers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = Parse("metrics.yaml", []byte("scorers:\n  - {pass_at: high}\n  - {name: x, flags: fire, flag_on: smoke}\n"), shipped)
	wrong := `metrics.yaml:2:5: a scorer has the name of its assessments
metrics.yaml:2:15: want the least score that passes, such as 0.7
metrics.yaml:3:22: "fire" is none of safety, pii
metrics.yaml:3:37: "smoke" is none of pass, fail`
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	if diff := cmp.Diff(strings.Split(wrong, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
