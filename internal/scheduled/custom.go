package scheduled

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/yamlat"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Bounds of statements that people write.
const (
	maxStatements  = 32
	usualEvery     = 5 * time.Minute
	leastEvery     = 15 * time.Second
	usualTime      = 10 * time.Second
	mostTime       = time.Minute
	usualSeries    = 100
	mostSeries     = 1000
	usualMemory    = 256 << 20
	mostMemory     = 1 << 30
	maxLabels      = 5
	maxLabelBytes  = 96
	statementBytes = 64 << 10
)

// Statement is a metric that people define in SQL, in metrics.yaml.
type Statement struct {
	Name, About string
	Every       time.Duration
	Limits      Limits
	SQL         string
	// Where is its place in the file.
	Where string
}

// Limits bound one statement.
type Limits struct {
	Time   time.Duration
	Rows   int   // of the answer
	Memory int64 // bytes the server may use
	// Tenant is whose rows it sees; of every table of the database.
	Tenant string
}

// LoadStatements reads the part sql of a metrics.yaml; the other parts are the
// aggregator's. No path: there are none.
func LoadStatements(path string) ([]Statement, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	return ParseStatements(path, text)
}

// ParseStatements reads a file's text.
func ParseStatements(name string, text []byte) ([]Statement, error) {
	f, top, err := yamlat.Parse(name, text)
	if err != nil {
		return nil, err
	}
	var out []Statement
	list := top.Fields("metrics", "views", "sql")["sql"].List()
	if len(list) > maxStatements {
		top.Errorf("%d statements, at most %d", len(list), maxStatements)
	}
	for _, n := range list {
		s := statementOf(n)
		if slices.ContainsFunc(out, func(o Statement) bool { return o.Name == s.Name }) {
			n.Errorf("there is another %s", s.Name)
		}
		out = append(out, s)
	}
	return out, f.Err()
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func statementOf(n yamlat.Node) Statement {
	m := n.Fields("name", "about", "every", "time", "series", "memory", "statement")
	s := Statement{
		Name: m["name"].Text(), About: m["about"].Text(), Every: m["every"].Duration(leastEvery, usualEvery), SQL: strings.TrimRight(m["statement"].Text(), " \t\n;"),
		Limits: Limits{
			Time: m["time"].Duration(time.Second, usualTime), Rows: int(m["series"].Whole(1, usualSeries)), Memory: m["memory"].Whole(1<<20, usualMemory),
		},
	}
	switch {
	case !m["name"].There():
		n.Errorf("it has no name")
	case !nameShape.MatchString(s.Name) || rollup.IsScheduled(s.Name) || slices.ContainsFunc(rollup.Views, func(v rollup.ViewDefinition) bool { return v.Name == s.Name }):
		m["name"].Errorf("%q is no name of its own such as refunds_by_country: small letters, digits and _", s.Name)
	}
	if s.Limits.Time > mostTime || s.Limits.Rows > mostSeries || s.Limits.Memory > mostMemory {
		n.Errorf("at most time: %s, series: %d, memory: %d", mostTime, mostSeries, mostMemory)
	}
	s.Where = n.Where()
	switch {
	case s.SQL == "":
		n.Errorf("it has no statement: a SELECT with column value, or part and n, and up to %d labels", maxLabels)
	case len(s.SQL) > statementBytes:
		m["statement"].Errorf("a statement is at most %d bytes", statementBytes)
	default:
		s.Where = m["statement"].Where()
	}
	return s
}

// Definition is what the metric is, for the catalogue. Its view has its name.
func (s Statement) Definition() rollup.Definition {
	return rollup.Definition{Name: s.Name, Form: rollup.Stated, Scale: 1e-6, Help: s.About}
}

// due reports whether one of its instants lies between two runs.
func (s Statement) due(since, now int64) bool {
	every := s.Every.Milliseconds()
	return since/every != now/every
}

// point is one row of an answer: a series, its n and its part, in millionths.
type point struct {
	labels []rollup.Label
	n, sum int64
}

// read makes points of an answer whose first row names its columns.
func (s Statement) read(rows [][]string) ([]point, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	columns := rows[0]
	at := func(name string) int { return slices.Index(columns, name) }
	value, part, n := at("value"), at("part"), at("n")
	labels := slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "value" || c == "part" || c == "n" })
	switch {
	case value >= 0 == (part >= 0 && n >= 0):
		return nil, errors.New("it has column value, or part and n, and else labels")
	case len(labels) > maxLabels:
		return nil, fmt.Errorf("%d labels, at most %d", len(labels), maxLabels)
	}
	var out []point
	for _, row := range rows[1:] {
		p := point{n: 1}
		number := value
		if value < 0 {
			number = part
			count, err := strconv.ParseInt(row[n], 10, 64)
			if err != nil || count < 0 {
				return nil, fmt.Errorf("n is %q, no whole number", row[n])
			}
			p.n = count
		}
		v, err := strconv.ParseFloat(row[number], 64)
		if err != nil || math.IsNaN(v) || math.Abs(v) > 9e12 {
			return nil, fmt.Errorf("%s is %q, no number of at most 9e12", columns[number], row[number])
		}
		p.sum = int64(math.Round(v * 1e6))
		for _, name := range labels {
			text := row[at(name)]
			p.labels = append(p.labels, rollup.Label{Name: name, Value: text[:min(len(text), maxLabelBytes)]})
		}
		out = append(out, p)
	}
	return out, nil
}

// state asks a statement for a tenant and notes what it says.
func (t *tenantPass) state(ctx context.Context, s Statement) error {
	limits := s.Limits
	limits.Tenant = t.name
	rows, err := t.tables.Limited(ctx, s.SQL, limits)
	if err != nil {
		return err
	}
	points, err := s.read(rows)
	if err != nil || len(points) == 0 {
		return err
	}
	version, err := t.version()
	if err != nil {
		return err
	}
	minute := t.now / 60_000 * 60
	sql := "INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version) VALUES "
	sql += list(points, func(p point) string {
		series, pairs := "now", ""
		for i, l := range p.labels {
			series += " " + l.Name + "=" + l.Value
			if i > 0 {
				pairs += ", "
			}
			pairs += quote(l.Name) + ", " + quote(l.Value)
		}
		return fmt.Sprintf("(%s, %s, %[2]s, %s, map(%s), %d, %d, %d, 9223372036854775807, -9223372036854775808, map(), toDate(%[5]d), %[8]d, %[9]d)",
			quote(t.name), quote(s.Name), quote(series), pairs, minute, p.n, p.sum, Kept, version)
	})
	return t.tables.Exec(ctx, sql, nil)
}

// statements asks those that are due. One that fails is told of, with its place,
// and asked again when it is due.
func (t *tenantPass) statements(ctx context.Context) {
	for _, s := range t.sql {
		if !s.due(t.since, t.now) {
			continue
		}
		if err := t.state(ctx, s); err != nil && ctx.Err() == nil {
			t.metrics.refused.Inc()
			t.log.WarnContext(ctx, "a metric in SQL says nothing", "at", s.Where, "metric", s.Name, "tenant", t.name, "err", err)
		}
	}
}
