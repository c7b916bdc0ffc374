package app

import (
	"fmt"
	"strings"

	"github.com/spanmill/spanmill/internal/store"
)

// ddlCommand is for those who make tables themselves: on a cluster, or where
// the pipeline's user may not.
type ddlCommand struct {
	Cluster string `help:"ClickHouse cluster to make them on: replicated tables on each shard, and tables over all shards to read from." placeholder:"NAME"`
}

// Run implements the command.
func (d ddlCommand) Run(c *console) error {
	statements, err := store.DDL(d.Cluster)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := fmt.Fprintf(c.out, "%s;\n\n", strings.TrimRight(s.SQL, "\n")); err != nil {
			return err
		}
	}
	return nil
}
