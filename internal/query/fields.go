package query

import (
	"regexp"
	"slices"
	"strings"
)

// entity is what stands before a key's point.
type entity string

const (
	entityAttribute   entity = "attribute"
	entityTag         entity = "tag"
	entityMetadata    entity = "request_metadata"
	entitySpan        entity = "span"
	entityFeedback    entity = "feedback"
	entityExpectation entity = "expectation"
	entityIssue       entity = "issue"
)

var entities = map[string]entity{
	"attribute": entityAttribute, "attributes": entityAttribute, "trace": entityAttribute,
	"tag": entityTag, "tags": entityTag,
	"request_metadata": entityMetadata, "metadata": entityMetadata,
	"span": entitySpan, "feedback": entityFeedback, "expectation": entityExpectation, "issue": entityIssue,
}

// Keys of attributes, as the messages list them.
var (
	filterKeys = []string{
		"client_request_id", "end_time", "end_time_ms", "execution_time", "execution_time_ms", "name", "prompt",
		"request_id", "run_id", "status", "text", "timestamp", "timestamp_ms",
	}
	orderKeys = []string{
		"end_time", "end_time_ms", "execution_time", "execution_time_ms", "experiment_id", "name", "request_id",
		"run_id", "status", "timestamp", "timestamp_ms",
	}
	numericKeys = []string{"end_time", "end_time_ms", "execution_time", "execution_time_ms", "timestamp", "timestamp_ms"}
)

// Operators by what is compared.
var (
	stringOps     = []Op{Equal, NotEqual, In, NotIn, Like, ILike, RLike}
	numericOps    = []Op{Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual}
	keyedOps      = []Op{Equal, NotEqual, Like, ILike, RLike, IsNull, NotNull}
	reservedOps   = []Op{Equal, NotEqual, IsNull, NotNull}
	equalOnly     = []Op{Equal}
	contentOps    = []Op{Like, ILike}
	assessmentOps = []Op{Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual, Like, ILike, RLike, IsNull, NotNull}
)

// Keys of metadata and tags that the server makes itself.
const (
	MetadataSession    = "mlflow.trace.session"
	MetadataUser       = "mlflow.trace.user"
	MetadataUsage      = "mlflow.trace.tokenUsage"
	MetadataCost       = "mlflow.trace.cost"
	MetadataRun        = "mlflow.sourceRun"
	MetadataSizeStats  = "mlflow.trace.sizeStats"
	MetadataSpansRead  = "spanmill.spansRead" // a trace has more spans than its info was made of
	TagName            = "mlflow.traceName"
	TagLinkedPrompts   = "mlflow.linkedPrompts"
	TagSpansLocation   = "mlflow.trace.spansLocation"
	TagArtifacts       = "mlflow.artifactLocation"
	spansLocationStore = "TRACKING_STORE"
)

// fieldRule is a field and what may be asked of it.
type fieldRule struct {
	entity entity
	field  Field
	key    string
	ops    []Op
}

// identify splits a name at its first point, as MLflow does.
func identify(source string, keys []string) (entity, string, error) {
	name, key, dotted := strings.Cut(source, ".")
	e := entityAttribute
	if dotted {
		var known bool
		if e, known = entities[unquoted(name, "`")]; !known {
			names := make([]string, 0, len(entities))
			for n := range entities {
				names = append(names, n)
			}
			slices.Sort(names)
			return "", "", invalid("Invalid entity type '%s'. Valid values are %s", unquoted(name, "`"), listed(names))
		}
	} else {
		key = name
	}
	key = unquoted(unquoted(unquoted(key, `"`), "'"), "`")
	if e == entityAttribute && !slices.Contains(keys, key) {
		return "", "", invalid("Invalid attribute key '%s' specified. Valid keys are '%s'", key, listed(keys))
	}
	return e, key, nil
}

func unquoted(s, quote string) string {
	if len(s) >= 2 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
		return s[1 : len(s)-1]
	}
	return s
}

