package schema

import (
	"errors"
	"fmt"
)

// Stages of an experiment's life, as MLflow calls them.
const (
	ExperimentActive  = "active"
	ExperimentDeleted = "deleted"
)

// Experiment is a record's value in topic experiments, the whole of an
// experiment as it is now. The tenant is the record's. Strings are owned.
type Experiment struct {
	ID               string // decimal; DefaultExperiment is always there
	Name             string
	ArtifactLocation string
	Stage            string // ExperimentActive or ExperimentDeleted
	// CreateMilli and UpdateMilli are Unix milliseconds.
	CreateMilli, UpdateMilli int64
	Tags                     map[string]string
}

// ExperimentsVersion is the format version of a record's value in topic
// experiments, both in HeaderVersion and in the value.
const ExperimentsVersion = "1"

const experimentsVersion = 1

// EncodeExperiment gives a record's value: [version, experiment] in msgpack.
func EncodeExperiment(x *Experiment) ([]byte, error) {
	value, err := pack(func(p *packer) {
		p.do(p.out.EncodeArrayLen(2))
		p.do(p.out.EncodeUint(experimentsVersion))
		p.object(func() { x.pack(p) })
	})
	if err != nil {
		return nil, fmt.Errorf("encode experiment: %w", err)
	}
	return value, nil
}

func (x *Experiment) pack(p *packer) {
	p.text("id", x.ID)
	p.text("name", x.Name)
	p.text("artifact_location", x.ArtifactLocation)
	p.text("stage", x.Stage)
	p.int("create_ms", x.CreateMilli)
	p.int("update_ms", x.UpdateMilli)
	p.texts("tags", x.Tags)
}

// DecodeExperiment reads a record's value. Fields that this version does not
// know are skipped.
func DecodeExperiment(value []byte) (x Experiment, err error) {
	u := newUnpacker(value)
	parts := u.length(u.in.DecodeArrayLen)
	version := u.uint()
	switch {
	case u.err != nil:
		return x, fmt.Errorf("decode experiment: %w", u.err)
	case version != experimentsVersion:
		return x, fmt.Errorf("an experiment of version %d, this binary knows %d", version, experimentsVersion)
	case parts < 2:
		return x, errors.New("decode experiment: it is not there")
	}
	u.object(x.unpack(u))
	switch {
	case u.err != nil:
		return x, fmt.Errorf("decode experiment: %w", u.err)
	case x.ID == "":
		return x, errors.New("an experiment without id")
	}
	return x, nil
}

func (x *Experiment) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "id":
			x.ID = u.text()
		case "name":
			x.Name = u.text()
		case "artifact_location":
			x.ArtifactLocation = u.text()
		case "stage":
			x.Stage = u.text()
		case "create_ms":
			x.CreateMilli = u.int()
		case "update_ms":
			x.UpdateMilli = u.int()
		case "tags":
			x.Tags = u.texts()
		default:
			return false
		}
		return true
	}
}
