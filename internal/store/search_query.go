package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/query"
)

// sortKey is an expression that a page is sorted by.
type sortKey struct {
	sql       string
	number    bool // Int64; else String
	ascending bool
}

// cursor is where a page begins: behind a row with these sort keys. Width is
// how much time the page before covered.
type cursor struct {
	Order string   `json:"o"`
	Keys  []string `json:"k"`
	Width int64    `json:"w,omitempty"` // milliseconds
}

// found is a row of a search.
type found struct {
	id   string
	keys []string
	// rows are the times of the trace's rows in trace_info and trace_parts, Unix
	// milliseconds.
	rows window
}

// Search implements query.Reader. Pages sorted by time, the usual ones, look at
// a part of time only, and at more of it until the page is full.
func (r Reader) Search(ctx context.Context, tenant string, s query.Search) (query.Page, error) {
	order := signature(s.Order)
	at, err := parseToken(s.Token, order, len(sortKeys(&lookup{q: &question{}}, s.Order)))
	if err != nil || len(s.ExperimentIDs) == 0 || s.Limit <= 0 {
		return query.Page{}, err
	}
	var rows []found
	for _, w := range windows(s, at) {
		more, err := r.window(ctx, tenant, s, w, at)
		if err != nil {
			return query.Page{}, err
		}
		if rows = append(rows, more...); len(rows) >= s.Limit {
			rows = rows[:s.Limit]
			break
		}
	}
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].id
	}
	page := query.Page{}
	if page.Traces, err = r.infos(ctx, tenant, ids, timesOf(rows)); err != nil {
		return query.Page{}, err
	}
	if len(rows) == s.Limit {
		page.Token = tokenOf(order, rows)
	}
	return page, nil
}

// window is a range of request times, in Unix milliseconds, both ends included.
type window struct{ from, until int64 }

// firstWindow is what is looked at for the newest traces, in milliseconds; the
// next window is windowGrowth times longer, and then comes all the rest.
const (
	firstWindow  = 5 * 60 * 1000
	windowGrowth = 1000
	maxWindows   = 2
)

// windows are the ranges to look at, one after the other. Only the newest-first
// order can stop early.
func windows(s query.Search, at *cursor) []window {
	all := bounds(s.Filter)
	if len(s.Order) > 0 && (s.Order[0].Field != query.FieldTimestamp || s.Order[0].Ascending) {
		return []window{all}
	}
	width := int64(firstWindow)
	until := all.until
	newest := time.Now().UnixMilli()
	if at != nil {
		if n, err := strconv.ParseInt(at.Keys[0], 10, 64); err == nil {
			until = min(until, n)
		}
		newest = until
		width = max(at.Width*3/2, 1000)
	}
	var list []window
	from := min(newest, until)
	for len(list) < maxWindows && width < from && from-width > all.from {
		from -= width
		list = append(list, window{from, until})
		until, width = from-1, width*windowGrowth
	}
	return append(list, window{all.from, until})
}

// bounds is what a filter says of the request time.
func bounds(f query.Filter) window {
	w := window{0, endOfTime}
	for _, c := range f {
		if c.Field != query.FieldTimestamp || math.Abs(c.Number) > endOfTime {
			continue
		}
		n := int64(c.Number)
		switch c.Op {
		case query.Greater, query.GreaterEqual:
			w.from = max(w.from, n)
		case query.Less, query.LessEqual:
			w.until = min(w.until, n+1)
		case query.Equal:
			w = window{max(w.from, n), min(w.until, n+1)}
		default:
		}
	}
	return w
}

// window asks for the rows of one range.
func (r Reader) window(ctx context.Context, tenant string, s query.Search, w window, at *cursor) ([]found, error) {
	l := &lookup{q: &question{}, experiments: s.ExperimentIDs, from: w.from, until: w.until}
	l.tenant = l.q.text(tenant)
	keys := sortKeys(l, s.Order)
	l.q.add("SELECT trace_id, earliest_ms, latest_ms")
	for _, k := range keys {
		l.q.add(", toString(", k.sql, ")")
	}
	l.q.add(" FROM (", l.resolved(), ") AS r", strings.Join(l.joins, ""), " WHERE experiment_id IN ", l.q.texts(s.ExperimentIDs),
		" AND timestamp_ms BETWEEN ", l.q.integer(w.from), " AND ", l.q.integer(w.until))
	for _, condition := range l.conditions(s.Filter) {
		l.q.add(" AND ", condition)
	}
	if at != nil {
		l.q.add(" AND ", l.behind(keys, at.Keys))
	}
	l.q.add(" ORDER BY ")
	for i, k := range keys {
		if i > 0 {
			l.q.add(", ")
		}
		l.q.add(k.sql, direction(k))
	}
	l.q.add(" LIMIT ", l.q.unsigned(uint64(s.Limit)))
	var page []found
	err := r.read(ctx, "traces", l.q, func(in *rows) {
		f := found{id: in.text(), rows: window{in.int64(), in.int64()}}
		for range keys {
			f.keys = append(f.keys, in.text())
		}
		page = append(page, f)
	})
	return page, err
}

