package race

import (
	"errors"
	"slices"
	"time"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/bench/machine"
	"github.com/spanmill/spanmill/internal/demo/oracle"
)

// figures are what one round of one side gave.
type figures struct {
	// paced is the open loop before stage 1, flood its closed loop.
	paced, flood load.Result
	loading      cost // of stage 1
	drained      time.Duration
	draining     cost // of stage 2, until the rows are there
	settled      cost // of stage 2, merges included
	mergesOver   bool

	gatewayPeak, writerPeak, kafkaPeak, enginePeak int64 // bytes

	found *oracle.Report
	bytes uint64 // on disk, of the table and what hangs on it
}

// cost is the CPU time that each process used during a stage.
type cost struct {
	gateway, writer, kafka, engine time.Duration
	// others is what all else on the machine used but the benchmark itself; of
	// elapsed, to be judged as processors.
	others, elapsed time.Duration
}

// meter reads CPU times, at a moment, of the processes that have a pid.
type meter struct{ gateway, writer, kafka, engine, self int }

// reading is what a meter read.
type reading struct {
	cost

	self, busy time.Duration
	at         time.Time
}

func (m meter) read() (reading, error) {
	r := reading{at: time.Now()}
	var errs []error
	for pid, to := range map[int]*time.Duration{
		m.gateway: &r.gateway, m.writer: &r.writer, m.kafka: &r.kafka, m.engine: &r.engine, m.self: &r.self,
	} {
		if pid == 0 {
			continue
		}
		var err error
		*to, err = machine.CPU(pid)
		errs = append(errs, err)
	}
	var err error
	r.busy, err = machine.Busy()
	return r, errors.Join(append(errs, err)...)
}

// since is what was used from one reading to another.
func (r reading) since(from reading) cost {
	c := cost{
		gateway: r.gateway - from.gateway, writer: r.writer - from.writer, kafka: r.kafka - from.kafka, engine: r.engine - from.engine,
		elapsed: r.at.Sub(from.at),
	}
	ours := c.gateway + c.writer + c.kafka + c.engine + r.self - from.self
	c.others = max(r.busy-from.busy-ours, 0)
	return c
}

// perMillion is CPU-seconds for each million spans.
func perMillion(cpu time.Duration, spans uint64) float64 {
	return cpu.Seconds() / float64(max(spans, 1)) * 1e6
}

// spread is the median of some rounds' values, and their range.
type spread struct{ median, least, most float64 }

func spreadOf(rounds []figures, value func(figures) float64) spread {
	all := make([]float64, 0, len(rounds))
	for _, f := range rounds {
		all = append(all, value(f))
	}
	slices.Sort(all)
	n := len(all)
	if n == 0 {
		return spread{}
	}
	return spread{median: (all[n/2] + all[(n-1)/2]) / 2, least: all[0], most: all[n-1]}
}
