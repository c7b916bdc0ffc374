package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// givenID is a trace's id as clients know it.
const givenID = "if(match(trace_id, '^[0-9a-f]{32}$'), concat('tr-', trace_id), trace_id)"

// conditions are a filter's clauses on a row of lookup.resolved. Those on spans
// are one condition: they must hold on the same span.
func (l *lookup) conditions(f query.Filter) []string {
	var all, spans []string
	slack, where := int64(slackMilli), ""
	for _, c := range f {
		switch c.Field {
		case query.FieldStatus:
			all = append(all, l.compare("state", c))
		case query.FieldTimestamp:
			all = append(all, l.compareNumber("timestamp_ms", c))
		case query.FieldDuration:
			all = append(all, l.compareNumber("duration_ms", c))
		case query.FieldEnd:
			all = append(all, l.compareNumber("(timestamp_ms + ifNull(duration_ms, 0))", c))
		case query.FieldTraceID:
			all = append(all, l.compareID(c))
		case query.FieldClientRequestID:
			all = append(all, "client_request_id != ''", l.compare("client_request_id", c))
		case query.FieldExperiment:
			all = append(all, l.compare("experiment_id", c))
		case query.FieldTag, query.FieldMetadata, query.FieldPrompt:
			all = append(all, l.keyed(c))
		case query.FieldFeedback, query.FieldExpectation, query.FieldIssue:
			all = append(all, l.assessed(c))
		case query.FieldSpanName:
			spans = append(spans, l.compare("t.name", c))
		case query.FieldSpanType:
			spans = append(spans, l.compare(l.spanType(), c))
		case query.FieldSpanStatus:
			spans = append(spans, l.compare("toString(t.status)", c))
		case query.FieldSpanContent:
			spans = append(spans, l.content(c))
			slack, where = contentSlackMilli, " AND experiment_id IN "+l.q.texts(l.experiments)
			l.q.maxBytes = maxContentBytes
		}
	}
	if len(spans) > 0 {
		all = append(all, "trace_id IN (SELECT trace_id FROM spans AS t "+joinDeleted(l.tenant)+" WHERE tenant = "+l.tenant+where+
			l.partTimes(slack)+" AND "+notDeleted+" AND "+strings.Join(spans, " AND ")+")")
	}
	return all
}

// Bounds of looking through the texts of spans, which no index helps with: more
// is refused, with the advice to name a time.
const (
	// contentSlackMilli is how long after its trace a span begins whose texts are
	// looked through.
	contentSlackMilli = 3600 * 1000
	maxContentBytes   = 4 << 30 // of all columns that are read, uncompressed
)

// content is a clause on the texts of a span: one of them must match whole.
func (l *lookup) content(c query.Clause) string {
	var one []string
	for _, text := range []string{"t.input", "t.output", "t.name", "t.status_message"} {
		one = append(one, l.compare(text, c))
	}
	for _, list := range []string{"mapValues(t.attr_str)", "mapValues(t.attr_json)", "t.events_name", "t.events_attrs"} {
		one = append(one, "arrayExists(x -> "+l.compare("x", c)+", "+list+")")
	}
	return "(" + strings.Join(one, " OR ") + ")"
}

