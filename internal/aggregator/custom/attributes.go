package custom

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spanmill/spanmill/pkg/schema"
)

// attributes is a list of them as a value that expressions can ask: text, number,
// flag and has, each with a key that stands in the expression itself.
type attributes struct {
	list          []schema.Attr
	input, output int // places of what is content, -1: none
}

var attributesType = cel.OpaqueType("attributes")

// ConvertToNative implements ref.Val.
func (a *attributes) ConvertToNative(reflect.Type) (any, error) { return a, nil }

// ConvertToType implements ref.Val.
func (a *attributes) ConvertToType(ref.Type) ref.Val {
	return types.NewErr("attributes are nothing else")
}

// Equal implements ref.Val.
func (a *attributes) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(a)) }

// Type implements ref.Val.
func (a *attributes) Type() ref.Type { return attributesType }

// Value implements ref.Val.
func (a *attributes) Value() any { return a }

func (a *attributes) find(key string) *schema.Value {
	for i := range a.list {
		if a.list[i].Key == key {
			return &a.list[i].Value
		}
	}
	return nil
}

// text is an attribute as a text; "" if there is none, or it is a list or a map.
func (a *attributes) text(key string) string {
	v := a.find(key)
	if v == nil {
		return ""
	}
	switch v.Type {
	case schema.ValueString:
		return cut(v.Str, MaxText)
	case schema.ValueInt:
		return strconv.FormatInt(v.Int(), 10)
	case schema.ValueDouble:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case schema.ValueBool:
		return strconv.FormatBool(v.Bool())
	default:
		return ""
	}
}

// number is an attribute as a number, also if it was written as text; 0 if it is
// none.
func (a *attributes) number(key string) float64 {
	v := a.find(key)
	if v == nil {
		return 0
	}
	n := 0.0
	switch v.Type {
	case schema.ValueInt:
		n = float64(v.Int())
	case schema.ValueDouble:
		n = v.Double()
	case schema.ValueString:
		n, _ = strconv.ParseFloat(strings.Trim(cut(v.Str, 64), `"`), 64)
	default:
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return n
}

// flag reports whether an attribute is true, also if it was written as text.
func (a *attributes) flag(key string) bool {
	v := a.find(key)
	return v != nil && (v.Type == schema.ValueBool && v.Bool() || v.Type == schema.ValueString && v.Str == "true")
}

// asking are the functions of attributes, and seconds, a duration as a number.
func asking() []cel.EnvOption {
	member := func(name string, result *cel.Type, ask func(a *attributes, key string) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("attributes_"+name, []*cel.Type{attributesType, cel.StringType}, result,
			cel.BinaryBinding(func(a, key ref.Val) ref.Val { return ask(a.(*attributes), string(key.(types.String))) })))
	}
	return []cel.EnvOption{
		member("text", cel.StringType, func(a *attributes, key string) ref.Val { return types.String(a.text(key)) }),
		member("number", cel.DoubleType, func(a *attributes, key string) ref.Val { return types.Double(a.number(key)) }),
		member("flag", cel.BoolType, func(a *attributes, key string) ref.Val { return types.Bool(a.flag(key)) }),
		cel.Function("seconds", cel.Overload("seconds_duration", []*cel.Type{cel.DurationType}, cel.DoubleType,
			cel.UnaryBinding(func(d ref.Val) ref.Val { return types.Double(d.(types.Duration).Seconds()) }))),
		member("has", cel.BoolType, func(a *attributes, key string) ref.Val { return types.Bool(a.find(key) != nil) }),
	}
}

// contentWords are those of attributes that labels must not be made of.
var contentWords = []string{
	"prompt", "completion", "message", "content", "input", "output", "instruction", "argument", "result", "question", "answer", "query", "text", "body", "document",
}

func namesContent(key string) bool {
	key = strings.ToLower(key)
	for _, w := range contentWords {
		if strings.Contains(key, w) && !strings.Contains(key, "tokens") {
			return true
		}
	}
	return false
}
