package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/spanmill/spanmill/deploy/prometheus"
)

// alarm is one alert of deploy/prometheus/rules.yml, as doctor can judge it.
type alarm struct {
	name, summary, advice string

	metric, over string // over: what it is divided by, "" by nothing
	since        bool   // metric is a time, and its age counts
	counter      bool   // metric counts from the start of its process
	below        bool
	limit        float64
}

// shape is what an alert's expr may look like.
var shape = regexp.MustCompile(`^(?:increase\((\w+)\[\w+\]\)|time\(\) - \((\w+) > 0\)|(\w+)(?: / (\w+))?) ([<>]) ([\d.]+)$`)

// alarms reads the rules.
func alarms() ([]alarm, error) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Expr        string
				Annotations struct{ Summary, Description string }
			}
		}
	}
	if err := yaml.Unmarshal(prometheus.Rules, &file); err != nil {
		return nil, fmt.Errorf("read the alerts: %w", err)
	}
	var out []alarm
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			m := shape.FindStringSubmatch(r.Expr)
			if m == nil {
				return nil, fmt.Errorf("alert %s: %q has none of the shapes that doctor reads", r.Alert, r.Expr)
			}
			limit, err := strconv.ParseFloat(m[6], 64)
			if err != nil {
				return nil, fmt.Errorf("alert %s: %w", r.Alert, err)
			}
			out = append(out, alarm{
				name: r.Alert, summary: r.Annotations.Summary, advice: r.Annotations.Description,
				metric: m[1] + m[2] + m[3], over: m[4], counter: m[1] != "", since: m[2] != "", below: m[5] == "<", limit: limit,
			})
		}
	}
	return out, nil
}

// sample is one line of a metrics page.
type sample struct {
	series string // name and labels
	value  float64
}

// parseMetrics reads a page in Prometheus's text format, by metric.
func parseMetrics(page string) map[string][]sample {
	out := make(map[string][]sample)
	for line := range strings.Lines(page) {
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(line[:at], "{")
		out[name] = append(out[name], sample{line[:at], value})
	}
	return out
}

// judge gives the series for which the alarm holds at this moment.
func (a alarm) judge(metrics map[string][]sample, now time.Time) (firing []string) {
	for _, s := range metrics[a.metric] {
		value, text := s.value, fmt.Sprintf("%s = %g", s.series, s.value)
		switch {
		case a.since && value <= 0:
			continue
		case a.since:
			value = float64(now.UnixMilli())/1000 - value
			text = fmt.Sprintf("%s since %s", s.series, time.Duration(value*float64(time.Second)).Round(time.Second))
		case a.over != "":
			if len(metrics[a.over]) != 1 {
				continue
			}
			value /= metrics[a.over][0].value
		}
		if value > a.limit && !a.below || value < a.limit && a.below {
			firing = append(firing, text)
		}
	}
	return firing
}

// alarmFindings asks an admin listener and explains what it tells. What was
// counted since the process began may be long over: that is no fault by itself.
func alarmFindings(ctx context.Context, admin string) []finding {
	page, err := metricsPage(ctx, admin)
	if err != nil {
		return []finding{{"metrics", false, err.Error()}}
	}
	list, err := alarms()
	if err != nil {
		return []finding{{"metrics", false, err.Error()}}
	}
	var out []finding
	for _, a := range list {
		firing := a.judge(page, time.Now())
		if len(firing) == 0 {
			continue
		}
		when := ""
		if a.counter {
			when = " (since the process began)"
		}
		out = append(out, finding{a.name, a.counter, fmt.Sprintf("%s%s %s\n       %s", a.summary, when, strings.Join(firing, ", "), a.advice)})
	}
	if len(out) == 0 {
		out = []finding{{"alerts", true, fmt.Sprintf("none of %d holds, says %s", len(list), admin)}}
	}
	return out
}

// metricsPage asks for the metrics of a process.
func metricsPage(ctx context.Context, admin string) (map[string][]sample, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", admin, err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(admin + " answered " + response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, math.MaxInt32))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", admin, err)
	}
	return parseMetrics(string(text)), nil
}
