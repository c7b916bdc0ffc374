package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
)

// doctorTimeout bounds each examination.
const doctorTimeout = 5 * time.Second

// What doctor finds worth a warning.
const (
	lowDiskBytes = 2 << 30
	maxClockSkew = 2 * time.Second
	leastVersion = "25.8" // of ClickHouse: the oldest we have seen carry all we use
)

type doctorCommand struct {
	target
	Admin       []string `help:"Admin listeners of gateways and writers to ask for their metrics, host:port; else that of a running 'spanmill up'." placeholder:"ADDR"`
	EngineLib   string   `help:"libchdb.so to use as the ClickHouse engine." type:"path"`
	EngineCache string   `help:"Where fetch-engine keeps the library; else the user's cache folder." env:"SPANMILL_CACHE" type:"path"`
}

// finding is one line of doctor's report.
type finding struct {
	about string
	ok    bool
	text  string
}

// Run implements the command. It fails when something is wrong.
func (d doctorCommand) Run(c *console) error {
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	findings := []finding{d.disk(), d.engine()}
	a, err := readAddresses(addressesPath(d.Addresses, d.DataDir))
	running := err == nil && alive(a.PIDs.Spanmill)
	if running {
		findings = append(findings, reach(ctx, a)...)
	} else {
		findings = append(findings, freePorts(ctx)...)
	}
	admins := d.Admin
	if len(admins) == 0 && running {
		admins = []string{a.Admin}
	}
	for _, admin := range admins {
		findings = append(findings, alarmFindings(ctx, admin)...)
	}
	if running || d.ClickHouse.outside() {
		findings = append(findings, d.clickhouse(ctx)...)
	}
	return report(c.out, findings)
}

func report(w io.Writer, findings []finding) error {
	wrong := 0
	for _, f := range findings {
		mark := "ok   "
		if !f.ok {
			mark = "WRONG"
			wrong++
		}
		if _, err := fmt.Fprintf(w, "%s  %-10s %s\n", mark, f.about, f.text); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d examinations found something wrong", wrong, len(findings))
	}
	return nil
}

func (d doctorCommand) disk() finding {
	dir := d.DataDir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return finding{"disk", false, err.Error()}
	}
	free := s.Bavail * uint64(s.Bsize)
	text := fmt.Sprintf("%.1f GiB free under %s", float64(free)/(1<<30), dir)
	if free < lowDiskBytes {
		return finding{"disk", false, text + ": the bus and ClickHouse need more; free some, or choose another --data-dir"}
	}
	return finding{"disk", true, text}
}

func (d doctorCommand) engine() finding {
	if err := engine.Supported(); err != nil {
		return finding{"engine", d.ClickHouse.outside(), err.Error()}
	}
	path, err := engine.Find(engine.FetchOptions{LibPath: d.EngineLib, CacheDir: d.EngineCache})
	if err != nil {
		return finding{"engine", d.ClickHouse.outside(), err.Error()}
	}
	return finding{"engine", true, path}
}

// reach dials what a running `spanmill up` says it listens on.
func reach(ctx context.Context, a Addresses) []finding {
	var out []finding
	for _, l := range []struct{ name, addr string }{
		{"otlp-http", a.OTLPHTTP}, {"otlp-grpc", a.OTLPGRPC}, {"bus", a.Kafka}, {"admin", a.Admin},
	} {
		dialer := net.Dialer{Timeout: doctorTimeout}
		conn, err := dialer.DialContext(ctx, "tcp", l.addr)
		if err != nil {
			out = append(out, finding{l.name, false, err.Error()})
			continue
		}
		_ = conn.Close() // nothing was said
		out = append(out, finding{l.name, true, "answers on " + l.addr})
	}
	return out
}

// freePorts tries the default ports: nothing of ours is running.
func freePorts(ctx context.Context) []finding {
	var out []finding
	for _, port := range []string{"4318", "4317", "9092", "8123", "9000", "9464"} {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:"+port)
		if err != nil {
			out = append(out, finding{"port " + port, false, "taken: stop what uses it, or choose another by flag, or all by --ports random"})
			continue
		}
		_ = l.Close() // nothing was accepted
		out = append(out, finding{"port " + port, true, "free"})
	}
	return out
}

func (d doctorCommand) clickhouse(ctx context.Context) []finding {
	db, err := d.open()
	if err != nil {
		return []finding{{"clickhouse", false, err.Error()}}
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	version, err := db.Version(ctx)
	if err != nil {
		return []finding{{"clickhouse", false, err.Error()}}
	}
	ok := finding{"clickhouse", true, "version " + version}
	if older(version, leastVersion) {
		ok = finding{"clickhouse", false, "version " + version + " is older than " + leastVersion + ": upgrade it"}
	}
	return []finding{ok, clock(ctx, db)}
}

// clock compares the server's clock with ours: deadlines are on the server's.
func clock(ctx context.Context, db *store.Store) finding {
	before := time.Now()
	there, err := db.ServerTime(ctx)
	if err != nil {
		return finding{"clock", false, err.Error()}
	}
	skew := there.Sub(before.Add(time.Since(before) / 2)).Round(time.Millisecond)
	text := fmt.Sprintf("ClickHouse's is %s ahead of ours", skew)
	if skew.Abs() > maxClockSkew {
		return finding{"clock", false, text + ": synchronise both"}
	}
	return finding{"clock", true, text}
}

// older compares dotted versions by their first two numbers.
func older(version, than string) bool {
	var a, b, c, d int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		return true
	}
	if _, err := fmt.Sscanf(than, "%d.%d", &c, &d); err != nil {
		return false
	}
	return a < c || a == c && b < d
}

// alive reports whether a process of that id exists.
func alive(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) == nil }
