package app

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// Version is stamped by the build.
var Version = "dev"

// commands is the command line of spanmill. Every flag is also an environment
// variable: --data-dir is SPANMILL_DATA_DIR.
type commands struct {
	Up          upCommand          `cmd:"" help:"Run the whole pipeline on this machine: bus, gateway, writer and ClickHouse."`
	Demo        demoCommand        `cmd:"" help:"Send realistic GenAI traces."`
	Ledger      ledgerCommand      `cmd:"" help:"Compare the tables with the ledger of a demo, row by row."`
	Verify      verifyCommand      `cmd:"" help:"Hold the log against the tables, row by row: what is missing, extra or doubled. Exit code 0: exact, 1: not, 2: it could not be checked."`
	Replay      replayCommand      `cmd:"" help:"Store again what the tables lack of a range of the log, and nothing twice."`
	Prices      pricesCommand      `cmd:"" help:"What model calls cost."`
	Reprice     repriceCommand     `cmd:"" help:"Give the spans of whole days the cost that the prices say now, and report the difference."`
	Metrics     metricsCommand     `cmd:"" help:"Metrics that you define in a metrics.yaml."`
	Report      reportCommand      `cmd:"" help:"Write a week's numbers on one page, as Markdown and HTML."`
	Alerts      alertsCommand      `cmd:"" help:"Rules over live metrics, that tell people when one begins to hold."`
	SQL         sqlCommand         `cmd:"" name:"sql" help:"Ask the tables a question in SQL."`
	Doctor      doctorCommand      `cmd:"" help:"Look for what could go wrong: ports, disk, engine, bus, ClickHouse, clock."`
	DeadLetters deadLettersCommand `cmd:"" help:"See what could not be stored, and send it through again."`
	Query       queryCommand       `cmd:"" help:"Answer MLflow's reads from ClickHouse, as a process of its own: for gateways, by their --query."`
	Retention   retentionCommand   `cmd:"" help:"Change how many days a tenant's rows are kept, old rows too."`
	Key         keyCommand         `cmd:"" help:"Make an API key and the line of the keys file that admits it."`
	DDL         ddlCommand         `cmd:"" name:"ddl" help:"Print the statements that make the tables, for one server or a cluster."`
	Health      healthCommand      `cmd:"" help:"Ask a process's admin listener whether it is alive or ready: for health checks."`
	FetchEngine fetchCommand       `cmd:"" help:"Bring the ClickHouse engine library to this machine."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// console is where a command talks to people.
type console struct {
	out io.Writer
	err *os.File
}

// Main runs one command of spanmill and returns the process's exit code.
func Main(args []string, stdout io.Writer, stderr *os.File) int {
	return run(&commands{}, invocation{
		name: "spanmill", about: "The pipeline for GenAI traces: OTLP in, Kafka between, ClickHouse out, each span exactly once.",
	}, args, &console{out: stdout, err: stderr})
}

// invocation is what a program is called and does.
type invocation struct{ name, about string }

// run parses a command line into cli and runs what it asks for.
func run(cli any, as invocation, args []string, c *console) int {
	exited := -1
	parser, err := kong.New(cli,
		kong.Name(as.name),
		kong.Description(as.about),
		kong.DefaultEnvars("SPANMILL"),
		kong.Vars{"version": Version},
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintf(c.err, "%s: %v\n", as.name, err)
		return 2
	}
	ctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help, --version
	}
	if err != nil {
		fmt.Fprintf(c.err, "%s: %v\n", as.name, err)
		return 2
	}
	if err := ctx.Run(c); err != nil {
		fmt.Fprintf(c.err, "%s: %v\n", as.name, err)
		if exit, ok := errors.AsType[coded](err); ok {
			return exit.code
		}
		return 1
	}
	return 0
}

type versionCommand struct{}

// Run implements the command.
func (versionCommand) Run(c *console) error {
	_, err := fmt.Fprintln(c.out, Version)
	return err
}
