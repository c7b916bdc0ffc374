// Command bench measures spanmill: `race` beside a peer, with everything on
// this machine (`make bench`); `mlflow` beside a real MLflow server
// (`make bench-mlflow`); `load` sends to whatever is there already.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"github.com/spanmill/spanmill/bench/mlflow"
	"github.com/spanmill/spanmill/bench/race"
	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/internal/service"
)

type commands struct {
	Race   raceCommand   `cmd:"" help:"Measure gateway, Kafka, writer and ClickHouse, in turns with a peer."`
	MLflow mlflowCommand `cmd:"" name:"mlflow" help:"Measure what a trace of MLflow's SDK costs, beside a real MLflow server."`
	Load   loadCommand   `cmd:"" help:"Send spans to an OTLP endpoint and measure the acknowledgements."`
	Fresh  freshCommand  `cmd:"" help:"Measure how fresh live metrics are: from the acknowledgement to the value on the API."`
}

type raceCommand struct{ race.Options }

// Run implements the command.
func (r *raceCommand) Run(ctx context.Context) error {
	return race.Run(ctx, r.Options, os.Stdout, os.Stderr)
}

type mlflowCommand struct{ mlflow.Options }

// Run implements the command.
func (m *mlflowCommand) Run(ctx context.Context) error {
	return mlflow.Run(ctx, m.Options, os.Stdout, os.Stderr)
}

func main() {
	child.MainIfChild() // the engine is this binary, re-executed
	var c commands
	k := kong.Parse(&c, kong.Name("bench"), kong.UsageOnError())
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	k.BindTo(ctx, (*context.Context)(nil))
	err := k.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
