package otlp

import "github.com/spanmill/spanmill/pkg/schema"

// eventNameAttr is where the name of an event was before LogRecord had a field.
const eventNameAttr = "event.name"

// DecodeLogs gives the records of an ExportLogsServiceRequest in wire order.
// They and their slices are valid until the next Decode, DecodeLogs or Reset;
// strings alias request, which must not change while they are used. Resource
// and Scope are never nil. The error is a *FramingError.
func (d *Decoder) DecodeLogs(request []byte) ([]schema.LogRecord, error) {
	d.Reset()
	src := alias(request)
	// Log requests are few beside spans: they are walked first, always.
	if err := check(msgLogs, src); err != nil {
		return nil, err
	}
	c := d.cursor(msgLogs, src)
	for c.next() {
		if c.num == 1 {
			d.resourceLogs(c.data)
		}
	}
	return d.logs, nil
}

func (d *Decoder) resourceLogs(src string) {
	d.mended = 0
	resource := d.resource(src) // ResourceLogs has it where ResourceSpans has
	mended := d.mended
	c := d.cursor(msgResourceLogs, src)
	for c.next() {
		if c.num == 2 {
			d.scopeLogs(c.data, resource, mended)
		}
	}
}

func (d *Decoder) scopeLogs(src string, resource *schema.Resource, mended schema.SpanFlags) {
	d.mended = mended
	scope := d.scope(src)
	mended = d.mended
	c := d.cursor(msgScopeLogs, src)
	for c.next() {
		if c.num == 2 {
			d.mended = mended
			d.log(c.data, resource, scope)
		}
	}
}

func (d *Decoder) log(src string, resource *schema.Resource, scope *schema.Scope) {
	d.logs = append(d.logs, schema.LogRecord{Resource: resource, Scope: scope})
	r := &d.logs[len(d.logs)-1]
	var observed uint64
	first := len(d.attrs)
	c := d.cursor(msgLogRecord, src)
	for c.next() {
		switch c.num {
		case 1:
			r.TimeUnixNano = c.val
		case 2:
			r.Severity = int32(c.val)
		case 5:
			d.body(&r.Body, c.data)
		case 6:
			d.attrs = d.attr(d.attrs, c.data)
		case 9:
			setID(r.TraceID[:], c.data)
		case 10:
			setID(r.SpanID[:], c.data)
		case 11:
			observed = c.val
		case 12:
			r.EventName = d.valid(c.data)
		}
	}
	if r.TimeUnixNano == 0 {
		r.TimeUnixNano = observed
	}
	r.Attrs = cut(d.attrs, first)
	for i := range r.Attrs {
		if a := &r.Attrs[i]; r.EventName == "" && a.Key == eventNameAttr && a.Value.Type == schema.ValueString {
			r.EventName = a.Value.Str
		}
	}
	r.Mended = d.mended
}

// body reads an AnyValue that stands alone as attr reads one with a key. An
// empty one changes nothing, as protobuf merges repeated values.
func (d *Decoder) body(v *schema.Value, src string) {
	if !anyValue(v, src, nil) {
		return
	}
	switch v.Type {
	case schema.ValueString:
		v.Str = d.valid(v.Str)
	case schema.ValueArray, schema.ValueMap:
		f := nested(*v, 1)
		d.mended |= f
		if f&schema.FlagDeepValue != 0 {
			*v = schema.Value{Type: schema.ValueRaw, Str: src}
		}
	default: // nothing in it can be invalid
	}
}
