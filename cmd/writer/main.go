// Command writer moves traces from Kafka into ClickHouse, each span exactly
// once. Any number of them share the work.
package main

import (
	"os"

	"github.com/spanmill/spanmill/internal/app"
)

func main() { os.Exit(app.Writer(os.Args[1:], os.Stdout, os.Stderr)) }
