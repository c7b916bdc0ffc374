package store

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"
)

// Config says which ClickHouse to use and how long to wait for it.
type Config struct {
	URL string `help:"ClickHouse HTTP address." default:"http://127.0.0.1:8123"`
	// Others lead to the same data as URL does: replicas, or other ways to the
	// server. When one does not answer, the next is used.
	Others []string `help:"More addresses of the same data."`
	// TLS is for https addresses; nil trusts what the machine does.
	TLS      *tls.Config `kong:"-"`
	User     string      `help:"ClickHouse user." default:"default"`
	Password string      `help:"ClickHouse password."`
	Database string      `help:"Database of the tables; created when missing." default:"spanmill"`

	// MaxConns bounds the HTTP connections: one for each insert in flight, and
	// a few for questions. More wait.
	MaxConns int `help:"Most connections to ClickHouse." default:"32"`
	// DialTimeout bounds reaching the server.
	DialTimeout time.Duration `help:"Time to reach ClickHouse." default:"5s"`
	// InsertTimeout bounds one insert. It may exceed the insert's deadline: the
	// server refuses late blocks, and an answer that is still on its way saves
	// asking for the rows.
	InsertTimeout time.Duration `help:"Time for one insert." default:"2m"`
	// AskTimeout bounds a question whose answer is small.
	AskTimeout time.Duration `help:"Time for one of the pipeline's own queries." default:"30s"`
	// ClockMaxAge is how long a measured clock offset is trusted.
	ClockMaxAge time.Duration `help:"How often the server's clock is measured." default:"30s"`

	// DedupWindow is how many insert tokens each table remembers, in parts.
	// It has to cover twice the parts that all writers together make between
	// an insert and its deadline plus the longest server stall.
	DedupWindow int `help:"Insert tokens that a table remembers." default:"10000"`
}

// Default is the configuration without a password.
func Default() Config {
	return Config{
		URL: "http://127.0.0.1:8123", User: "default", Database: "spanmill",
		MaxConns: 32, DialTimeout: 5 * time.Second, InsertTimeout: 2 * time.Minute,
		AskTimeout: 30 * time.Second, ClockMaxAge: 30 * time.Second,
		DedupWindow: 10_000,
	}
}

// addresses are all that lead to the data, the preferred one first.
func (c Config) addresses() []string { return append([]string{c.URL}, c.Others...) }

// MaxRetentionDays keeps part_day plus retention within what a Date holds:
// beyond 2149 the sum would wrap and rows would vanish.
const MaxRetentionDays = 36_500

// identifier is what may be a database name: it is put into statements bare.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Validate reports everything that cannot work.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("store: "+format, args...)) }
	for _, address := range c.addresses() {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad("url must be http://host:port or https://host:port")
		} else if u.User != nil || u.RawQuery != "" {
			bad("url must not carry a user, a password or parameters")
		}
	}
	if c.User == "" {
		bad("no user")
	}
	if !identifier.MatchString(c.Database) {
		bad("database %q is not a plain name", c.Database)
	}
	if c.MaxConns < 2 {
		bad("%d connections are too few, need 2", c.MaxConns)
	}
	if c.DialTimeout <= 0 || c.InsertTimeout <= 0 || c.AskTimeout <= 0 || c.ClockMaxAge <= 0 {
		bad("times must be above zero")
	}
	if c.DedupWindow < 100 || c.DedupWindow > 1_000_000 {
		bad("deduplication window is %d, must be 100 to 1000000", c.DedupWindow)
	}
	return errors.Join(errs...)
}
