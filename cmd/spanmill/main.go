// Command spanmill is the one binary people meet: `spanmill up` runs the whole
// pipeline on this machine; the other commands look into it.
package main

import (
	"os"

	"github.com/spanmill/spanmill/internal/app"
	"github.com/spanmill/spanmill/internal/app/host"
)

func main() {
	host.EngineIfChild()
	os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr))
}
