// Command spanmill is the one binary people meet: `spanmill up` runs the whole
// pipeline on this machine; the other commands look into it.
package main

import (
	"os"

	"github.com/spanmill/spanmill/internal/app"
)

func main() {
	app.HostEngineIfChild()
	os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr))
}
