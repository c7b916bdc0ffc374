package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/spanmill/spanmill/pkg/schema"
)

// businessPath is where business events are posted as JSON (docs/events.md).
const businessPath = "/api/v1/events"

const (
	// maxBusinessBody bounds a request of business events, as sent and as
	// inflated: an event is a few hundred bytes.
	maxBusinessBody = 4 * mib
	// maxBusinessItems bounds the events of a request, and what is said of them.
	maxBusinessItems = 10_000
	// businessShare is how many times a body's bytes its events take in memory.
	businessShare = 4
)

// businessAnswer is what a request of business events is answered.
type businessAnswer struct {
	// Accepted ones are durable.
	Accepted int `json:"accepted"`
	Rejected int `json:"rejected"`
	// IDs are those of the events, in their order: as sent, or as made of what was
	// sent; null for one that was rejected.
	IDs    []*string      `json:"ids"`
	Errors []businessFlaw `json:"errors"`
}

// businessFlaw says why one event was rejected.
type businessFlaw struct {
	Index   int    `json:"index"`
	Code    string `json:"code"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// business answers a post of events: what is right in it lands, whatever is
// wrong beside it.
func (d httpDoor) business(w http.ResponseWriter, r *http.Request) {
	answer, err := d.takeBusiness(r)
	if err != nil {
		d.drain(r)
		d.refuse(w, typeJSON, asRefusal(err))
		return
	}
	status := http.StatusOK
	if answer.Accepted == 0 && answer.Rejected > 0 {
		status = http.StatusBadRequest
	}
	body, err := json.Marshal(answer)
	if err != nil {
		body = nil // it is of texts and numbers
	}
	d.answer(w, typeJSON, status, body)
	d.g.m.answered(transportHTTP, strconv.Itoa(status), nil)
}

// takeBusiness does what the request asks. The error is a *RefusalError of all
// of it.
func (d httpDoor) takeBusiness(r *http.Request) (*businessAnswer, error) {
	if r.Method != http.MethodPost {
		return nil, refuse(ReasonMethod, "send events by POST")
	}
	id, err := d.g.identify(r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"))
	if err != nil {
		return nil, err
	}
	if contentTypeOf(r) != typeJSON {
		return nil, refuse(ReasonContentType, "the content type must be "+typeJSON)
	}
	encoding, err := encodingOf(r)
	if err != nil {
		return nil, err
	}
	if err := d.g.admit(); err != nil {
		return nil, err // before its body is read, not only in Publish
	}
	body, err := d.received(r, encoding, maxBusinessBody)
	defer func() { d.g.buffers.put(body) }()
	if err != nil {
		return nil, err
	}
	return d.g.ingestBusiness(r.Context(), id.Tenant, body.bytes)
}

// ingestBusiness takes in a body of events. It returns once those that are right
// are durable.
func (g *Gateway) ingestBusiness(ctx context.Context, tenant string, body []byte) (*businessAnswer, error) {
	held := businessShare * len(body)
	if !g.budget.take(held) {
		return nil, overloaded()
	}
	defer g.budget.give(held)
	items, err := readBusiness(body)
	if err != nil {
		return nil, err
	}
	answer := &businessAnswer{IDs: make([]*string, len(items)), Errors: []businessFlaw{}}
	var events []schema.Event
	for i := range items {
		if flaw := items[i].flaw; flaw != nil {
			answer.Rejected++
			answer.Errors = append(answer.Errors, businessFlaw{i, flaw.Code, flaw.Field, flaw.Text})
			continue
		}
		answer.Accepted++
		events = append(events, items[i].event)
		answer.IDs[i] = &items[i].event.Business.ID
	}
	if err := g.Publish(ctx, tenant, events); err != nil {
		return nil, err
	}
	g.m.business.WithLabelValues("accepted").Add(float64(answer.Accepted))
	for _, flaw := range answer.Errors {
		g.m.business.WithLabelValues(flaw.Code).Inc()
	}
	return answer, nil
}
