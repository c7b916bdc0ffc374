package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/service"
)

// healthTimeout exceeds what the answerer gives its own checks.
const healthTimeout = 4 * time.Second

// maxHealthBytes of an answer are shown.
const maxHealthBytes = 4 << 10

// healthCommand asks what a shell and curl would: our containers have neither.
type healthCommand struct {
	Admin string `help:"Admin listener to ask, host:port." default:"127.0.0.1:9464"`
	Alive bool   `help:"Ask only whether the process is alive, not whether it is ready."`
}

// Run implements the command. It fails when the answer is no.
func (h healthCommand) Run(c *console) error {
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	page := "/ready"
	if h.Alive {
		page = "/health"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.Admin+page, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", h.Admin, err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHealthBytes))
	if err != nil {
		return fmt.Errorf("ask %s: %w", h.Admin, err)
	}
	answer := strings.TrimSpace(string(text))
	if response.StatusCode != http.StatusOK {
		return errors.New(answer)
	}
	_, err = fmt.Fprintln(c.out, answer)
	return err
}
