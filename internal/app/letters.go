package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// deadLettersCommand is for what could not be stored.
type deadLettersCommand struct {
	Ls      lsLettersCommand     `cmd:"" help:"List dead letters."`
	Show    showLetterCommand    `cmd:"" help:"Show one dead letter: headers, spans as far as they can be read, and bytes."`
	Redrive redriveLetterCommand `cmd:"" help:"Send dead letters through the pipeline again, once what was wrong is mended. Each lands once, however often it is re-driven."`
}

// letterBox finds the Kafka of a running `spanmill up`, or any other.
type letterBox struct {
	Addresses string `help:"Addresses file of a running 'spanmill up'." type:"path"`
	DataDir   string `help:"Data directory of a running 'spanmill up', used unless --brokers says otherwise." default:"spanmill-data" type:"path"`
	Kafka     kafka  `embed:""`
}

// config is how to reach it.
func (l letterBox) config() (bus.Config, error) {
	if err := l.Kafka.check(); err != nil {
		return bus.Config{}, err
	}
	cfg, err := l.Kafka.config()
	if err != nil {
		return cfg, err
	}
	told := strings.Join(cfg.Brokers, ",") != strings.Join(bus.Default().Brokers, ",")
	a, err := readAddresses(addressesPath(l.Addresses, l.DataDir))
	switch {
	case err == nil && (l.Addresses != "" || !told):
		cfg.Brokers = []string{a.Kafka}
	case l.Addresses != "":
		return cfg, err
	}
	return cfg, nil
}

// reading is one command's way to the dead letters.
type reading struct {
	bus bus.Config
	log *slog.Logger
}

// read opens the box and lets use have it until a signal comes.
func (l letterBox) read(c *console, use func(context.Context, reading) error) error {
	cfg, err := l.config()
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(c.err, "warn")
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	return advised(use(ctx, reading{cfg, log}), bus.Advice)
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// each visits the letters that match.
func (r reading) each(ctx context.Context, match func(*pipeline.Record) bool, visit func(*pipeline.Record) error) error {
	err := bus.Scan(ctx, r.bus, schema.TopicDeadLetters, r.log, func(letter *pipeline.Record) error {
		if !match(letter) {
			return nil
		}
		return visit(letter)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// place names a letter in its topic: its offset, behind its partition if that
// is not the first.
type place struct {
	partition int32
	offset    int64
}

func placeOf(r *pipeline.Record) place { return place{r.Partition, r.Offset} }

func (p place) String() string {
	if p.partition == 0 {
		return fmt.Sprint(p.offset)
	}
	return fmt.Sprintf("%d/%d", p.partition, p.offset)
}

type lsLettersCommand struct {
	letterBox
	letterFilter
}

// Run implements the command.
func (l lsLettersCommand) Run(c *console) error {
	match, err := l.matcher(time.Now())
	if err != nil {
		return err
	}
	return l.read(c, func(ctx context.Context, r reading) error {
		list := newLetterList(c.out)
		n := 0
		err := r.each(ctx, match, func(letter *pipeline.Record) error {
			if l.Limit > 0 && n == l.Limit {
				return errEnough
			}
			n++
			list.add(letter, "")
			return nil
		})
		return errors.Join(err, list.end())
	})
}

// letterList prints letters as a table.
type letterList struct{ w *tabwriter.Writer }

func newLetterList(w io.Writer) letterList {
	l := letterList{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(l.w, "OFFSET\tTIME\tREASON\tTENANT\tORIGIN\tBYTES")
	return l
}

// add prints a letter and what is to be said of it. A row that cannot be
// written is the table's error at its end.
func (l letterList) add(letter *pipeline.Record, remark string) {
	tenant := letter.Header(schema.HeaderTenant)
	if tenant == "" {
		tenant = schema.DefaultTenant
	}
	fmt.Fprintf(l.w, "%s\t%s\t%s\t%s\t%s\t%d", placeOf(letter), letter.Time.UTC().Format(time.RFC3339),
		letter.Header(schema.HeaderReason), printable(tenant), printable(letter.Header(schema.HeaderOrigin)), len(letter.Value))
	if remark != "" {
		fmt.Fprintf(l.w, "\t%s", remark)
	}
	fmt.Fprintln(l.w)
}

func (l letterList) end() error { return l.w.Flush() }

// printable keeps a stranger's header from moving the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}
