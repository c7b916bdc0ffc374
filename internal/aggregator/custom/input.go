package custom

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Input is one span as expressions see it. It is used again for the next, by one
// goroutine; what expressions do not ask for is not worked out.
type Input struct {
	span  *schema.Span
	genAI *schema.GenAI
	told  Told

	values          []ref.Val // by the place of the variable, nil: not asked for yet
	attrs, resource attributes
	frame           *interpreter.ExecutionFrame
	known           map[string]ref.Val
}

// NewInput makes one without a span.
func NewInput() *Input {
	in := &Input{values: make([]ref.Val, len(variables)), known: make(map[string]ref.Val)}
	var err error
	if in.frame, err = interpreter.NewExecutionFrame(in); err != nil {
		panic(err) // it fails for what is no Activation
	}
	return in
}

// Set takes the next span. It is read until the next Set.
func (in *Input) Set(span *schema.Span, g *schema.GenAI, told Told) {
	in.span, in.genAI, in.told = span, g, told
	clear(in.values)
	in.attrs = attributes{list: span.Attrs, input: g.InputAttr, output: g.OutputAttr}
	in.resource = attributes{list: span.Resource.Attrs, input: -1, output: -1}
}

// ResolveName implements cel.Activation.
func (in *Input) ResolveName(name string) (any, bool) {
	i, ok := places[name]
	if !ok {
		return nil, false
	}
	if in.values[i] == nil {
		in.values[i] = variables[i].of(in)
	}
	return in.values[i], true
}

// Parent implements cel.Activation.
func (in *Input) Parent() interpreter.Activation { return nil }

// Bounds of the texts that are kept as values, since most come again and again.
const (
	maxKnown      = 4096
	maxKnownBytes = 96
)

// text makes a value of a text, without an allocation if it was made before.
func (in *Input) text(s string) ref.Val {
	if v, ok := in.known[s]; ok {
		return v
	}
	s = cut(s, MaxText)
	if len(s) > maxKnownBytes {
		return types.String(s)
	}
	if len(in.known) >= maxKnown {
		clear(in.known)
	}
	s = strings.Clone(s)
	v := ref.Val(types.String(s))
	in.known[s] = v
	return v
}
