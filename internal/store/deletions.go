package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// DeletionsQuery asks for deletions that are to be carried out, perhaps again.
type DeletionsQuery struct {
	// Share and Shares divide deletions by partition: those of Share, modulo.
	Share, Shares int
	// Now and Before are times of the server: of this look and of the one
	// before, zero for none.
	Now, Before time.Time
	// Base is the age at which a deletion is looked at again. Rows that it hides
	// may land long after it, when spans lag behind events, so it is looked at
	// again whenever its age has doubled.
	Base time.Duration
	// After is the last one of the page before.
	After schema.Deletion
	Limit int
}

// DueDeletions lists deletions whose trace may have rows, by tenant and trace.
func (s *Store) DueDeletions(ctx context.Context, q DeletionsQuery) ([]schema.Deletion, error) {
	now, before, base := q.Now.UnixMilli(), max(q.Before.UnixMilli(), 0), max(q.Base.Milliseconds(), 1)
	age := func(at int64) string {
		return fmt.Sprintf("floor(log2(greatest(1, (%d - deleted) / %d)))", at, base)
	}
	sql := fmt.Sprintf("SELECT hex(tenant), hex(trace_id), toUnixTimestamp64Milli(max(received_at)) AS deleted FROM %s"+
		" WHERE src_partition %% %d = %d AND (tenant, trace_id) > (%s, %s)"+
		" GROUP BY tenant, trace_id HAVING deleted > %d OR %s > %s ORDER BY tenant, trace_id LIMIT %d",
		TableTraceDeletions, q.Shares, q.Share, quote(q.After.Tenant), quote(q.After.TraceID), before, age(now), age(before), q.Limit)
	var out []schema.Deletion
	err := s.lines(ctx, sql, 3, func(f []string) error {
		d, err := parseDeletion(f)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list deletions: %w", err)
	}
	return out, nil
}

// Deletions visits the last deletion of each trace that has one.
func (s *Store) Deletions(ctx context.Context, visit func(schema.Deletion) error) error {
	sql := "SELECT hex(tenant), hex(trace_id), toUnixTimestamp64Milli(max(received_at)) FROM " + TableTraceDeletions + " GROUP BY tenant, trace_id"
	err := s.lines(ctx, sql, 3, func(f []string) error {
		d, err := parseDeletion(f)
		if err != nil {
			return err
		}
		return visit(d)
	})
	if err != nil {
		return fmt.Errorf("read deletions: %w", err)
	}
	return nil
}

func parseDeletion(f []string) (d schema.Deletion, err error) {
	tenant, err1 := hex.DecodeString(f[0])
	trace, err2 := hex.DecodeString(f[1])
	d.ReceivedMilli, err = strconv.ParseInt(f[2], 10, 64)
	if err1 != nil || err2 != nil || err != nil {
		return d, fmt.Errorf("read a deletion: %q", f)
	}
	d.Tenant, d.TraceID = string(tenant), string(trace)
	return d, nil
}

// deleteBytes bounds the ids that one statement names.
const deleteBytes = 64 << 10

// DeleteTraces deletes the rows that the deletions hide, those that there are,
// and tells how many. It asks first: a statement that deletes nothing costs the
// server a look at each part all the same.
func (s *Store) DeleteTraces(ctx context.Context, deletions []schema.Deletion) (rows int64, err error) {
	for len(deletions) > 0 {
		n, bytes := 0, 0
		for n < len(deletions) && deletions[n].Tenant == deletions[0].Tenant && (n == 0 || bytes < deleteBytes) {
			bytes += len(deletions[n].TraceID) + 32
			n++
		}
		where := hiddenSQL(deletions[:n])
		for _, table := range aboutTraces() {
			deleted, err := s.deleteRows(ctx, table, where)
			if err != nil {
				return rows, fmt.Errorf("delete rows of deleted traces from %s: %w", table, err)
			}
			rows += deleted
		}
		deletions = deletions[n:]
	}
	return rows, nil
}

func (s *Store) deleteRows(ctx context.Context, table, where string) (int64, error) {
	text, err := s.search(ctx, "SELECT count() FROM "+table+" WHERE "+where)
	if err != nil {
		return 0, err
	}
	rows, err := strconv.ParseInt(text, 10, 64)
	if err != nil || rows == 0 {
		return 0, err
	}
	_, err = s.search(ctx, "DELETE FROM "+table+" WHERE "+where)
	return rows, err
}

// hiddenSQL is true of the rows that deletions of one tenant hide.
func hiddenSQL(deletions []schema.Deletion) string {
	ids, times := make([]string, len(deletions)), make([]string, len(deletions))
	for i, d := range deletions {
		ids[i], times[i] = quote(d.TraceID), strconv.FormatInt(d.ReceivedMilli, 10)
	}
	list := strings.Join(ids, ", ")
	return fmt.Sprintf("tenant = %s AND trace_id IN (%s) AND toUnixTimestamp64Milli(received_at) <= transform(trace_id, [%[2]s], [%[3]s], toInt64(0))",
		quote(deletions[0].Tenant), list, strings.Join(times, ", "))
}
