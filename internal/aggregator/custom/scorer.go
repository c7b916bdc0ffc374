package custom

import (
	"github.com/spanmill/spanmill/internal/yamlat"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Flag is what a scorer looks for.
type Flag string

// The flags.
const (
	Safety Flag = "safety" // harm
	PII    Flag = "pii"    // personal data
)

// Scorer is what is known of assessments of a name.
type Scorer struct {
	Name string
	// PassAt is the least score that passes, in millionths, if Decides.
	PassAt  int64
	Decides bool
	// Flags is what the scorer looks for, "" for nothing; it found some where it
	// passes, or fails if FlagOnFail.
	Flags      Flag
	FlagOnFail bool
}

// maxScorers bounds those of a file.
const maxScorers = 200

func (l *loader) scorer(n yamlat.Node) {
	m := n.Fields("name", "pass_at", "flags", "flag_on")
	s := Scorer{Name: m["name"].Text(), Decides: m["pass_at"].There(), FlagOnFail: m["flag_on"].OneOf("pass", "fail") == "fail"}
	if s.Name == "" {
		n.Errorf("a scorer has the name of its assessments")
	}
	if s.Decides {
		var ok bool
		if s.PassAt, ok = schema.ParseAmount(m["pass_at"].Text()); !ok {
			m["pass_at"].Errorf("want the least score that passes, such as 0.7")
		}
	}
	if m["flags"].There() {
		s.Flags = Flag(m["flags"].OneOf(string(Safety), string(PII)))
	}
	if len(l.set.Scorers) == maxScorers {
		n.Errorf("more than %d scorers", maxScorers)
		return
	}
	l.set.Scorers = append(l.set.Scorers, s)
}
