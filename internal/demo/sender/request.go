package sender

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// packer compresses bodies, or not. Its result is valid until the next call.
type packer struct {
	zip *gzip.Writer // nil: not
	out bytes.Buffer
}

func newPacker(compress bool) *packer {
	if !compress {
		return &packer{}
	}
	zip, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic("gzip does not know its own level: " + err.Error())
	}
	return &packer{zip: zip}
}

func (p *packer) pack(body []byte) ([]byte, error) {
	if p.zip == nil {
		return body, nil
	}
	p.out.Reset()
	p.zip.Reset(&p.out)
	if _, err := p.zip.Write(body); err != nil {
		return nil, err
	}
	if err := p.zip.Close(); err != nil {
		return nil, err
	}
	return p.out.Bytes(), nil
}

// answer is what one try of a request met.
type answer struct {
	status   int // 0: no answer
	problem  string
	wait     time.Duration // that the server asked for
	rejected int           // spans
}

// deliver sends a piece until it is answered for good. Only a refusal of the
// very first try proves that nothing landed: an earlier try, even one that met
// an error, may have.
func (s *sender) deliver(stopping, work context.Context, p demo.Piece, body []byte) (d delivery) {
	d.Piece = p
	backoff := s.config.MinBackoff
	for d.tries = 1; ; d.tries++ {
		a := s.post(work, body)
		if s.requests.Add(1); d.tries > 1 {
			s.retries.Add(1)
		}
		if !retryable(a.status) {
			d.settle(a)
			return d
		}
		s.problem.Store(&a.problem)
		wait := max(a.wait, backoff/2+rand.N(backoff/2+1))
		backoff = min(2*backoff, s.config.MaxBackoff)
		if !sleep(stopping, wait) {
			return d
		}
	}
}

// delivery is how a piece fared.
type delivery struct {
	ledger.Entry
	tries int
	fatal error // no other piece can fare better
}

// settle takes the final answer.
func (d *delivery) settle(a answer) {
	d.Reason = a.problem
	switch {
	case a.status/100 == 2 && a.rejected > 0:
		d.Outcome, d.Rejected = ledger.Partial, a.rejected
	case a.status/100 == 2:
		d.Outcome = ledger.Acked
	case d.tries == 1:
		d.Outcome = ledger.Refused
	}
	if hopeless(a.status) {
		d.fatal = fmt.Errorf("refused: %s", a.problem)
	}
}

func retryable(status int) bool {
	switch status {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// hopeless answers hold for every request alike.
func hopeless(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

// post is one try.
func (s *sender) post(ctx context.Context, body []byte) (a answer) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL, bytes.NewReader(body))
	if err != nil {
		return answer{problem: err.Error()}
	}
	maps.Copy(req.Header, s.config.Header)
	req.Header.Set("Content-Type", "application/x-protobuf")
	if s.config.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if e := s.generator.Options().Experiment; e != "" {
		req.Header.Set("x-mlflow-experiment-id", e)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{problem: err.Error()}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return answer{problem: err.Error()} // success or not: nobody can tell
	}
	a.status = resp.StatusCode
	if a.status/100 == 2 {
		a.rejected, a.problem = partialSuccess(text)
		return a
	}
	a.wait = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	a.problem = fmt.Sprintf("%d %.200s", a.status, statusMessage(resp.Header.Get("Content-Type"), text))
	return a
}

// retryAfter reads seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// partialSuccess reads an ExportTraceServiceResponse.
func partialSuccess(body []byte) (rejected int, message string) {
	var partial []byte
	eachField(body, func(field protowire.Number, _ uint64, content []byte) {
		if field == 1 {
			partial = content
		}
	})
	eachField(partial, func(field protowire.Number, number uint64, content []byte) {
		if field == 1 {
			rejected = int(number)
		}
		if field == 2 {
			message = string(content)
		}
	})
	return rejected, message
}

// statusMessage is the message of a google.rpc.Status, or of an answer that is
// none the text itself.
func statusMessage(contentType string, body []byte) (message string) {
	if contentType != "application/x-protobuf" {
		return string(body)
	}
	eachField(body, func(field protowire.Number, _ uint64, content []byte) {
		if field == 2 {
			message = string(content)
		}
	})
	return message
}

// eachField calls f for each field of a message, up to where it breaks off:
// with the number of a varint, with the content of what has a length.
func eachField(b []byte, f func(field protowire.Number, number uint64, content []byte)) {
	for len(b) > 0 {
		field, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(field, typ, b[n:])
		if size < 0 {
			return
		}
		value := b[n : n+size]
		if typ == protowire.VarintType {
			number, _ := protowire.ConsumeVarint(value)
			f(field, number, nil)
		}
		if typ == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(value)
			f(field, 0, content)
		}
		b = b[n+size:]
	}
}
