package bus

import (
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// options are common to every client of the package.
func options(cfg Config, log *slog.Logger) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(cfg.ClientID),
		kgo.SoftwareNameAndVersion("spanmill", "1"),
		kgo.RequestTimeoutOverhead(cfg.RequestTimeout),
		kgo.WithLogger(quiet{log}),
		// We export our own metrics; pushing the library's to the broker
		// would only cost each of our many small clients a loop.
		kgo.DisableClientMetrics(),
	}
	opts = secure(cfg, opts)
	if cfg.Dial != nil {
		return append(opts, kgo.Dialer(cfg.Dial))
	}
	return append(opts, kgo.DialTimeout(cfg.RequestTimeout))
}

// codec knows the names of Config.Codec. The library writes snappy with the S2
// encoder at its fastest level: measured cheapest per span.
func codec(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	case "gzip":
		return kgo.GzipCompression(), nil
	case "none":
		return kgo.NoCompression(), nil
	}
	return kgo.CompressionCodec{}, fmt.Errorf("codec %q is unknown: use snappy, lz4, zstd, gzip or none", name)
}

// quiet passes the library's messages on a class lower. What it warns of, every
// quarter of a second while a broker is away, it also mends; what we have to do
// something about comes back as an error and is logged where that is done.
type quiet struct{ log *slog.Logger }

// Level implements kgo.Logger. The library's own debug is not for us.
func (quiet) Level() kgo.LogLevel { return kgo.LogLevelInfo }

// Log implements kgo.Logger.
func (q quiet) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if level == kgo.LogLevelError {
		q.log.With(keyvals...).Warn("kafka client", "message", msg)
		return
	}
	q.log.With(keyvals...).Debug("kafka client", "message", msg)
}
