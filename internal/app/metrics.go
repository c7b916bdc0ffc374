package app

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// metricsCommand is about the metrics that people define.
type metricsCommand struct {
	Test metricsTestCommand `cmd:"" help:"Check a metrics.yaml, and show what its metrics come to on recorded spans."`
}

// metricsTestCommand tries a file of metrics.
type metricsTestCommand struct {
	File   string   `arg:"" help:"The file." type:"path"`
	Data   []string `help:"Recorded spans: OTLP export requests, as protobuf, or as JSON with one a line, as the OpenTelemetry Collector's file exporter writes them. Else the demo's." type:"path" placeholder:"FILE"`
	Traces int      `help:"Traces of the demo that are tried where no data is named." default:"2000"`
	Top    int      `help:"Series shown of each metric." default:"10"`
}

// Run implements the command.
func (m metricsTestCommand) Run(c *console) error {
	own, err := custom.Load(m.File, aggregator.Shipped())
	if err != nil {
		return err
	}
	cfg := aggregator.DefaultConfig()
	cfg.Own = own
	trial := aggregator.NewTrial(cfg)
	began := time.Now()
	if err := m.feed(trial); err != nil {
		return err
	}
	took := time.Since(began)
	tried, err := trial.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d spans in %s, %d resends, %d that cannot be read, %d times an expression failed or its value was out of range\n",
		tried.Spans, took.Round(time.Millisecond), tried.Duplicates, tried.Invalid, tried.Failures)
	for _, v := range own.Views {
		if err := m.show(c.out, v, tried.Rollups); err != nil {
			return err
		}
	}
	return nil
}

// feed shows the trial what was recorded.
func (m metricsTestCommand) feed(trial *aggregator.Trial) error {
	if len(m.Data) == 0 {
		return m.feedDemo(trial)
	}
	for _, name := range m.Data {
		content, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read the spans: %w", err)
		}
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("read the spans: %w", err)
		}
		if !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
			trial.Take(pipeline.Record{Value: content, Time: info.ModTime()})
			continue
		}
		if err := feedJSON(trial, name, content, info.ModTime()); err != nil {
			return err
		}
	}
	return nil
}

// feedJSON takes a request a line; one that goes over many lines is all there is.
func feedJSON(trial *aggregator.Trial, name string, content []byte, at time.Time) error {
	if whole, err := otlp.FromJSON(nil, content); err == nil {
		trial.Take(pipeline.Record{Value: whole, Time: at})
		return nil
	}
	lines := bufio.NewReader(bytes.NewReader(content))
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			value, err := otlp.FromJSON(nil, line)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", name, n, err)
			}
			trial.Take(pipeline.Record{Value: value, Time: at})
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

func (m metricsTestCommand) feedDemo(trial *aggregator.Trial) error {
	now := time.Now()
	g, err := demo.NewGenerator(demo.DefaultOptions(1, now))
	if err != nil {
		return err
	}
	maker := g.NewMaker()
	for i := range uint64(max(m.Traces, 0)) {
		n := g.Size(i)
		piece := demo.Piece{From: demo.Position{Trace: i}, To: demo.Position{Trace: i + 1}, Spans: int(n)}
		trial.Take(pipeline.Record{Value: maker.AppendPiece(nil, piece), Time: now})
	}
	return nil
}

// show lists the series of a view that have the most, merged over all panes.
func (m metricsTestCommand) show(out io.Writer, v *custom.View, all []rollup.Rollup) error {
	type row struct {
		labels string
		metric string
		rollup.Partial
	}
	var rows []row
	for i := range all {
		r := &all[i]
		if r.View != v.Name {
			continue
		}
		sums := map[string]*row{}
		for _, p := range r.Panes {
			for j := range p.Metrics {
				x := sums[p.Metrics[j].Name]
				if x == nil {
					x = &row{labels: labelText(&r.Series), metric: p.Metrics[j].Name}
					sums[x.metric] = x
				}
				x.Merge(&p.Metrics[j].Partial)
			}
		}
		for _, x := range sums {
			rows = append(rows, *x)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.labels, b.labels), cmp.Compare(a.metric, b.metric))
	})
	fmt.Fprintf(out, "\n%s: %d series\n", v.Name, len(rows))
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, x := range rows {
		if i == m.Top {
			fmt.Fprintf(t, "  …\n")
			break
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", x.labels, x.metric, amountText(v.Kind, &x.Partial))
	}
	return t.Flush()
}

func labelText(s *rollup.Series) string {
	pairs := make([]string, 0, len(s.Labels)+1)
	for _, l := range s.Labels {
		pairs = append(pairs, l.Name+"="+l.Value)
	}
	if s.Eval {
		pairs = append(pairs, "(evaluations)")
	}
	if len(pairs) == 0 {
		return "all"
	}
	return strings.Join(pairs, " ")
}

// amountText is what a partial comes to, of a metric of its own in the units of
// its value.
func amountText(kind custom.Kind, p *rollup.Partial) string {
	if len(p.Distinct) > 0 {
		return fmt.Sprintf("%.0f different", p.Distinct.Estimate())
	}
	scale := 1e-6
	if kind == "" {
		scale = 1
	}
	text := fmt.Sprintf("count %d, sum %.6g", p.Count, float64(p.Sum)*scale)
	if p.Bounded && p.Count > 0 {
		text += fmt.Sprintf(", mean %.6g, %.6g to %.6g", float64(p.Sum)*scale/float64(p.Count), float64(p.Min)*scale, float64(p.Max)*scale)
	}
	if q, ok := p.Hist.Quantile(0.95); ok {
		text += fmt.Sprintf(", p95 %.4g", q*scale)
	}
	return text
}
