package sim

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func play(t *testing.T, plan Plan) (r Report) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { r = Play(plan) })
	return r
}

func TestSeeds(t *testing.T) {
	from, _ := strconv.Atoi(os.Getenv("SIM_FROM"))
	n, _ := strconv.Atoi(os.Getenv("SIM_N"))
	began := time.Now()
	var next atomic.Int64
	next.Store(int64(from))
	var failed atomic.Int64
	t.Run("all", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for {
					seed := next.Add(1) - 1
					if seed >= int64(from+n) {
						return
					}
					plan := Generate(uint64(seed))
					r := play(t, plan)
					if r.Err != nil {
						if failed.Add(1) == 1 {
							fmt.Println(plan)
							for _, l := range r.Trace {
								fmt.Println(l)
							}
						}
						t.Errorf("seed %d: %v", seed, r.Err)
					}
				}
			})
		}
	})
	fmt.Printf("%d seeds, %.1f/s, %d failed\n", n, float64(n)/time.Since(began).Seconds(), failed.Load())
}
