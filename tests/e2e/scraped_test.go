package e2e_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scraped is what a Prometheus has scraped, by the text of a series' labels.
type scraped map[string]*scrapedSeries

type scrapedSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// take adds a scraped page of a moment.
func (s scraped) take(t *testing.T, page string, at time.Time) {
	t.Helper()
	p, err := textparse.New([]byte(page), "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := p.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if e != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		_, _, v := p.Series()
		x := s[l.String()]
		if x == nil {
			x = &scrapedSeries{labels: l}
			s[l.String()] = x
		}
		x.samples = append(x.samples, scrapedSample{at.UnixMilli(), v})
	}
}

// queryable is the scraped in words of Prometheus's engine.
func (s scraped) queryable() storage.Queryable {
	return &storage.MockQueryable{MockQuerier: &storage.MockQuerier{
		SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
			set := &seriesSet{at: -1}
			for _, x := range s {
				if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(x.labels.Get(m.Name)) }) {
					set.all = append(set.all, storage.NewListSeries(x.labels, x.samples))
				}
			}
			return set
		},
	}}
}

type seriesSet struct {
	all []storage.Series
	at  int
}

func (s *seriesSet) Next() bool                      { s.at++; return s.at < len(s.all) }
func (s *seriesSet) At() storage.Series              { return s.all[s.at] }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// scrapedSample is a value of a moment.
type scrapedSample struct {
	milli int64
	value float64
}

func (s scrapedSample) T() int64                    { return s.milli }
func (scrapedSample) ST() int64                     { return 0 }
func (s scrapedSample) F() float64                  { return s.value }
func (scrapedSample) H() *histogram.Histogram       { return nil }
func (scrapedSample) FH() *histogram.FloatHistogram { return nil }
func (scrapedSample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s scrapedSample) Copy() chunks.Sample         { return s }