// resolve finds the field of a key. source is the clause, for messages.
func (e entity) resolve(key, source string) (fieldRule, error) {
	switch e {
	case entityAttribute:
		return attributeRule(key, source)
	case entityTag:
		return keyedRule(e, FieldTag, key), nil
	case entityMetadata:
		return keyedRule(e, FieldMetadata, key), nil
	case entitySpan:
		return spanRule(key, source)
	case entityFeedback:
		return assessmentRule(e, FieldFeedback, key)
	case entityExpectation:
		return assessmentRule(e, FieldExpectation, key)
	case entityIssue:
		if key == "id" {
			return fieldRule{e, FieldIssue, key, equalOnly}, nil
		}
	}
	return fieldRule{}, invalid("Invalid issue attribute '%s'. Supported attributes: id", key)
}

func attributeRule(key, source string) (fieldRule, error) {
	e := entityAttribute
	switch key {
	case "status":
		return fieldRule{e, FieldStatus, key, stringOps}, nil
	case "timestamp", "timestamp_ms":
		return fieldRule{e, FieldTimestamp, key, numericOps}, nil
	case "execution_time", "execution_time_ms":
		return fieldRule{e, FieldDuration, key, numericOps}, nil
	case "end_time", "end_time_ms":
		return fieldRule{e, FieldEnd, key, numericOps}, nil
	case "request_id":
		return fieldRule{e, FieldTraceID, key, stringOps}, nil
	case "client_request_id":
		return fieldRule{e, FieldClientRequestID, key, stringOps}, nil
	case "experiment_id":
		return fieldRule{e, FieldExperiment, key, stringOps}, nil
	case "name":
		return keyedRule(e, FieldTag, TagName), nil
	case "run_id":
		return keyedRule(e, FieldMetadata, MetadataRun), nil
	case "prompt":
		return fieldRule{e, FieldPrompt, TagLinkedPrompts, equalOnly}, nil
	case "text":
		return fieldRule{e, FieldSpanContent, key, contentOps}, nil
	}
	return fieldRule{}, unsupported(source)
}

func keyedRule(e entity, f Field, key string) fieldRule {
	if f == FieldMetadata && (key == MetadataUsage || key == MetadataCost) {
		return fieldRule{e, f, key, reservedOps}
	}
	return fieldRule{e, f, key, keyedOps}
}

func spanRule(key, source string) (fieldRule, error) {
	switch key {
	case "name":
		return fieldRule{entitySpan, FieldSpanName, key, stringOps}, nil
	case "type":
		return fieldRule{entitySpan, FieldSpanType, key, stringOps}, nil
	case "status":
		return fieldRule{entitySpan, FieldSpanStatus, key, stringOps}, nil
	case "content":
		return fieldRule{entitySpan, FieldSpanContent, key, contentOps}, nil
	}
	if strings.HasPrefix(key, "attributes.") {
		return fieldRule{}, unsupported(source)
	}
	return fieldRule{}, invalid("Invalid span attribute '%s'. Supported attributes: name, status, type, attributes.<attribute_name>.", key)
}

func assessmentRule(e entity, f Field, key string) (fieldRule, error) {
	if key == "" {
		return fieldRule{}, invalid("Assessment field name cannot be empty")
	}
	return fieldRule{e, f, key, assessmentOps}, nil
}

// keyed is the key where the field has several.
func (f fieldRule) keyed() string {
	switch f.field {
	case FieldTag, FieldMetadata, FieldFeedback, FieldExpectation:
		return f.key
	default:
		return ""
	}
}

// numeric reports whether the operator compares numbers of this field.
func (f fieldRule) numeric(op Op) bool {
	switch f.field {
	case FieldTimestamp, FieldDuration, FieldEnd:
		return true
	case FieldFeedback, FieldExpectation:
		return slices.Contains([]Op{Greater, GreaterEqual, Less, LessEqual}, op)
	default:
		return false
	}
}

// check is what a text must be besides a text.
func (f fieldRule) check(out *Clause) error {
	if f.field == FieldPrompt && strings.Count(out.Text, "/") != 1 {
		return invalid("Invalid prompts filter value '%s'. Expected format: prompt = \"name/version\"", out.Text)
	}
	if out.Op == RLike {
		if _, err := regexp.Compile(out.Text); err != nil {
			return invalid("Invalid clause(s) in filter string: '%s' has no regular expression of RE2's syntax", out.Source)
		}
	}
	return nil
}

// unsupported refuses what MLflow's server can do and we cannot.
func unsupported(source string) error {
	return invalid("Invalid clause(s) in filter string: '%s' is not supported by this server", source)
}