func direction(k sortKey) string {
	if k.ascending {
		return " ASC"
	}
	return " DESC"
}

// sortKeys are the order asked for, made total by time and id. What a trace has
// not sorts last, as in MLflow.
func sortKeys(l *lookup, orders []query.Order) []sortKey {
	var keys []sortKey
	var timed, named bool
	for _, o := range orders {
		text := sortKey{ascending: o.Ascending}
		number := sortKey{number: true, ascending: o.Ascending}
		absent := sortKey{number: true, ascending: true}
		switch o.Field {
		case query.FieldTimestamp:
			number.sql, timed = "timestamp_ms", true
			keys = append(keys, number)
		case query.FieldEnd:
			number.sql = "timestamp_ms + ifNull(duration_ms, 0)"
			keys = append(keys, number)
		case query.FieldDuration:
			absent.sql, number.sql = "toInt64(isNull(duration_ms))", "ifNull(duration_ms, 0)"
			keys = append(keys, absent, number)
		case query.FieldStatus:
			text.sql = "state"
			keys = append(keys, text)
		case query.FieldExperiment:
			number.sql = "toInt64OrZero(experiment_id)"
			text.sql = "experiment_id"
			keys = append(keys, number, text)
		case query.FieldTraceID:
			text.sql, named = givenID, true
			keys = append(keys, text)
		case query.FieldTag, query.FieldMetadata:
			name := l.joined(o)
			absent.sql, text.sql = "toInt64("+name+".owner = '')", name+".value"
			keys = append(keys, absent, text)
		default:
		}
	}
	if !timed {
		keys = append(keys, sortKey{sql: "timestamp_ms", number: true})
	}
	if !named {
		keys = append(keys, sortKey{sql: givenID, ascending: true})
	}
	return keys
}

// joined adds the values of a tag or of metadata to the statement, under the
// name that it gives.
func (l *lookup) joined(o query.Order) string {
	name := "o" + strconv.Itoa(len(l.joins))
	l.joins = append(l.joins, " LEFT ANY JOIN (SELECT trace_id AS owner, value FROM ("+
		l.values(query.Clause{Field: o.Field, Key: o.Key})+")) AS "+name+" ON r.trace_id = "+name+".owner")
	return name
}

// behind is the condition that a row comes after the one with the given keys.
func (l *lookup) behind(keys []sortKey, values []string) string {
	k := keys[0]
	value := l.q.text(values[0])
	if k.number {
		n, _ := strconv.ParseInt(values[0], 10, 64) // the token was checked
		value = l.q.integer(n)
	}
	op := " < "
	if k.ascending {
		op = " > "
	}
	sql := k.sql + op + value
	if len(keys) > 1 {
		sql = "(" + sql + " OR " + k.sql + " = " + value + " AND " + l.behind(keys[1:], values[1:]) + ")"
	}
	return sql
}

// signature tells orders apart: a token is good for the order it was made in.
func signature(orders []query.Order) string {
	var b strings.Builder
	for _, o := range orders {
		b.WriteString(strconv.Itoa(int(o.Field)) + strconv.FormatBool(o.Ascending)[:1] + o.Key + ";")
	}
	return b.String()
}

// parseToken reads a page token; nil: there is none.
func parseToken(token, order string, keys int) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	var c cursor
	text, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return nil, &query.InvalidError{Message: "Invalid page token, could not base64-decode"}
	}
	if json.Unmarshal(text, &c) != nil || c.Order != order || len(c.Keys) != keys || c.Width < 0 || c.Width > endOfTime {
		return nil, &query.InvalidError{Message: "Invalid page token: it is not of this search"}
	}
	return &c, nil
}

func tokenOf(order string, rows []found) string {
	c := cursor{Order: order, Keys: rows[len(rows)-1].keys}
	if order == "" || strings.HasPrefix(order, strconv.Itoa(int(query.FieldTimestamp))) {
		newest, _ := strconv.ParseInt(rows[0].keys[0], 10, 64)
		oldest, _ := strconv.ParseInt(c.Keys[0], 10, 64)
		c.Width = max(newest-oldest, 0)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "" // strings and a number always encode
	}
	return base64.URLEncoding.EncodeToString(text)
}

// timesOf is where the rows of a page's traces lie; the zero range: anywhere.
func timesOf(page []found) span {
	if len(page) == 0 {
		return span{}
	}
	all := page[0].rows
	for _, f := range page {
		all = window{min(all.from, f.rows.from), max(all.until, f.rows.until)}
	}
	if all.from < slackMilli || all.until > endOfTime-slackMilli {
		return span{}
	}
	return span{uint64(all.from) * 1e6, uint64(all.until)*1e6 + 999_999}
}