// compare compares a text.
func (l *lookup) compare(sql string, c query.Clause) string {
	switch c.Op {
	case query.In:
		return sql + " IN " + l.q.texts(c.List)
	case query.NotIn:
		return sql + " NOT IN " + l.q.texts(c.List)
	case query.Like, query.ILike:
		// A backslash is nothing special to MLflow; to ClickHouse it is.
		return sql + " " + string(c.Op) + " " + l.q.text(strings.ReplaceAll(c.Text, `\`, `\\`))
	case query.RLike:
		return "match(" + sql + ", " + l.q.text(c.Text) + ")"
	default:
		return sql + " " + string(c.Op) + " " + l.q.text(c.Text)
	}
}

// compareNumber compares a number; what is not there compares false.
func (l *lookup) compareNumber(sql string, c query.Clause) string {
	return "ifNull(" + sql + " " + string(c.Op) + " " + l.q.double(c.Number) + ", false)"
}

// compareID compares the trace's id, by the stored one where that says the same.
func (l *lookup) compareID(c query.Clause) string {
	switch c.Op {
	case query.Equal, query.NotEqual:
		c.Text = query.StoredID(c.Text)
		return l.compare("trace_id", c)
	case query.In, query.NotIn:
		stored := make([]string, len(c.List))
		for i, id := range c.List {
			stored[i] = query.StoredID(id)
		}
		c.List = stored
		return l.compare("trace_id", c)
	default:
		return l.compare(givenID, c)
	}
}

// keyed is a clause on a tag or on metadata. All but IS NULL want it to be
// there.
func (l *lookup) keyed(c query.Clause) string {
	if c.Op == query.IsNull {
		return "trace_id NOT IN (SELECT trace_id FROM (" + l.values(c) + "))"
	}
	condition, link := "", ""
	switch {
	case c.Op == query.NotNull:
	case c.Field == query.FieldPrompt:
		name, number, _ := strings.Cut(c.Text, "/")
		condition = " WHERE arrayExists(p -> JSONExtractString(p, 'name') = " + l.q.text(name) +
			" AND JSONExtractString(p, 'version') = " + l.q.text(number) + ", JSONExtractArrayRaw(value))"
		link = schema.TagLinkedPrompt + c.Text
	default:
		condition = " WHERE " + l.compare("value", c)
		if c.Key == query.MetadataRun && c.Op == query.Equal {
			link = schema.TagLinkedRun + c.Text
		}
	}
	sql := "trace_id IN (SELECT trace_id FROM (" + l.values(c) + ")" + condition + ")"
	if link != "" {
		linked := query.Clause{Field: query.FieldTag, Key: link}
		sql = "(" + sql + " OR trace_id IN (SELECT trace_id FROM (" + l.values(linked) + ")))"
	}
	return sql
}

// values selects trace_id and value of one tag or one key of metadata, of all
// traces that have it. What was told wins over what spans say, later over
// earlier.
func (l *lookup) values(c query.Clause) string {
	var sources []string
	if c.Field == query.FieldMetadata {
		sources = l.metadataSources(c.Key)
	} else {
		key := c.Key
		if c.Field == query.FieldPrompt {
			key = query.TagLinkedPrompts
		}
		sources = l.tagSources(key)
	}
	return "SELECT trace_id, argMax(s.value, (s.rank, s.place)) AS value FROM (" + strings.Join(sources, " UNION ALL ") + ") AS s " +
		joinDeleted(l.tenant) + " WHERE " + notDeleted + " GROUP BY trace_id HAVING NOT argMax(s.gone, (s.rank, s.place))"
}

func (l *lookup) metadataSources(key string) []string {
	k := l.q.text(key)
	sources := []string{
		"SELECT trace_id, metadata[" + k + "] AS value, false AS gone, 1 AS rank, version AS place, received_at FROM trace_info WHERE tenant = " +
			l.tenant + " AND mapContains(metadata, " + k + ")" + l.infoTimes(slackMilli),
	}
	column := map[string]string{query.MetadataSession: "session_id", query.MetadataUser: "user_id"}[key]
	if column != "" {
		// The first span in the log that says it.
		sources = append(sources, "SELECT trace_id, "+column+", false, 0, toUInt128(9223372036854775807 - src_offset), received_at "+
			"FROM trace_parts WHERE tenant = "+l.tenant+" AND "+column+" != ''"+l.partTimes(slackMilli))
	}
	return sources
}

func (l *lookup) tagSources(key string) []string {
	k := l.q.text(key)
	sources := []string{
		"SELECT trace_id, tags[" + k + "] AS value, false AS gone, 2 AS rank, version AS place, received_at FROM trace_info WHERE tenant = " +
			l.tenant + " AND mapContains(tags, " + k + ")" + l.infoTimes(slackMilli),
		"SELECT trace_id, value, deleted, 2, version, received_at FROM trace_tags WHERE tenant = " + l.tenant + " AND key = " + k,
	}
	attr := l.q.text(query.TagPrefix + key)
	sources = append(sources, "SELECT trace_id, if(isValidJSON(attr_str["+attr+"]) AND startsWith(attr_str["+attr+"], '\"'), "+
		"JSONExtractString(attr_str["+attr+"]), attr_str["+attr+"]), false, 1, toUInt128(src_offset), received_at "+
		"FROM spans WHERE tenant = "+l.tenant+" AND is_root AND mapContains(attr_str, "+attr+")"+l.partTimes(slackMilli))
	if !strings.HasPrefix(key, "mlflow.") && !strings.HasPrefix(key, "telemetry.sdk.") {
		sources = append(sources, "SELECT trace_id, if(JSONType(resource_attrs, "+k+") = 'String', JSONExtractString(resource_attrs, "+k+"), "+
			"JSONExtractRaw(resource_attrs, "+k+")), false, 0, toUInt128(src_offset), received_at "+
			"FROM spans WHERE tenant = "+l.tenant+" AND JSONHas(resource_attrs, "+k+")"+l.partTimes(slackMilli))
	}
	return sources
}

// assessed is a clause on the value of an assessment that is valid.
func (l *lookup) assessed(c query.Clause) string {
	kind := "feedback"
	if c.Field == query.FieldExpectation {
		kind = "expectation"
	}
	if c.Field == query.FieldIssue { // its name is the issue's id
		kind, c.Key, c.Op = "issue", c.Text, query.NotNull
	}
	in, condition := "IN", "true"
	switch c.Op {
	case query.IsNull:
		in = "NOT IN"
	case query.NotNull:
	case query.Equal, query.NotEqual:
		quoted, err := json.Marshal(c.Text)
		if err != nil {
			quoted = nil // a text always encodes
		}
		condition = "value IN " + l.q.texts([]string{c.Text, string(quoted)})
		if c.Op == query.NotEqual {
			condition = "NOT (" + condition + ")"
		}
	case query.Less, query.LessEqual, query.Greater, query.GreaterEqual:
		condition = "match(value, '^-?[0-9]') AND " + l.compareNumber("toFloat64OrNull(value)", c)
	default:
		condition = l.compare("value", c)
	}
	return fmt.Sprintf(`trace_id %s (SELECT trace_id FROM (
  SELECT trace_id, assessment_id, max(t.deleted) AS gone,
    argMaxIf(t.name, t.version, bitAnd(t.mask, 1) != 0) AS name, argMaxIf(t.valid, t.version, bitAnd(t.mask, 128) != 0) AS valid,
    argMaxIf(t.type, t.version, bitAnd(t.mask, 4) != 0) AS type, argMaxIf(t.value, t.version, bitAnd(t.mask, 4) != 0) AS value
  FROM assessments AS t %s WHERE tenant = %s AND %s GROUP BY trace_id, assessment_id)
WHERE NOT gone AND valid AND name = %s AND type = '%s' AND %s)`,
		in, joinDeleted(l.tenant), l.tenant, notDeleted, l.q.text(c.Key), kind, condition)
}

// spanType is a span's type as MLflow has it: the SDK's, else what a dialect
// says.
func (l *lookup) spanType() string {
	sent := "trim(BOTH '\"' FROM t.attr_str['mlflow.spanType'])"
	branches := []string{sent + " NOT IN ('', 'UNKNOWN')", sent}
	for _, rule := range query.TypeRules() {
		names, types := make([]string, 0, len(rule.Types)), make([]string, 0, len(rule.Types))
		for _, pair := range rule.Types {
			names, types = append(names, pair[0]), append(types, pair[1])
		}
		value := "t.attr_str[" + l.q.text(rule.Key) + "]"
		list := l.q.texts(names)
		branches = append(branches, "has("+list+", "+value+")", l.q.texts(types)+"[indexOf("+list+", "+value+")]")
	}
	return "multiIf(" + strings.Join(branches, ", ") + ", 'UNKNOWN')"
}
