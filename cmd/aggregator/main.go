// Command aggregator turns traces from Kafka into rolling metrics, each span
// counted exactly once. Any number of them share the work.
package main

import (
	"os"

	"github.com/spanmill/spanmill/internal/app"
)

func main() { os.Exit(app.Aggregator(os.Args[1:], os.Stdout, os.Stderr)) }
