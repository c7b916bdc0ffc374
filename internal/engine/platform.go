package engine

import (
	"errors"
	"fmt"
)

// ErrUnsupported is the cause of every error of Supported.
var ErrUnsupported = errors.New("the built-in ClickHouse engine runs on Linux x86-64 with glibc only")

func unsupported(here string) error {
	return fmt.Errorf("%w, this is %s: give the address of a ClickHouse server with --clickhouse URL, "+
		"or start everything in containers with docker compose -f deploy/docker-compose.yml up", ErrUnsupported, here)
}
