package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a filter. A statement is made of it, and every clause on a tag or
// an assessment costs a look through a table.
const (
	MaxFilterBytes = 16 << 10
	MaxClauses     = 32
	MaxList        = 1000 // values of one IN
)

// ParseFilter reads MLflow's filter language: comparisons joined by AND. The
// error is an *InvalidError that names what is wrong.
func ParseFilter(src string) (Filter, error) {
	if len(src) > MaxFilterBytes {
		return nil, invalid("Filter string of %d bytes is longer than %d bytes", len(src), MaxFilterBytes)
	}
	p := parser{rest: lex(src)}
	for len(p.rest) > 0 {
		p.comparison()
	}
	if len(p.strays) > 0 {
		return nil, invalid("Invalid clause(s) in filter string: %s", strings.Join(p.strays, ", "))
	}
	if len(p.found) > MaxClauses {
		return nil, invalid("Filter string has %d clauses, more than %d", len(p.found), MaxClauses)
	}
	var filter Filter
	for _, c := range p.found {
		clause, err := c.clause()
		if err != nil {
			return nil, err
		}
		filter = append(filter, clause)
	}
	return filter, nil
}

// parser finds comparisons; what is none is kept as MLflow would name it.
type parser struct {
	rest   []token
	found  []comparison
	strays []string
}

// comparison is three tokens of a filter. Operator is in upper case; right is
// the end for IS NULL and IS NOT NULL.
type comparison struct {
	left     token
	operator string
	right    token
}

func (c comparison) source() string {
	return strings.TrimSpace(strings.Join([]string{c.left.source, c.operator, c.right.source}, " "))
}

func (p *parser) peek(i int) token {
	if i < len(p.rest) {
		return p.rest[i]
	}
	return token{}
}

// comparison takes one comparison or one token that belongs to none.
func (p *parser) comparison() {
	left := p.peek(0)
	if left.is("AND") {
		p.rest = p.rest[1:]
		return
	}
	operator, width := p.operator()
	right := p.peek(1 + width)
	switch {
	case !left.names() || left.reserved() || width == 0:
	case operator == string(IsNull) || operator == string(NotNull):
		p.take(comparison{left, operator, token{}}, 1+width)
		return
	case operator == string(In) || operator == string(NotIn):
		if right.kind == tokenGroup {
			p.take(comparison{left, operator, right}, 2+width)
			return
		}
	case right.kind == tokenText || right.kind == tokenNumber || right.kind == tokenWord && !right.reserved():
		p.take(comparison{left, operator, right}, 2+width)
		return
	}
	p.strays = append(p.strays, "'"+left.source+"'")
	p.rest = p.rest[1:]
}

// names reports whether the token can be what is compared.
func (t token) names() bool {
	return t.kind == tokenWord && !t.is("NOT") || t.kind == tokenText && t.source[0] == '"'
}

// reserved reports whether a word is SQL's, and no name. What has a point in it
// is a name.
func (t token) reserved() bool {
	return slices.ContainsFunc([]string{"AND", "NOT", "TRUE", "FALSE", "NULL", "TEXT"}, t.is)
}

func (p *parser) take(c comparison, tokens int) {
	p.found = append(p.found, c)
	p.rest = p.rest[tokens:]
}

// operator reads the operator behind the next token: its text in upper case and
// how many tokens it is; 0: there is none.
func (p *parser) operator() (text string, width int) {
	first, second, third := p.peek(1), p.peek(2), p.peek(3)
	switch {
	case first.kind == tokenOperator:
		return first.source, 1
	case first.is("IS") && second.is("NULL"):
		return string(IsNull), 2
	case first.is("IS") && second.is("NOT") && third.is("NULL"):
		return string(NotNull), 3
	case first.is("NOT") && second.comparesText():
		return "NOT " + strings.ToUpper(second.source), 2
	case first.comparesText():
		return strings.ToUpper(first.source), 1
	}
	return "", 0
}

func (t token) comparesText() bool {
	return t.kind == tokenWord && slices.Contains([]string{"LIKE", "ILIKE", "RLIKE", "IN"}, strings.ToUpper(t.source))
}

