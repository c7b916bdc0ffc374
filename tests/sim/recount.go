package sim

// verdict is what has to become of one span of the log.
type verdict struct {
	record *logged
	index  int
	span   int
	// resent: Rule D drops it. broken: it is no span, or its record is no OTLP.
	resent, broken bool
}

// recount decides about every span of a partition's records, in the plainest
// way: a span is a resend iff the last sight of it, of any kind, lies at most k
// spans and at most h milliseconds of record time back.
func recount(records []logged, k int, h int64) []verdict {
	type sight struct{ ordinal, milli int64 }
	type id struct {
		tenant      string
		trace, span int
	}
	seen := map[id]sight{}
	var out []verdict
	ordinal := int64(0)
	for i := range records {
		r := &records[i]
		if r.sent.Garbage {
			out = append(out, verdict{record: r, index: -1, broken: true})
			continue
		}
		for index, span := range r.sent.Spans {
			v := verdict{record: r, index: index, span: span, broken: span == 0}
			if !v.broken {
				who := id{r.sent.tenant(), r.sent.Trace, span}
				last, known := seen[who]
				v.resent = known && ordinal-last.ordinal <= int64(k) && r.milli-last.milli <= h
				seen[who] = sight{ordinal, r.milli}
				ordinal++
			}
			out = append(out, v)
		}
	}
	return out
}
