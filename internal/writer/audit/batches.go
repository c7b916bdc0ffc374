package audit

import (
	"context"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// batchPage is how many batches are asked for at once.
const batchPage = 1000

// batches are the ranges that landed in an extent, asked for as they are needed.
type batches struct {
	extent   Extent
	tables   Tables
	page     []pipeline.Range // in order
	complete bool             // nothing lies behind page
	last     pipeline.Range   // given last
	// overlap hears of two batches that share offsets: the spans there are in
	// two sums.
	overlap func(a, b pipeline.Range)
}

// at gives the first batch that ends at offset or behind it. ok is false when
// there is none. Offsets must not decrease from call to call.
func (s *batches) at(ctx context.Context, offset int64) (r pipeline.Range, ok bool, err error) {
	for {
		for len(s.page) > 0 && s.page[0].Last < offset {
			s.page = s.page[1:]
		}
		if len(s.page) > 0 {
			break
		}
		if s.complete {
			return pipeline.Range{}, false, nil
		}
		all := pipeline.Range{First: offset, Last: s.extent.To - 1}
		if s.page, err = s.tables.Batches(ctx, s.extent.place(all), batchPage); err != nil {
			return pipeline.Range{}, false, err
		}
		s.complete = len(s.page) < batchPage
	}
	r = s.page[0]
	if r != s.last {
		if s.last.Last >= r.First && s.last != (pipeline.Range{}) {
			s.overlap(s.last, r)
		}
		s.last = r
	}
	return r, true, nil
}
