package query

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Members of MLflow's usage and cost.
const (
	usageInput         = "input_tokens"
	usageOutput        = "output_tokens"
	usageTotal         = "total_tokens"
	usageCacheRead     = "cache_read_input_tokens"
	usageCacheCreation = "cache_creation_input_tokens"
	usageCacheHour     = "cache_creation_input_tokens_above_1hr"
)

var (
	usageKeys  = []string{usageInput, usageOutput, usageTotal}
	usageCache = []string{usageCacheRead, usageCacheCreation, usageCacheHour}
	costKeys   = []string{"input_cost", "output_cost", "total_cost"}
)

// treeNode is a span as sums see it. data is nil where the span says nothing.
type treeNode struct {
	id, parent string
	data       map[string]json.Number
}

// counted are the nodes that count: those with data of which no ancestor has
// any, since a parent's repeat their children's. A node whose parent is not
// there is a root. Nodes of a circle have no root and do not count.
func counted(nodes []treeNode) []treeNode {
	at := make(map[string]int, len(nodes))
	for i, n := range nodes {
		at[n.id] = i
	}
	children := map[int][]int{}
	var open []int
	for i, n := range nodes {
		if p, ok := at[n.parent]; ok && n.parent != "" {
			children[p] = append(children[p], i)
		} else {
			open = append(open, i)
		}
	}
	var found []treeNode
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		if nodes[i].data != nil {
			found = append(found, nodes[i])
		} else {
			open = append(open, children[i]...)
		}
	}
	return found
}

// sumUsage is the trace's usage as MLflow writes it; "": no span has any.
func sumUsage(nodes []treeNode) string {
	found := counted(nodes)
	if len(found) == 0 {
		return ""
	}
	sums, set := map[string]int64{}, map[string]bool{}
	for _, n := range found {
		for name, number := range n.data {
			if v, err := number.Int64(); err == nil {
				sums[name] += v
				set[name] = true
			}
		}
	}
	var members []string
	for _, name := range usageKeys {
		members = append(members, fmt.Sprintf("%q: %d", name, sums[name]))
	}
	for _, name := range usageCache {
		if set[name] {
			members = append(members, fmt.Sprintf("%q: %d", name, sums[name]))
		}
	}
	return "{" + strings.Join(members, ", ") + "}"
}

// json is the cost as MLflow has it in attributes and metadata.
func (c Cost) json() string {
	members := make([]string, len(costKeys))
	for i, nano := range []int64{c.Input, c.Output, c.Input + c.Output} {
		members[i] = fmt.Sprintf("%q: %s", costKeys[i], doubleJSON(float64(nano)/nanoDollars))
	}
	return "{" + strings.Join(members, ", ") + "}"
}

const nanoDollars = 1e9

// sumCost is the trace's cost as MLflow writes it; "": no span has any.
func sumCost(nodes []treeNode) string {
	found := counted(nodes)
	if len(found) == 0 {
		return ""
	}
	sums := map[string]float64{}
	for _, n := range found {
		for name, number := range n.data {
			if v, err := number.Float64(); err == nil {
				sums[name] += v
			}
		}
	}
	members := make([]string, 0, len(costKeys))
	for _, name := range costKeys {
		members = append(members, fmt.Sprintf("%q: %s", name, doubleJSON(sums[name])))
	}
	return "{" + strings.Join(members, ", ") + "}"
}
