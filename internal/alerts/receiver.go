package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"time"
)

// poster sends notices by HTTP.
type poster struct {
	http    *http.Client
	timeout time.Duration
}

// send makes one attempt. errRefused: another would fail as well.
func (p poster) send(ctx context.Context, to Receiver, notices []*Notice) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	address, body := to.Webhook, any(notices[0])
	if to.Alertmanager != "" {
		address, body = to.Alertmanager+"/api/v2/alerts", postable(notices)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "spanmill")
	if to.Alertmanager == "" {
		req.Header.Set("Idempotency-Key", notices[0].ID)
	}
	if to.BearerFile != "" {
		token, err := os.ReadFile(to.BearerFile)
		if err != nil {
			return fmt.Errorf("token of receiver %s: %w", to.Name, err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return fmt.Errorf("send to receiver %s: %w", to.Name, withoutAddress(err))
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		return fmt.Errorf("receiver %s answers %s", to.Name, resp.Status)
	default:
		return fmt.Errorf("%w: receiver %s answers %s", errRefused, to.Name, resp.Status)
	}
}

// maxAnswer is how much of an answer is read, so that its connection serves again.
const maxAnswer = 64 << 10

// withoutAddress drops what an HTTP client's errors begin with: a webhook's
// address may be a secret.
func withoutAddress(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

// alert is a notice in Alertmanager's words.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// postable gives alerts that Alertmanager takes for firing until it was not told
// for a while, or for resolved.
func postable(notices []*Notice) (out []alert) {
	for _, n := range notices {
		a := alert{Labels: map[string]string{}, Annotations: map[string]string{"summary": n.Summary, "value": short(n.Value)}, StartsAt: n.Since, EndsAt: n.At}
		maps.Copy(a.Labels, n.Labels)
		a.Labels["alertname"], a.Labels["severity"], a.Labels["tenant"] = n.Rule, n.Severity, n.Tenant
		if n.Status == Firing {
			a.EndsAt = time.Now().Add(5 * remindEvery)
		}
		out = append(out, a)
	}
	return out
}
