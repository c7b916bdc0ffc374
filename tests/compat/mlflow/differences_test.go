package mlflow_test

import "testing"

// listed is a field that may have another value than the real server's: these
// two, as JSON, or nothing.
type listed struct{ method, route, field, real, ours, reason string }

// mostDifferences is how many fields may differ in all.
const mostDifferences = 15

// differences is all in which our replies are not the real server's. docs/mlflow.md
// tells each to users.
var differences = []listed{}

func TestDifferencesAreFew(t *testing.T) {
	if len(differences) > mostDifferences {
		t.Errorf("%d differences are listed, at most %d may be", len(differences), mostDifferences)
	}
	for _, l := range differences {
		if l.method == "" || l.route == "" || l.field == "" || l.real == l.ours || l.reason == "" {
			t.Errorf("incomplete: %+v", l)
		}
	}
}
