package mlflow_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// difference is a field in which our reply is not the real server's.
type difference struct {
	method, route, field string
	theirs, ours         any
}

func (d difference) String() string {
	return fmt.Sprintf("%s %s: %s: the real server has %s, ours %s", d.method, d.route, d.field, shown(d.theirs), shown(d.ours))
}

// missing is the value of a field that is not there.
type missing struct{}

func shown(value any) string {
	if _, ok := value.(missing); ok {
		return "nothing"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// differ gives every field in which ours differs. With another status the
// reply is another one altogether: its fields are not compared.
func differ(theirs, ours seen) []difference {
	var found []difference
	report := func(field string, a, b any) {
		found = append(found, difference{theirs.Method, route(theirs.Path), cmp.Or(field, "body"), a, b})
	}
	if theirs.Status != ours.Status {
		report("status", theirs.Status, ours.Status)
		return found
	}
	if theirs.Type != ours.Type {
		report("content-type", theirs.Type, ours.Type)
	}
	walk("", theirs.Reply, ours.Reply, report)
	return found
}

// walk reports the leaves that differ; a field is named without the places in
// lists.
func walk(field string, a, b any, report func(field string, a, b any)) {
	objectA, isA := a.(map[string]any)
	objectB, isB := b.(map[string]any)
	if isA && isB {
		fields := maps.Clone(objectA)
		maps.Copy(fields, objectB)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			walk(strings.TrimPrefix(field+"."+name, "."), at(objectA, name), at(objectB, name), report)
		}
		return
	}
	listA, isA := a.([]any)
	listB, isB := b.([]any)
	if isA && isB && len(listA) == len(listB) {
		for i := range listA {
			walk(field+"[]", listA[i], listB[i], report)
		}
		return
	}
	if !same(a, b) {
		report(field, a, b)
	}
}

func at(object map[string]any, name string) any {
	if value, ok := object[name]; ok {
		return value
	}
	return missing{}
}

// same compares leaves. Numbers are the same if they have one value: JSON knows
// one kind of number.
func same(a, b any) bool {
	numberA, isA := a.(json.Number)
	numberB, isB := b.(json.Number)
	if isA && isB && numberA != numberB {
		x, errA := numberA.Float64()
		y, errB := numberB.Float64()
		return errA == nil && errB == nil && x == y && len(numberA) < 16 && len(numberB) < 16
	}
	return shown(a) == shown(b)
}

// judge collects what differs in all comparisons and holds it against the list.
type judge struct {
	mu   sync.Mutex
	used map[int]bool
}

// check fails the test for each difference that is not in the list. what names
// where it was found.
func (j *judge) check(t *testing.T, what string, found []difference) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range found {
		at := slices.IndexFunc(differences, func(l listed) bool {
			return l.method == d.method && l.route == d.route && l.field == d.field && l.theirs == shown(d.theirs) && l.ours == shown(d.ours)
		})
		if at < 0 {
			t.Errorf("%s: %s", what, d)
			continue
		}
		j.used[at] = true
	}
}

// finish fails the test for each entry of the list that nothing needed.
func (j *judge) finish(t *testing.T) {
	t.Helper()
	for i, l := range differences {
		if !j.used[i] {
			t.Errorf("the difference in %s %s: %s does not exist: remove it from the list", l.method, l.route, l.field)
		}
	}
}
