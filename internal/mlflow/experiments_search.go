package mlflow

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// experimentSearch is which experiments to list, and in which order.
type experimentSearch struct {
	stage string // "": all
	holds []func(schema.Experiment) bool
	order []func(a, b schema.Experiment) int
}

// clause is one comparison: a name, an operator, and a text in quotes or a number.
var clause = regexp.MustCompile(`(?is)^\s*((?:tags?\s*\.\s*(?:` + "`[^`]*`" + `|"[^"]*"|[\w.-]+))|[\w.]+)\s*(!=|<=|>=|=|<|>|\bNOT\s+LIKE\b|\bILIKE\b|\bLIKE\b)\s*('[^']*'|"[^"]*"|-?\d+)\s*(?:AND\b|$)`)

func parseExperimentSearch(view, filter string, order []string) (experimentSearch, error) {
	var s experimentSearch
	switch view {
	case "", "ACTIVE_ONLY", "1":
		s.stage = schema.ExperimentActive
	case "DELETED_ONLY", "2":
		s.stage = schema.ExperimentDeleted
	case "ALL", "3":
	default:
		return s, invalid("Invalid value for parameter 'view_type': it must be ACTIVE_ONLY, DELETED_ONLY or ALL")
	}
	for rest := strings.TrimSpace(filter); rest != ""; {
		m := clause.FindStringSubmatch(rest)
		if len(m) != 4 {
			return s, invalid("Invalid clause(s) in filter string: '" + rest + "'")
		}
		rest = rest[len(m[0]):]
		if rest == "" && strings.HasSuffix(strings.ToUpper(m[0]), "AND") {
			return s, invalid("Invalid clause(s) in filter string: nothing after AND")
		}
		holds, err := comparison(m[1], strings.ToUpper(m[2]), m[3])
		if err != nil {
			return s, err
		}
		s.holds = append(s.holds, holds)
	}
	for _, by := range order {
		compare, err := experimentOrder(by)
		if err != nil {
			return s, err
		}
		s.order = append(s.order, compare)
	}
	return s, nil
}

// comparison makes a test of a clause.
func comparison(left, operator, right string) (func(schema.Experiment) bool, error) {
	attribute := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(left, "attributes."), "attribute."))
	kind, key, dotted := strings.Cut(left, ".")
	isText := right[0] == '\'' || right[0] == '"'
	switch {
	case dotted && (strings.EqualFold(strings.TrimSpace(kind), "tag") || strings.EqualFold(strings.TrimSpace(kind), "tags")):
		key = strings.Trim(strings.TrimSpace(key), "`\"")
		test, err := textTest(operator, right, isText)
		return func(e schema.Experiment) bool {
			value, set := e.Tags[key]
			return set && test(value)
		}, err
	case attribute == "name":
		test, err := textTest(operator, right, isText)
		return func(e schema.Experiment) bool { return test(e.Name) }, err
	case attribute == "creation_time" || attribute == "last_update_time":
		limit, err := strconv.ParseInt(right, 10, 64)
		if err != nil || strings.Contains(operator, "LIKE") {
			return nil, invalid("Invalid clause(s) in filter string: " + attribute + " is compared with a number")
		}
		return func(e schema.Experiment) bool {
			value := e.CreateMilli
			if attribute == "last_update_time" {
				value = e.UpdateMilli
			}
			return ordered(operator, cmp.Compare(value, limit))
		}, nil
	}
	return nil, invalid("Invalid attribute key '" + left + "' specified. Valid keys are name, creation_time, last_update_time and tags.<key>.")
}

func ordered(operator string, c int) bool {
	switch operator {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func textTest(operator, right string, isText bool) (func(string) bool, error) {
	if !isText {
		return nil, invalid("Expected a quoted string value in filter string, got " + right)
	}
	want := right[1 : len(right)-1]
	switch operator {
	case "=":
		return func(s string) bool { return s == want }, nil
	case "!=":
		return func(s string) bool { return s != want }, nil
	case "LIKE", "ILIKE":
		pattern, err := likePattern(want, operator == "ILIKE")
		if err != nil {
			return nil, err
		}
		return pattern.MatchString, nil
	}
	return nil, invalid("Invalid comparator '" + operator + "' for a string: use =, !=, LIKE or ILIKE")
}

// likePattern is SQL's LIKE: % is any text, _ any character.
func likePattern(like string, anyCase bool) (*regexp.Regexp, error) {
	flags := "(?s)"
	if anyCase {
		flags = "(?si)"
	}
	pattern, err := regexp.Compile(flags + "^" + strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(like)) + "$")
	if err != nil {
		return nil, errors.Join(invalid("Invalid LIKE pattern in filter string"), err)
	}
	return pattern, nil
}

// experimentOrder reads one key of order_by.
func experimentOrder(by string) (func(a, b schema.Experiment) int, error) {
	words := strings.Fields(by)
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && !strings.EqualFold(words[1], "ASC") && !strings.EqualFold(words[1], "DESC") {
		return nil, invalid("Invalid order_by clause '" + by + "'")
	}
	sign := 1
	if len(words) == 2 && strings.EqualFold(words[1], "DESC") {
		sign = -1
	}
	var compare func(a, b schema.Experiment) int
	switch strings.TrimPrefix(strings.TrimPrefix(words[0], "attributes."), "attribute.") {
	case "name":
		compare = func(a, b schema.Experiment) int { return cmp.Compare(a.Name, b.Name) }
	case "experiment_id":
		compare = func(a, b schema.Experiment) int {
			return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
		}
	case "creation_time":
		compare = func(a, b schema.Experiment) int { return cmp.Compare(a.CreateMilli, b.CreateMilli) }
	case "last_update_time":
		compare = func(a, b schema.Experiment) int { return cmp.Compare(a.UpdateMilli, b.UpdateMilli) }
	default:
		return nil, invalid("Invalid order_by clause '" + by + "': order by name, experiment_id, creation_time or last_update_time")
	}
	return func(a, b schema.Experiment) int { return sign * compare(a, b) }, nil
}

// apply gives those of a list that are asked for, in the order asked for.
func (s experimentSearch) apply(all []schema.Experiment) []schema.Experiment {
	all = slices.DeleteFunc(all, func(e schema.Experiment) bool {
		return s.stage != "" && e.Stage != s.stage ||
			slices.ContainsFunc(s.holds, func(holds func(schema.Experiment) bool) bool { return !holds(e) })
	})
	slices.SortStableFunc(all, func(a, b schema.Experiment) int {
		for _, compare := range s.order {
			if c := compare(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	return all
}
