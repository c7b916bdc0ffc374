package scheduled

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed sql/*.sql
var files embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(files, "sql/*.sql"))

// Kept is how many days are kept what runs make.
const Kept = 400

// distributions are the metrics that quantiles are told of.
var distributions = []string{"session_duration", "session_depth", "turns_to_resolution"}

// words are what statements are rendered with: conditions and literals of what
// a tenant assumes. What clients send is never among them.
type words struct {
	tenant Tenant
	// Due says which sessions' minutes are made anew.
	Due   string
	from  positions
	till  positions
	reach reach
}

// render gives a statement of sql/, with its name for whoever reads the server's
// log of queries.
func render(name string, w words) (string, error) {
	var b strings.Builder
	b.WriteString(mark + name + " */ ")
	if err := templates.ExecuteTemplate(&b, name+".sql", w); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}

// New are the conditions that rows of a table came since they were looked for last,
// on recent days and on others. Each is of a statement of its own.
func (w words) New(table string) (rows []string) {
	for _, span := range w.reach.spans(table) {
		rows = append(rows, span.days+" AND "+w.from.newer(span.name, w.till[table]))
	}
	return rows
}

// Mine is the condition of statements that write what people see.
func (words) Mine() string { return mine }

// Kept is for how many days rows are kept.
func (words) Kept() int { return Kept }

// WaitDays is how many days after a session's close its user may come back.
func (w words) WaitDays() int { return days(w.tenant.Recontact) + 1 }

// Around is how far from a day sessions lie that depend on it.
func (w words) Around() int { return days(max(w.tenant.Recontact, w.tenant.Lookback)) + 2 }

func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

// Distributions lists distributions.
func (words) Distributions() string { return list(distributions, quote) }

// Goals are those that conversion is told of.
func (w words) Goals() string { return "[" + list(w.tenant.Goals, quote) + "]::Array(String)" }

// Funnels are the tenant's funnels.
func (w words) Funnels() string {
	return "[" + list(w.tenant.Funnels, func(f Funnel) string {
		return "(" + quote(f.Name) + ", [" + list(f.Steps, quote) + "], " + strconv.Itoa(int(f.Within/time.Second)) + ")"
	}) + "]::Array(Tuple(name String, steps Array(String), within UInt32))"
}

// Since are the days from which versions hold; the first holds before, too.
func (w words) Since() string {
	return "[toDate('1970-01-01')" + strings.TrimSuffix(", "+list(w.tenant.Versions[1:], func(v Version) string { return "toDate(" + quote(v.From) + ")" }), ", ") + "]"
}

// Versions, HourlyRate and the others are one for each version.
func (w words) Versions() string {
	return "[" + list(w.tenant.Versions, func(v Version) string { return quote(v.Name) }) + "]"
}

// HourlyRate is what an hour of people's work costs.
func (w words) HourlyRate() string { return w.amounts(func(v Version) int64 { return v.Hour }) }

// TicketCost is what a ticket costs that did not have to be opened.
func (w words) TicketCost() string { return w.amounts(func(v Version) int64 { return v.Ticket }) }

// FixedCost is what a day costs beside the models.
func (w words) FixedCost() string { return w.amounts(func(v Version) int64 { return v.Fixed }) }

// BaselineTickets are those of a day before.
func (w words) BaselineTickets() string {
	return w.amounts(func(v Version) int64 { return v.DailyTickets })
}

// TaskMinutes are what tasks take without help, by task.
func (w words) TaskMinutes() string {
	return "[" + list(w.tenant.Versions, func(v Version) string {
		return "map(" + list(slices.Sorted(maps.Keys(v.TaskMinutes)), func(task string) string {
			return quote(task) + ", " + strconv.FormatInt(v.TaskMinutes[task], 10)
		}) + ")"
	}) + "]::Array(Map(String, Int64))"
}

func (w words) amounts(of func(Version) int64) string {
	return "[" + list(w.tenant.Versions, func(v Version) string { return strconv.FormatInt(of(v), 10) }) + "]::Array(Int64)"
}

func list[T any](of []T, text func(T) string) string {
	out := make([]string, len(of))
	for i, x := range of {
		out[i] = text(x)
	}
	return strings.Join(out, ", ")
}
