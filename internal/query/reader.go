package query

import (
	"context"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Reader answers from the tables. Ids of traces are as tables have them: 32
// lower-case hexadecimal digits, or whatever text a client gave. Unknown ones
// are left out of the answers; an error means that the store could not be asked.
type Reader interface {
	// TraceInfos gives the traces with the ids, in the order of ids, without
	// their spans. A trace of which only tags or assessments are known is unknown.
	TraceInfos(ctx context.Context, tenant string, ids []string) ([]TraceInfo, error)
	// Traces is TraceInfos with all spans: roots first, then by start.
	Traces(ctx context.Context, tenant string, ids []string) ([]Trace, error)
	// Search gives a page of traces in the order asked for.
	Search(ctx context.Context, tenant string, s Search) (Page, error)
	// Assessment is one assessment of a trace as it is now.
	Assessment(ctx context.Context, tenant, traceID, id string) (a schema.Assessment, found bool, err error)
	// TraceIDs names traces of an experiment, the oldest first.
	TraceIDs(ctx context.Context, tenant string, s Selection) ([]string, error)
}

// Selection names traces of one experiment, for calls that do something to many
// at once.
type Selection struct {
	ExperimentID string
	// IDs are the traces to look for; nil: all of the experiment.
	IDs []string
	// UntilMilli is the latest request time, Unix milliseconds; 0: any.
	UntilMilli int64
	// Limit is the most to give; 0 gives none.
	Limit int
}
