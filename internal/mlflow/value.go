package mlflow

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// protoValue gives a field of type google.protobuf.Value as JSON text; "" if it
// was not sent. Its numbers are doubles: 1 comes back as 1.0.
func protoValue(o object, name string) string {
	i := o.find(name)
	if i < 0 {
		return ""
	}
	d := json.NewDecoder(bytes.NewReader(o.fields[i].value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		o.wrong(name, "JSON")
		return ""
	}
	return string(encode(doubles(v)))
}

// doubles makes every number within v a double.
func doubles(v any) any {
	switch v := v.(type) {
	case json.Number:
		return json.RawMessage(double(v.String()))
	case []any:
		for i := range v {
			v[i] = doubles(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = doubles(v[k])
		}
	}
	return v
}

// double writes a number as Python writes a float.
func double(number string) string {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil { // out of range
		f = math.MaxFloat64
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if f == math.Trunc(f) && math.Abs(f) < 1e16 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	if math.Abs(f) >= 1e-4 && math.Abs(f) < 1e16 {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strings.Replace(text, "e+0", "e+", 1)
}
