package store

import (
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// attrColumns are a span's own attributes, one map for each type, so that 1,
// 1.0, "1" and true stay what they were.
type attrColumns struct {
	str      dictMap[text, *text]
	integer  dictMap[fixed[int64], *fixed[int64]]
	double   dictMap[fixed[uint64], *fixed[uint64]] // IEEE 754 bits
	boolean  dictMap[fixed[uint8], *fixed[uint8]]
	json     dictMap[text, *text]
	byteText dictMap[text, *text]
}

func (c *attrColumns) list() []namedColumn {
	for _, keys := range []*dict{&c.str.keys, &c.integer.keys, &c.double.keys, &c.boolean.keys, &c.json.keys, &c.byteText.keys} {
		keys.keysOnly = true
	}
	c.integer.values.as(typeInt64)
	c.double.values.as(typeFloat64)
	c.boolean.values.as(typeBool)
	return []namedColumn{
		{"attr_str", &c.str},
		{"attr_int", &c.integer},
		{"attr_double", &c.double},
		{"attr_bool", &c.boolean},
		{"attr_json", &c.json},
		{"attr_bytes", &c.byteText},
	}
}

// add appends the attributes but those that became input and output. It
// returns the scratch buffer, grown perhaps.
func (c *attrColumns) add(attrs []schema.Attr, g *schema.GenAI, scratch []byte) []byte {
	for i := range attrs {
		if i == g.InputAttr || i == g.OutputAttr {
			continue
		}
		scratch = c.addOne(&attrs[i], scratch)
	}
	c.str.close()
	c.integer.close()
	c.double.close()
	c.boolean.close()
	c.json.close()
	c.byteText.close()
	return scratch
}

func (c *attrColumns) addOne(a *schema.Attr, scratch []byte) []byte {
	switch v := &a.Value; v.Type {
	case schema.ValueString:
		c.str.keys.add(a.Key)
		c.str.values.add(v.Str)
	case schema.ValueInt:
		c.integer.keys.add(a.Key)
		c.integer.values.add(v.Int())
	case schema.ValueDouble:
		c.double.keys.add(a.Key)
		c.double.values.add(v.Num)
	case schema.ValueBool:
		c.boolean.keys.add(a.Key)
		c.boolean.values.add(bit(v.Bool()))
	case schema.ValueBytes, schema.ValueRaw:
		c.byteText.keys.add(a.Key)
		c.byteText.values.add(v.Str)
	default: // nested values, and the empty one as null
		scratch = otlp.AppendJSON(scratch[:0], *v)
		c.json.keys.add(a.Key)
		c.json.values.addBytes(scratch)
	}
	return scratch
}

// sharedColumns are what spans of one resource or scope have in common.
type sharedColumns struct {
	attrs     dict
	dropped   fixed[uint32]
	schemaURL dict
}

// add appends the attributes as JSON; the text is not made again when the row
// before had the same ones.
func (c *sharedColumns) add(attrs []schema.Attr, same bool, scratch []byte) []byte {
	if same {
		c.attrs.again()
		return scratch
	}
	scratch = otlp.AppendAttrsJSON(scratch[:0], attrs)
	c.attrs.addBytes(scratch)
	return scratch
}

// eventColumns are a span's events as parallel lists.
type eventColumns struct {
	ends    ends
	time    fixed[uint64]
	name    dict
	attrs   text
	dropped fixed[uint32]
}

func (c *eventColumns) list() []namedColumn {
	return []namedColumn{
		{"events_time_unix_nano", array{&c.ends, c.time.as(typeUInt64)}},
		{"events_name", array{&c.ends, &c.name}},
		{"events_attrs", array{&c.ends, &c.attrs}},
		{"events_dropped_attrs", array{&c.ends, c.dropped.as(typeUInt32)}},
	}
}

func (c *eventColumns) add(events []schema.SpanEvent, scratch []byte) []byte {
	for i := range events {
		e := &events[i]
		c.time.add(e.TimeUnixNano)
		c.name.add(e.Name)
		scratch = otlp.AppendAttrsJSON(scratch[:0], e.Attrs)
		c.attrs.addBytes(scratch)
		c.dropped.add(e.DroppedAttrs)
	}
	c.ends.add(c.time.Rows())
	return scratch
}

// linkColumns are a span's links as parallel lists.
type linkColumns struct {
	ends            ends
	traceID, spanID text
	state           text
	attrs           text
	dropped         fixed[uint32]
	flags           fixed[uint32]
}

func (c *linkColumns) list() []namedColumn {
	return []namedColumn{
		{"links_trace_id", array{&c.ends, &c.traceID}},
		{"links_span_id", array{&c.ends, &c.spanID}},
		{"links_trace_state", array{&c.ends, &c.state}},
		{"links_attrs", array{&c.ends, &c.attrs}},
		{"links_dropped_attrs", array{&c.ends, c.dropped.as(typeUInt32)}},
		{"links_flags", array{&c.ends, c.flags.as(typeUInt32)}},
	}
}

func (c *linkColumns) add(links []schema.Link, scratch []byte) []byte {
	for i := range links {
		l := &links[i]
		c.traceID.hexString(l.TraceID)
		c.spanID.hexString(l.SpanID)
		c.state.add(l.TraceState)
		scratch = otlp.AppendAttrsJSON(scratch[:0], l.Attrs)
		c.attrs.addBytes(scratch)
		c.dropped.add(l.DroppedAttrs)
		c.flags.add(l.Flags)
	}
	c.ends.add(c.traceID.Rows())
	return scratch
}
