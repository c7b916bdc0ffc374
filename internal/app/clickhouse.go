package app

import (
	"os"
	"strings"

	"github.com/spanmill/spanmill/internal/store"
)

// clickHouse names a ClickHouse that somebody else runs. The password comes
// from a file or the environment, never from a flag: arguments are public.
type clickHouse struct {
	URL          string `name:"clickhouse" help:"HTTP address of a ClickHouse to use instead of the built-in engine." placeholder:"URL"`
	User         string `name:"clickhouse-user" help:"User of that ClickHouse." default:"default"`
	PasswordFile string `name:"clickhouse-password-file" help:"File with the password of that ClickHouse; else SPANMILL_CLICKHOUSE_PASSWORD." type:"path"`
}

// outside reports whether one is named.
func (c clickHouse) outside() bool { return c.URL != "" }

func (c clickHouse) apply(cfg *store.Config) error {
	cfg.URL, cfg.User = strings.TrimRight(c.URL, "/"), c.User
	var err error
	cfg.Password, err = secret("ClickHouse", c.PasswordFile, clickHousePassword)
	return err
}

// stdin is where "-" is read from.
func stdin() *os.File { return os.Stdin }
