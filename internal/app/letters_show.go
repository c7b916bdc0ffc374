package app

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// What show shows of a value.
const (
	shownBytes = 512
	shownSpans = 20
)

type showLetterCommand struct {
	letterBox
	Letter string `arg:"" help:"Which one: its OFFSET as ls prints it."`
	Raw    bool   `help:"Write the value and nothing else, to keep it in a file and mend it."`
}

// Run implements the command. What it shows is content, for the eyes of whoever
// may read the topic; it is never logged.
func (s showLetterCommand) Run(c *console) error {
	want, err := parsePlace(s.Letter)
	if err != nil {
		return err
	}
	return s.read(c, func(ctx context.Context, r reading) error {
		found := false
		match := func(letter *pipeline.Record) bool { return placeOf(letter) == want }
		err := r.each(ctx, match, func(letter *pipeline.Record) error {
			found = true
			if s.Raw {
				_, err := c.out.Write(letter.Value)
				return err
			}
			if err := showLetter(c.out, letter); err != nil {
				return err
			}
			return errEnough
		})
		if err == nil && !found {
			err = fmt.Errorf("there is no dead letter at %s", want)
		}
		return err
	})
}

// parsePlace reads what place.String prints.
func parsePlace(text string) (place, error) {
	partition, offset, both := strings.Cut(text, "/")
	if !both {
		partition, offset = "0", text
	}
	p, err1 := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	if err1 != nil || err2 != nil || p < 0 || o < 0 {
		return place{}, fmt.Errorf("%q is no place of a dead letter: want an offset as ls prints it", text)
	}
	return place{int32(p), o}, nil
}

func showLetter(w io.Writer, letter *pipeline.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "dead letter %s, written %s\n", placeOf(letter), letter.Time.UTC().Format(time.RFC3339Nano))
	for _, h := range letter.Headers {
		fmt.Fprintf(&b, "  %s: %s\n", printable(h.Key), printable(string(h.Value)))
	}
	fmt.Fprintf(&b, "value of %d bytes\n", len(letter.Value))
	describeSpans(&b, letter.Value)
	shown := letter.Value[:min(len(letter.Value), shownBytes)]
	b.WriteString(hex.Dump(shown))
	if len(shown) < len(letter.Value) {
		fmt.Fprintf(&b, "… %d bytes more; all of them with --raw\n", len(letter.Value)-len(shown))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// describeSpans lists the spans of a value that decodes.
func describeSpans(b *strings.Builder, value []byte) {
	var decoder otlp.Decoder
	spans, err := decoder.Decode(value)
	if err != nil {
		fmt.Fprintf(b, "  does not decode: %v\n", err)
		return
	}
	for i := range spans {
		if i == shownSpans {
			fmt.Fprintf(b, "  … %d spans more\n", len(spans)-i)
			return
		}
		s := &spans[i]
		fmt.Fprintf(b, "  span %d: trace %s span %s %q, service %q", s.Index, s.TraceID, s.SpanID, s.Name, serviceOf(s))
		if s.Invalid != "" {
			fmt.Fprintf(b, ", invalid: %s", s.Invalid)
		}
		b.WriteByte('\n')
	}
}

func serviceOf(s *schema.Span) string {
	for _, a := range s.Resource.Attrs {
		if a.Key == "service.name" {
			return a.Value.Str
		}
	}
	return ""
}
