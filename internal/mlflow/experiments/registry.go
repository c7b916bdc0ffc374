package experiments

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// defaultName is what MLflow calls the experiment that is always there.
const defaultName = "Default"

// registry is the state that a log of records leads to. It is not safe for
// concurrent use.
type registry struct {
	tenants map[string]*tenant
}

// tenant holds one tenant's experiments. What is in byID is never changed in
// place: a reader may hold it.
type tenant struct {
	byID map[string]schema.Experiment
	// byName has the id that holds each name.
	byName map[string]string
}

func newRegistry() *registry { return &registry{tenants: make(map[string]*tenant)} }

// started is when Default was made, as far as clients are told: no record says.
var started = time.Now().UnixMilli()

func newTenant() *tenant {
	return &tenant{
		byID: map[string]schema.Experiment{schema.DefaultExperiment: {
			ID: schema.DefaultExperiment, Name: defaultName, Stage: schema.ExperimentActive,
			CreateMilli: started, UpdateMilli: started,
		}},
		byName: map[string]string{defaultName: schema.DefaultExperiment},
	}
}

// unborn is a tenant of which the log says nothing.
var unborn = newTenant()

// of gives a tenant to read from.
func (r *registry) of(name string) *tenant {
	if t := r.tenants[name]; t != nil {
		return t
	}
	return unborn
}

// apply does what a record says and reports whether it counted: false is a
// claim that lost, or a change of what is not there.
func (r *registry) apply(k key, x schema.Experiment) bool {
	t := r.tenants[k.tenant]
	if t == nil {
		t = newTenant()
		r.tenants[k.tenant] = t
	}
	now, known := t.byID[k.id]
	if k.change == created {
		return !known && t.create(k.id, x)
	}
	if !known {
		return false
	}
	switch k.change {
	case named:
		if _, taken := t.byName[x.Name]; taken {
			return false
		}
		delete(t.byName, now.Name)
		now.Name, now.UpdateMilli = x.Name, x.UpdateMilli
		t.byName[x.Name] = k.id
	case staged:
		now.Stage, now.UpdateMilli = x.Stage, x.UpdateMilli
	case tagged:
		now.Tags = maps.Clone(now.Tags)
		if now.Tags == nil {
			now.Tags = make(map[string]string)
		}
		if value, set := x.Tags[k.of]; set {
			now.Tags[k.of] = value
		} else {
			delete(now.Tags, k.of)
		}
	default: // a copy, or what a later version writes
		return false
	}
	t.byID[k.id] = now
	return true
}

func (t *tenant) create(id string, x schema.Experiment) bool {
	if _, taken := t.byName[x.Name]; taken {
		return false
	}
	x.ID = id
	t.byID[id], t.byName[x.Name] = x, id
	return true
}

// free gives the id that the next experiment of a name takes: none that ever
// was one's (X2).
func (t *tenant) free(tenantName, name string) string {
	for use := 0; ; use++ {
		id := idOf(tenantName, name, use)
		if _, used := t.byID[id]; !used {
			return id
		}
	}
}

// list gives all experiments, the latest first; at the same time, the larger id
// first.
func (t *tenant) list() []schema.Experiment {
	return slices.SortedFunc(maps.Values(t.byID), func(a, b schema.Experiment) int {
		return cmp.Or(cmp.Compare(b.CreateMilli, a.CreateMilli), cmp.Compare(len(b.ID), len(a.ID)), cmp.Compare(b.ID, a.ID))
	})
}
