package app

import (
	"crypto/tls"
	"os"
	"strings"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/store"
)

// clickHouse names a ClickHouse that somebody else runs. The password comes
// from a file or the environment, never from a flag: arguments are public.
type clickHouse struct {
	URL          string `name:"clickhouse" help:"HTTP address of a ClickHouse to use instead of the built-in engine." placeholder:"URL"`
	User         string `name:"clickhouse-user" help:"User of that ClickHouse." default:"default"`
	PasswordFile string `name:"clickhouse-password-file" help:"File with the password of that ClickHouse; else SPANMILL_CLICKHOUSE_PASSWORD." type:"path"`
	CAFile       string `name:"clickhouse-ca-file" help:"Certificates that may have signed that ClickHouse's; else those this machine trusts." type:"path"`
}

// outside reports whether one is named.
func (c clickHouse) outside() bool { return c.URL != "" }

func (c clickHouse) apply(cfg *store.Config) error {
	cfg.URL, cfg.User = strings.TrimRight(c.URL, "/"), c.User
	var err error
	if cfg.Password, err = secret("ClickHouse", c.PasswordFile, clickHousePassword); err != nil {
		return err
	}
	cfg.TLS, err = clickHouseTLS(c.CAFile)
	return err
}

// clickHouseTLS trusts the certificates in a file; nil: those this machine does.
func clickHouseTLS(caFile string) (*tls.Config, error) {
	if caFile == "" {
		return nil, nil
	}
	return bus.TLSFiles{CA: caFile}.Load()
}

// stdin is where "-" is read from.
func stdin() *os.File { return os.Stdin }

// servers are addresses of ClickHouse as the store has them: the first, and those
// to be tried after it. Without any, the store's own check says so.
func servers(addresses []string) (first string, others []string) {
	for i, address := range addresses {
		address = strings.TrimRight(address, "/")
		if i == 0 {
			first = address
			continue
		}
		others = append(others, address)
	}
	return first, others
}
