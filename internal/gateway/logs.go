package gateway

import (
	"context"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

// ReasonLogTooLarge is why a log record is not kept that is larger than a span
// may be. (The other reasons of log records are semconv's.)
const ReasonLogTooLarge = "log_too_large"

// IngestLogs takes in what a log request tells: the content of spans, evaluation
// results (rule R8 of semconv), and business events. When it returns nil, the
// accepted records are durable as events; the others are counted as rejects, by
// reason: spanmill is no store of logs. The error is a *RefusalError. Request
// is an ExportLogsServiceRequest here, and in the budget as Ingest has it.
func (g *Gateway) IngestLogs(ctx context.Context, r Request) (Result, error) {
	// Events hold about what the request does.
	if !g.budget.take(len(r.Body)) {
		return Result{}, overloaded()
	}
	defer g.budget.give(len(r.Body))
	events, result, err := g.readLogs(r.Body)
	if err != nil {
		return Result{}, err
	}
	if err := g.Publish(ctx, r.Tenant, events); err != nil {
		return Result{}, err
	}
	g.m.logged(result)
	return result, nil
}

// ingest takes in a request of a signal that is stored.
func (g *Gateway) ingest(ctx context.Context, signal otlp.Signal, r Request) (Result, error) {
	if signal == otlp.Logs {
		return g.IngestLogs(ctx, r)
	}
	return g.Ingest(ctx, r)
}

// readLogs gives the events of a log request; they keep nothing of it.
func (g *Gateway) readLogs(body []byte) (events []schema.Event, result Result, err error) {
	d, _ := g.decoders.Get().(*otlp.Decoder) // New gives nothing else
	defer func() {
		d.Reset()
		g.decoders.Put(d)
	}()
	records, err := d.DecodeLogs(body)
	if err != nil {
		return nil, result, malformed(otlp.Logs, err)
	}
	for i := range records {
		told, reason := semconv.LogEvents(&records[i])
		if reason == "" && sizeOf(told) > g.cfg.MaxSpanBytes-eventOverhead {
			reason = ReasonLogTooLarge
		}
		if reason != "" {
			result.Rejects = counted(result.Rejects, reason)
			continue
		}
		result.Accepted++
		events = append(events, told...)
	}
	return events, result, nil
}

// eventOverhead is more than the fields of an event cost beside its texts.
const eventOverhead = 4 * kib

// sizeOf bounds the greatest of the events of one log record: its texts, and
// the attributes that may be of any size.
func sizeOf(events []schema.Event) (most int) {
	for _, e := range events {
		size := 0
		switch {
		case e.Content != nil:
			size = len(e.Content.Body) + len(e.Content.SessionID) + sizeOfTexts(e.Content.Attrs)
		case e.Assessment != nil:
			a := e.Assessment
			size = len(a.Name) + len(a.SourceID) + len(a.Value) + len(a.Rationale) + sizeOfTexts(a.Metadata)
		case e.Business != nil:
			size = sizeOfTexts(e.Business.Attrs)
		}
		most = max(most, size)
	}
	return most
}

// sizeOfTexts counts each text with the longest length that can lead it.
func sizeOfTexts(m map[string]string) (n int) {
	for k, v := range m {
		n += len(k) + len(v) + 10
	}
	return n
}

// counted is rejects and one more for a reason.
func counted(rejects []otlp.Reject, reason string) []otlp.Reject {
	for i := range rejects {
		if rejects[i].Reason == reason {
			rejects[i].Count++
			return rejects
		}
	}
	return append(rejects, otlp.Reject{Reason: reason, Count: 1})
}
