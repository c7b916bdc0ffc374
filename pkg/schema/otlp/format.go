package otlp

// wireType is protobuf's: the low three bits of a tag.
type wireType = uint8

const (
	wireVarint wireType = 0
	wireI64    wireType = 1
	wireLen    wireType = 2
	wireI32    wireType = 5
)

// kind tells how a field's value reads, in protobuf by its low three bits (the
// wire type), in JSON by the whole. The zero kind is an unknown field.
type kind uint8

const (
	kindUnknown = kind(0)
	kindBool    = kind(1<<3 | wireVarint)
	kindInt32   = kind(2<<3 | wireVarint)
	kindInt64   = kind(3<<3 | wireVarint)
	kindUint32  = kind(4<<3 | wireVarint)
	kindSpan    = kind(5<<3 | wireVarint) // enum SpanKind
	kindStatus  = kind(6<<3 | wireVarint) // enum StatusCode
	kindFixed32 = kind(7<<3 | wireI32)
	kindFixed64 = kind(8<<3 | wireI64)
	kindDouble  = kind(9<<3 | wireI64)
	kindString  = kind(10<<3 | wireLen)
	kindBytes   = kind(11<<3 | wireLen) // base64 in JSON
	kindID      = kind(12<<3 | wireLen) // hexadecimal in JSON
	kindMessage = kind(13<<3 | wireLen)
	kindList    = kind(14<<3 | wireLen)    // repeated message
	kindStrings = kind(15<<3 | wireLen)    // repeated string
	kindLevel   = kind(16<<3 | wireVarint) // enum SeverityNumber
)

func (k kind) wire() wireType { return uint8(k) & 7 }

// message names one message type of OTLP.
type message uint8

const (
	msgNone message = iota
	msgRequest
	msgResourceSpans
	msgResource
	msgEntityRef
	msgScopeSpans
	msgScope
	msgSpan
	msgEvent
	msgLink
	msgStatus
	msgKeyValue
	msgAnyValue
	msgArrayValue
	msgKeyValueList
	msgLogs
	msgResourceLogs
	msgScopeLogs
	msgLogRecord
	messages

	// Not messages: children of this number and above are span ids, which the
	// walk notes in passing.
	idTrace  = messages
	idSpan   = messages + 1
	idParent = messages + 2
)

// member is what OTLP defines for one field number of a message.
type member struct {
	name  string // lowerCamelCase, as OTLP/JSON writes it
	kind  kind
	child message
}

// maxMember is the greatest field number that any message here defines.
const maxMember = 16

// format is opentelemetry-proto's definition of trace and log requests, by
// message and field number. It is never written.
var format = [messages][maxMember + 1]member{
	msgRequest: {1: {"resourceSpans", kindList, msgResourceSpans}},
	msgResourceSpans: {
		1: {"resource", kindMessage, msgResource},
		2: {"scopeSpans", kindList, msgScopeSpans},
		3: {"schemaUrl", kindString, msgNone},
	},
	msgResource: {
		1: {"attributes", kindList, msgKeyValue},
		2: {"droppedAttributesCount", kindUint32, msgNone},
		3: {"entityRefs", kindList, msgEntityRef},
	},
	msgEntityRef: {
		1: {"schemaUrl", kindString, msgNone},
		2: {"type", kindString, msgNone},
		3: {"idKeys", kindStrings, msgNone},
		4: {"descriptionKeys", kindStrings, msgNone},
	},
	msgScopeSpans: {
		1: {"scope", kindMessage, msgScope},
		2: {"spans", kindList, msgSpan},
		3: {"schemaUrl", kindString, msgNone},
	},
	msgScope: {
		1: {"name", kindString, msgNone},
		2: {"version", kindString, msgNone},
		3: {"attributes", kindList, msgKeyValue},
		4: {"droppedAttributesCount", kindUint32, msgNone},
	},
	msgSpan: {
		1:  {"traceId", kindID, idTrace},
		2:  {"spanId", kindID, idSpan},
		3:  {"traceState", kindString, msgNone},
		4:  {"parentSpanId", kindID, idParent},
		5:  {"name", kindString, msgNone},
		6:  {"kind", kindSpan, msgNone},
		7:  {"startTimeUnixNano", kindFixed64, msgNone},
		8:  {"endTimeUnixNano", kindFixed64, msgNone},
		9:  {"attributes", kindList, msgKeyValue},
		10: {"droppedAttributesCount", kindUint32, msgNone},
		11: {"events", kindList, msgEvent},
		12: {"droppedEventsCount", kindUint32, msgNone},
		13: {"links", kindList, msgLink},
		14: {"droppedLinksCount", kindUint32, msgNone},
		15: {"status", kindMessage, msgStatus},
		16: {"flags", kindFixed32, msgNone},
	},
	msgEvent: {
		1: {"timeUnixNano", kindFixed64, msgNone},
		2: {"name", kindString, msgNone},
		3: {"attributes", kindList, msgKeyValue},
		4: {"droppedAttributesCount", kindUint32, msgNone},
	},
	msgLink: {
		1: {"traceId", kindID, msgNone},
		2: {"spanId", kindID, msgNone},
		3: {"traceState", kindString, msgNone},
		4: {"attributes", kindList, msgKeyValue},
		5: {"droppedAttributesCount", kindUint32, msgNone},
		6: {"flags", kindFixed32, msgNone},
	},
	msgStatus: {
		2: {"message", kindString, msgNone},
		3: {"code", kindStatus, msgNone},
	},
	msgKeyValue: {
		1: {"key", kindString, msgNone},
		2: {"value", kindMessage, msgAnyValue},
		3: {"keyStrindex", kindInt32, msgNone},
	},
	msgAnyValue: {
		1: {"stringValue", kindString, msgNone},
		2: {"boolValue", kindBool, msgNone},
		3: {"intValue", kindInt64, msgNone},
		4: {"doubleValue", kindDouble, msgNone},
		5: {"arrayValue", kindMessage, msgArrayValue},
		6: {"kvlistValue", kindMessage, msgKeyValueList},
		7: {"bytesValue", kindBytes, msgNone},
		8: {"stringValueStrindex", kindInt32, msgNone},
	},
	msgArrayValue:   {1: {"values", kindList, msgAnyValue}},
	msgKeyValueList: {1: {"values", kindList, msgKeyValue}},
	msgLogs:         {1: {"resourceLogs", kindList, msgResourceLogs}},
	msgResourceLogs: {
		1: {"resource", kindMessage, msgResource},
		2: {"scopeLogs", kindList, msgScopeLogs},
		3: {"schemaUrl", kindString, msgNone},
	},
	msgScopeLogs: {
		1: {"scope", kindMessage, msgScope},
		2: {"logRecords", kindList, msgLogRecord},
		3: {"schemaUrl", kindString, msgNone},
	},
	msgLogRecord: {
		1:  {"timeUnixNano", kindFixed64, msgNone},
		2:  {"severityNumber", kindLevel, msgNone},
		3:  {"severityText", kindString, msgNone},
		5:  {"body", kindMessage, msgAnyValue},
		6:  {"attributes", kindList, msgKeyValue},
		7:  {"droppedAttributesCount", kindUint32, msgNone},
		8:  {"flags", kindFixed32, msgNone},
		9:  {"traceId", kindID, msgNone},
		10: {"spanId", kindID, msgNone},
		11: {"observedTimeUnixNano", kindFixed64, msgNone},
		12: {"eventName", kindString, msgNone},
	},
}
