package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Compaction says which days of table rollups are added up, and how long what is
// made of them is kept.
type Compaction struct {
	// AfterDays is the age, in days, at which nothing is added to a day any more:
	// spans that end earlier count when they come.
	AfterDays int
	// MinuteDays and HourDays are how long minutes and hours are kept.
	MinuteDays, HourDays uint16
}

// compacted are the tables that days are added up in.
func compacted(c Compaction) []compactedTable {
	return []compactedTable{{"rollups_1m", "toStartOfMinute(pane)", c.MinuteDays}, {"rollups_1h", "toStartOfHour(pane)", c.HourDays}}
}

type compactedTable struct {
	name, time string
	days       uint16 // that its rows are kept
}

// CompactRollups adds up each old day that was not yet, or that has more rows by
// now, and tells how many there were. It may be run by several processes at once,
// and be interrupted: a day is replaced as a whole.
func (s *Store) CompactRollups(ctx context.Context, c Compaction) (days int, err error) {
	for _, t := range compacted(c) {
		due, err := s.compactionDue(ctx, t, c.AfterDays)
		if err != nil {
			return days, fmt.Errorf("compact rollups: %w", err)
		}
		for _, day := range due {
			if err := s.compactDay(ctx, t, day); err != nil {
				return days, fmt.Errorf("compact day %d of rollups into %s: %w", day, t.name, err)
			}
			days++
		}
	}
	return days, nil
}

// compactionDue lists the days, since 1970, of which the table lacks rows. A day
// whose rows are being deleted for their age has less than it was made of.
func (s *Store) compactionDue(ctx context.Context, t compactedTable, after int) (due []uint16, err error) {
	text, err := s.search(ctx, fmt.Sprintf("SELECT toUInt16(part_day) FROM (SELECT part_day, count() AS n FROM %s WHERE part_day < today() - %d GROUP BY part_day) AS r"+
		" LEFT JOIN (SELECT part_day, sum(source_rows) AS n FROM %s GROUP BY part_day) AS c USING part_day WHERE r.n > c.n ORDER BY part_day", TableRollups, after, t.name))
	if err != nil {
		return nil, err
	}
	for line := range strings.FieldsSeq(text) {
		day, err := strconv.ParseUint(line, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read a day: %w", err)
		}
		due = append(due, uint16(day))
	}
	return due, nil
}

// compactDay makes a day's rows beside the table, and puts them in the place of
// those that are there.
func (s *Store) compactDay(ctx context.Context, t compactedTable, day uint16) (err error) {
	staging := t.name + "_" + strings.ToLower(rand.Text())
	run := func(sql string) error { return s.client.exec(ctx, request{sql: sql, settings: settings()}) }
	create := fmt.Sprintf("CREATE TABLE %s AS %s ENGINE = MergeTree PARTITION BY part_day ORDER BY (tenant, view, metric, is_eval, time)", staging, t.name)
	if err := run(create); err != nil {
		return err
	}
	defer func() {
		drop := request{sql: "DROP TABLE IF EXISTS " + staging, settings: settings()}
		err = errors.Join(err, s.client.exec(context.WithoutCancel(ctx), drop))
	}()
	fill := fmt.Sprintf("INSERT INTO %s SELECT tenant, view, metric, is_eval, labels, %s AS time, sum(count), sum(sum), sum(weight), sum(estimated),"+
		" min(min), max(max), sumMap(buckets), maxMap(registers), part_day, %d, count() FROM %s WHERE part_day = toDate(%d)"+
		" GROUP BY tenant, view, metric, is_eval, labels, time, part_day", staging, t.time, t.days, TableRollups, day)
	if err := run(fill); err != nil {
		return err
	}
	date := time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.DateOnly)
	return run(fmt.Sprintf("ALTER TABLE %s REPLACE PARTITION %s FROM %s", t.name, quote(date), staging))
}