// clause checks a comparison against what its field allows.
func (c comparison) clause() (Clause, error) {
	e, key, err := identify(c.left.source, filterKeys)
	if err != nil {
		return Clause{}, err
	}
	f, err := e.resolve(key, c.source())
	if err != nil {
		return Clause{}, err
	}
	out := Clause{Field: f.field, Key: f.keyed(), Op: Op(c.operator), Source: c.source()}
	if !slices.Contains(f.ops, out.Op) {
		return Clause{}, f.wrongOperator(c)
	}
	if err := f.value(&out, c.right); err != nil {
		return Clause{}, err
	}
	return out, nil
}

// wrongOperator refuses a comparison in MLflow's words: of a tag or metadata it
// looks at the value first, and the message lacks its last quote.
func (f fieldRule) wrongOperator(c comparison) error {
	const message = "Invalid comparator '%s' not one of '%s"
	switch {
	case f.field == FieldSpanContent:
		return invalid("span.content comparator '%s' not one of '%s'", c.operator, listed(f.ops))
	case f.field != FieldTag && f.field != FieldMetadata:
		return invalid(message+"'", c.operator, listed(f.ops))
	case c.right.kind == tokenNumber:
		return f.notQuoted(c.right)
	}
	return invalid(message, c.operator, listed(f.ops))
}

func (f fieldRule) notQuoted(right token) error {
	return invalid("Expected a quoted string value for %s (e.g. 'my-value'). Got value %s", f.entity, right.source)
}

// value reads what the field is compared with.
func (f fieldRule) value(out *Clause, right token) (err error) {
	switch {
	case out.Op == IsNull || out.Op == NotNull:
		return nil
	case out.Op == In || out.Op == NotIn:
		out.List, err = parseList(right.source)
		return err
	case f.numeric(out.Op):
		return f.number(out, right)
	case right.kind == tokenText:
		out.Text = right.text()
		return f.check(out)
	case right.kind == tokenWord:
		return invalid("Parameter value is either not quoted or unidentified quote types used for string value %s. "+
			"Use either single or double quotes.", right.source)
	case f.entity == entityAttribute && right.kind == tokenNumber:
		return invalid("Only the '%s' attributes support comparison with numeric values.", listed(numericKeys))
	}
	return f.notQuoted(right)
}

// number reads a numeric value. MLflow takes it in quotes too, for attributes.
func (f fieldRule) number(out *Clause, right token) error {
	text := right.source
	if right.kind == tokenText && f.entity == entityAttribute {
		text = right.text()
	}
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && right.kind != tokenWord {
		out.Number = n
		return nil
	}
	if f.entity == entityAttribute {
		return invalid("Expected numeric value type for numeric attribute: %s. Found %s", f.key, right.source)
	}
	return invalid("Expected a numeric value for %s when using comparator '%s'. Got value %s", f.entity, out.Op, right.source)
}

// parseList reads ('a', "b").
func parseList(source string) ([]string, error) {
	tokens := lex(strings.TrimSuffix(strings.TrimPrefix(source, "("), ")"))
	var list []string
	for i, t := range tokens {
		comma := i%2 == 1
		if comma && t.source != "," || !comma && t.kind != tokenText {
			return nil, invalid("While parsing a list in the query, expected string value, punctuation, or whitespace, "+
				"but got different type in list: %s", source)
		}
		if !comma {
			list = append(list, t.text())
		}
	}
	if len(list) == 0 {
		return nil, invalid("While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.")
	}
	if len(list) > MaxList {
		return nil, invalid("A list in the query has %d values, more than %d", len(list), MaxList)
	}
	return list, nil
}

func invalid(format string, args ...any) *InvalidError {
	return &InvalidError{fmt.Sprintf(format, args...)}
}

// listed names values for a message as MLflow does, which is Python's way with a set.
func listed[T ~string](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = "'" + string(v) + "'"
	}
	slices.Sort(names)
	return "{" + strings.Join(names, ", ") + "}"
}
