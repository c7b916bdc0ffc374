package app

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// letterFilter chooses dead letters: those for which all that is given holds.
type letterFilter struct {
	Reason string `help:"Only letters with this reason: empty, unknown_version, undecodable, invalid_span or store_rejected."`
	Tenant string `help:"Only letters of this tenant."`
	Origin string `help:"Only letters that first came here." placeholder:"TOPIC[/PARTITION[/OFFSET[-OFFSET]]]"`
	Offset string `help:"Only the letter at this offset of the dead letters, or those from one to another." placeholder:"OFFSET[-OFFSET]"`
	Since  string `help:"Only letters written since then: RFC 3339, or how long ago, such as 2h." placeholder:"TIME"`
	Until  string `help:"Only letters written before then, likewise." placeholder:"TIME"`
	Limit  int    `help:"At most so many; 0 is all."`
}

// matcher reads the filter.
func (f letterFilter) matcher(now time.Time) (func(*pipeline.Record) bool, error) {
	since, err := moment(f.Since, now)
	if err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	until, err := moment(f.Until, now)
	if err != nil {
		return nil, fmt.Errorf("--until: %w", err)
	}
	origin, err := originMatcher(f.Origin)
	if err != nil {
		return nil, fmt.Errorf("--origin: %w", err)
	}
	offsets := anyOffset
	if f.Offset != "" {
		if offsets, err = parseSpan(f.Offset); err != nil {
			return nil, fmt.Errorf("--offset: %w", err)
		}
	}
	return func(r *pipeline.Record) bool {
		tenant := r.Header(schema.HeaderTenant)
		return (f.Reason == "" || r.Header(schema.HeaderReason) == f.Reason) &&
			(f.Tenant == "" || tenant == f.Tenant || tenant == "" && f.Tenant == schema.DefaultTenant) &&
			(f.Since == "" || !r.Time.Before(since)) &&
			(f.Until == "" || r.Time.Before(until)) &&
			offsets.Contains(r.Offset) && origin(r.Header(schema.HeaderOrigin))
	}, nil
}

// anyOffset contains all that there are.
var anyOffset = pipeline.Range{First: 0, Last: 1<<63 - 1}

// moment reads a time or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%q is no time such as 2026-01-31T12:00:00Z, nor a duration such as 2h", text)
	}
	return at, nil
}

// originMatcher reads TOPIC[/PARTITION[/OFFSET[-OFFSET]]].
func originMatcher(text string) (func(string) bool, error) {
	if text == "" {
		return func(string) bool { return true }, nil
	}
	fields := strings.Split(text, "/")
	if len(fields) > 3 || fields[0] == "" {
		return nil, fmt.Errorf("%q: want TOPIC, TOPIC/PARTITION or TOPIC/PARTITION/OFFSET[-OFFSET]", text)
	}
	partition, offsets := int64(-1), anyOffset
	var err error
	if len(fields) > 1 {
		if partition, err = strconv.ParseInt(fields[1], 10, 32); err != nil || partition < 0 {
			return nil, fmt.Errorf("%q is no partition", fields[1])
		}
	}
	if len(fields) > 2 {
		if offsets, err = parseSpan(fields[2]); err != nil {
			return nil, err
		}
	}
	return func(header string) bool {
		o, err := schema.ParseOrigin(header)
		return err == nil && o.Topic == fields[0] && (partition < 0 || int64(o.Partition) == partition) && offsets.Contains(o.Offset)
	}, nil
}

// parseSpan reads OFFSET[-OFFSET].
func parseSpan(text string) (pipeline.Range, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	a, err1 := strconv.ParseInt(first, 10, 64)
	b, err2 := strconv.ParseInt(last, 10, 64)
	if err1 != nil || err2 != nil || a < 0 || b < a {
		return pipeline.Range{}, fmt.Errorf("%q: want an offset, or two with - between", text)
	}
	return pipeline.Range{First: a, Last: b}, nil
}
