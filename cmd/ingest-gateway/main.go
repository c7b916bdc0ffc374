// Command ingest-gateway takes traces in over OTLP and answers once Kafka has
// them.
package main

import (
	"os"

	"github.com/spanmill/spanmill/internal/app"
)

func main() { os.Exit(app.Gateway(os.Args[1:], os.Stdout, os.Stderr)) }
