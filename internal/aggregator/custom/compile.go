package custom

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"

	"github.com/spanmill/spanmill/internal/yamlat"
)

// MaxCost bounds what an expression may cost at most, in CEL's units: about as
// many as texts of 10 bytes compared.
const MaxCost = 2_000

// maxExpression bounds an expression's length.
const maxExpression = 2_000

// compiler makes programs of expressions.
type compiler struct {
	all    *cel.Env // what filters and values may use
	labels *cel.Env // what labels may be made of: no content
}

func newCompiler() (*compiler, error) {
	options := append(asking(), cel.ClearMacros())
	var content []cel.EnvOption
	for _, v := range variables {
		if o := cel.Variable(v.name, v.typ); v.content {
			content = append(content, o)
		} else {
			options = append(options, o)
		}
	}
	labels, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("the language of metrics: %w", err)
	}
	all, err := labels.Extend(content...)
	if err != nil {
		return nil, fmt.Errorf("the language of metrics: %w", err)
	}
	return &compiler{all, labels}, nil
}

// use is what an expression is for.
type use struct {
	what  string
	types []*cel.Type
	label bool
}

var (
	filter = use{what: "a filter", types: []*cel.Type{cel.BoolType}}
	number = use{what: "a value", types: []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType, cel.DurationType}}
	thing  = use{what: "what is to be distinct", types: []*cel.Type{cel.StringType, cel.IntType, cel.BoolType}}
	label  = use{what: "a label", types: []*cel.Type{cel.StringType, cel.IntType, cel.BoolType}, label: true}
)

// compile makes a program of a node's text, or notes what is wrong with it.
func (c *compiler) compile(n yamlat.Node, u use) cel.Program {
	text := n.Text()
	if len(text) > maxExpression {
		n.Errorf("an expression of %d bytes, at most %d", len(text), maxExpression)
		return nil
	}
	env := c.all
	if u.label {
		env = c.labels
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			n.ErrorAtf(offset(text, e.Location.Line(), e.Location.Column()), "%s", plain(u, e.Message))
		}
		return nil
	}
	if !slices.ContainsFunc(u.types, checked.OutputType().IsExactType) {
		n.ErrorAtf(0, "%s is %s, this is %s", u.what, typeNames(u.types), checked.OutputType())
		return nil
	}
	if !c.keysFit(n, text, checked, u) {
		return nil
	}
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		n.ErrorAtf(0, "%v", err)
		return nil
	}
	if estimate.Max > MaxCost {
		n.ErrorAtf(0, "it may cost %d, at most %d: matches over content is the most expensive, contains and startsWith are cheap", estimate.Max, MaxCost)
		return nil
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		n.ErrorAtf(0, "%v", err)
		return nil
	}
	return program
}

// plain words what CEL says of a label that is made of content.
func plain(u use, message string) string {
	for _, v := range variables {
		if u.label && v.content && strings.Contains(message, "undeclared reference to '"+v.name+"'") {
			return v.name + " is content, and labels have none"
		}
	}
	return message
}

// offset is a place in characters from the text's beginning.
func offset(text string, line, column int) int {
	at := 0
	for l := range strings.SplitSeq(text, "\n") {
		if line--; line <= 0 {
			break
		}
		at += len([]rune(l)) + 1
	}
	return at + column
}

func typeNames(list []*cel.Type) string {
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = strings.ToLower(strings.TrimPrefix(t.String(), "google.protobuf."))
	}
	return strings.Join(names, " or ")
}

// keysFit reports whether attributes are asked for by keys that stand in the
// expression, and labels for none that has content.
func (c *compiler) keysFit(n yamlat.Node, text string, checked *cel.Ast, u use) bool {
	fit := true
	object := func(e ast.Expr, format string, args ...any) {
		at := checked.NativeRep().SourceInfo().GetStartLocation(e.ID())
		n.ErrorAtf(offset(text, at.Line(), at.Column()), format, args...)
		fit = false
	}
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || !e.AsCall().IsMemberFunction() || checked.NativeRep().GetType(e.AsCall().Target().ID()).TypeName() != attributesType.TypeName() {
			return
		}
		key := e.AsCall().Args()[0]
		if key.Kind() != ast.LiteralKind {
			object(key, "an attribute's key stands in quotes")
		} else if name := string(key.AsLiteral().(types.String)); u.label && namesContent(name) {
			object(key, "%q may be content, and labels have none", name)
		}
	}))
	return fit
}

// sizes tells CEL how long texts may be.
type sizes struct{}

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(element cost.AstNode) *cost.SizeEstimate {
	path := element.Path()
	if len(path) != 1 {
		return nil
	}
	if i, ok := places[path[0]]; ok && variables[i].content {
		return &cost.SizeEstimate{Max: MaxContent}
	}
	return &cost.SizeEstimate{Max: MaxText}
}

// attributeCost is what looking for an attribute costs.
const attributeCost = 10

// EstimateCallCost implements cost.Estimator.
func (sizes) EstimateCallCost(_, overload string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	if strings.HasPrefix(overload, "attributes_") {
		return &cost.CallEstimate{
			CostEstimate: cost.Estimate{Min: attributeCost, Max: attributeCost},
			ResultSize:   &cost.SizeEstimate{Max: MaxText},
		}
	}
	return nil
}
