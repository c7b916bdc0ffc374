package faults_test

import (
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// upStart is generous: a start reads the log and waits for the engine before.
const upStart = 3 * time.Minute

// testKillRoundsUp kills `spanmill up`, whose engine dies with it, and the
// engine alone.
func testKillRoundsUp(t *testing.T, k killing) {
	plant := harness.NewUp(t)
	plant.Args = []string{"--ports", "default"} // each life is found where the last one was
	for _, flag := range []string{"--otlp-http", "--otlp-grpc", "--kafka", "--engine-http", "--engine-native", "--admin"} {
		plant.Args = append(plant.Args, flag, testkit.FreeAddr(t))
	}
	recovered := recoveries{}
	var target aim
	start := func() *harness.Instance {
		target = newAim(t, recovered.rarest())
		o := target.options(settings())
		o.StartTimeout = upStart
		return harness.Start(t, plant, o)
	}
	up := start()
	l := startLoad(t, up.OTLPHTTP, k.rate)
	b := &battlefield{recovered: recovered}
	kill := b.closing(func() {
		recovered.add(t, up.Door())
		up.Kill()
		up = start()
	})
	b.aimed = func() {
		target.await(t)
		kill()
	}
	b.others = []other{{"spanmill", 1, kill}, {"engine", 1, func() { killEngine(t, up) }}}
	b.living = func() { recovered.add(t, up.Door()) }
	b.fight(t, l, k)
	// The last life has a point before it too: nobody is to stand there now.
	recovered.add(t, up.Door())
	up.Kill()
	up = harness.Start(t, plant, harness.Options{Env: settings(), StartTimeout: upStart})
	l.awaitMore(t, workers*batch) // nobody is turned away any more: nothing stays in doubt
	l.stop(t)
	l.exact(t, place{at: up, target: up.Target, history: up.Target})
	b.conclude(t, k)
	up.Terminate(t)
}

// killEngine returns when the next one answers.
func killEngine(t *testing.T, up *harness.Instance) {
	t.Helper()
	up.KillEngine(t)
	harness.Eventually(t, func() error {
		_, err := up.TrySQL(t, "SELECT 1")
		return err
	})
}
