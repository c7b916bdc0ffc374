package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// RetentionProgress says how far SetRetention has come.
type RetentionProgress struct {
	Table string
	// Parts is how many parts still have to be rewritten.
	Parts int
	// Problem is why the server could not go on last, "" if it can. It tries
	// again by itself.
	Problem string
}

// retentionPoll is how often SetRetention looks.
const retentionPoll = 500 * time.Millisecond

// SetRetention gives a tenant's rows that are stored already another retention.
// Rows that are past it vanish with the merges that follow. The server rewrites
// the column in the background: SetRetention waits for it and reports; when ctx
// ends first, the server goes on. New rows carry the retention their writer is
// configured with.
func (s *Store) SetRetention(ctx context.Context, tenant string, days uint16, report func(RetentionProgress)) error {
	if days < 1 || days > MaxRetentionDays {
		return fmt.Errorf("retention is %d days, must be 1 to %d", days, MaxRetentionDays)
	}
	for _, table := range rowTables() {
		kept := days
		if table == TableTraceDeletions {
			kept = schema.KeptDeletion(days)
		}
		sql := fmt.Sprintf("ALTER TABLE %s UPDATE retention_days = %d WHERE tenant = %s AND retention_days != %[2]d", table, kept, quote(tenant))
		if err := s.client.exec(ctx, request{sql: sql, settings: settings()}); err != nil {
			return fmt.Errorf("set retention in %s: %w", table, err)
		}
	}
	for _, table := range rowTables() {
		if err := s.awaitRetention(ctx, table, report); err != nil {
			return fmt.Errorf("set retention in %s: %w", table, err)
		}
	}
	return nil
}

func (s *Store) awaitRetention(ctx context.Context, table string, report func(RetentionProgress)) error {
	poll := time.NewTicker(retentionPoll)
	defer poll.Stop()
	for {
		p, open, err := s.retentionProgress(ctx, table)
		if err != nil {
			return err
		}
		if report != nil {
			report(p)
		}
		if !open {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// retentionProgress asks about all open changes of retention, ours and others'.
func (s *Store) retentionProgress(ctx context.Context, table string) (p RetentionProgress, open bool, err error) {
	text, err := s.ask(ctx, fmt.Sprintf("SELECT count(), sum(parts_to_do), max(latest_fail_reason) FROM system.mutations "+
		"WHERE database = %s AND table = %s AND NOT is_done AND position(command, 'UPDATE retention_days') > 0",
		quote(s.cfg.Database), quote(table)), false)
	if err != nil {
		return p, false, err
	}
	fields := strings.SplitN(text, "\t", 3)
	if len(fields) != 3 {
		return p, false, fmt.Errorf("read mutations: got %q", text)
	}
	p = RetentionProgress{Table: table, Problem: fields[2]}
	var mutations int
	if _, err := fmt.Sscan(fields[0]+" "+fields[1], &mutations, &p.Parts); err != nil {
		return p, false, fmt.Errorf("read mutations: %w", err)
	}
	return p, mutations > 0, nil
}
