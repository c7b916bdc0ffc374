package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// testHostileOverload: half-sent bodies that hold all the memory requests may
// have make the others come again, at every door, and nothing is lost.
func testHostileOverload(t *testing.T, p harness.Plant) {
	const budget, large, step = 64 * mib, 20 * mib, 32 << 10
	up := harness.Start(t, p, harness.Options{})
	up.ResetPeak(t)
	// A body that is being read holds one step more than has arrived.
	rest := budget - 3*(large-1+step) - step
	for range 3 {
		halfSend(t, up, large, large-1)
	}
	holder := halfSend(t, up, large, rest)
	awaitMetric(t, up, inflight, func(v float64) bool { return v == budget })
	overloaded := doorAnswer{
		HTTP: http.StatusServiceUnavailable, Code: codes.Unavailable, Retry: time.Second,
		Message: "the gateway holds as many request bytes as it may: send again later",
	}
	for _, d := range doors() {
		sameAnswer(t, d.export(t, up, requestOf("overload", oddSpan("refused", nil))), d.at(overloaded))
	}
	if n := metricOf(t, up, "spanmill_gateway_requests_refused_total", `reason="overloaded"`); n != 3 {
		t.Errorf("%v requests counted as overloaded, want 3", n)
	}
	holder.Close()
	awaitMetric(t, up, inflight, func(v float64) bool { return v < budget-mib })
	for _, d := range doors() {
		sameAnswer(t, d.export(t, up, requestOf("overload", oddSpan("after", nil))), d.ok())
	}
	awaitCount(t, up, "overload", len(doors()))
	landed(t, up, "overload", "after", "after", "after")
	boundedPeak(t, up)
}

// testHostileClients: who sends slowly, half, or nothing at all, takes no place
// from the others.
func testHostileClients(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	up.ResetPeak(t)
	slow := halfSend(t, up, 1000, 10)
	goodSent := 0
	others := func(t *testing.T) {
		t.Helper()
		for _, d := range doors() {
			sameAnswer(t, d.export(t, up, requestOf("others", oddSpan("good", nil))), d.ok())
			goodSent++
		}
	}
	t.Run("half-sent", func(t *testing.T) {
		for range 300 {
			halfSend(t, up, mib, 1000)
		}
		awaitMetric(t, up, "spanmill_gateway_connections", func(v float64) bool { return v >= 300 })
		others(t)
	})
	t.Run("half a header", func(t *testing.T) {
		for range 300 {
			if _, err := io.WriteString(rawDial(t, up.OTLPHTTP), "POST /v1/traces HTTP/1.1\r\nHost"); err != nil {
				t.Fatal(err)
			}
		}
		others(t)
	})
	t.Run("all connections silent", func(t *testing.T) {
		for range 1100 {
			rawDial(t, up.OTLPHTTP)
			rawDial(t, up.OTLPGRPC)
		}
		others(t)
	})
	t.Run("gone mid-request", func(t *testing.T) {
		goneClients(t, up)
		others(t)
	})
	t.Run("garbage", func(t *testing.T) {
		for _, addr := range []string{up.OTLPHTTP, up.OTLPGRPC} {
			for _, text := range []string{"\x16\x03\x01\x02\x00\x01", "\x00\x00\x00", "GET / HTTP/9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
				if _, err := io.WriteString(rawDial(t, addr), text); err != nil {
					t.Fatal(err)
				}
			}
		}
		others(t)
	})
	sameAnswer(t, rawAnswer(t, slow), doorAnswer{
		HTTP: http.StatusRequestTimeout, Code: codes.DeadlineExceeded, Message: "the request took too long to arrive",
	})
	awaitCount(t, up, "others", goodSent)
	awaitMetric(t, up, inflight, isZero)
	boundedPeak(t, up)
	sameSQL(t, up, "SELECT count(), uniqExact(trace_id) FROM spans WHERE service_name = 'gone'", "20\t20")
}

// goneClients sends half requests and hangs up, and whole ones without waiting
// for the answer; those are sent again, as SDKs do.
func goneClients(t *testing.T, up *harness.Instance) {
	t.Helper()
	d := doors()[0]
	for range 20 {
		halfSend(t, up, mib, mib/2).Close()
		request := requestOf("gone", oddSpan("again", nil))
		body := d.encode(t, request)
		conn := rawDial(t, up.OTLPHTTP)
		if _, err := fmt.Fprintf(conn, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", typeProtobuf, len(body), body); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		sameAnswer(t, d.send(t, up, doorCall{body: body}), d.ok())
	}
	conn, err := grpc.NewClient(up.OTLPGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, traceExport, grpc.ForceCodecV2(wireCodec{}))
		if err == nil {
			err = stream.SendMsg(doorCall{body: unknownField(mib / 4)})
		}
		cancel()
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
}

// testHostileCrowd: two hundred clients at once are all served.
func testHostileCrowd(t *testing.T, p harness.Plant) {
	const clients, requests = 200, 5
	up := harness.Start(t, p, harness.Options{})
	up.ResetPeak(t)
	var all sync.WaitGroup
	for i := range clients {
		d := doors()[i%3]
		all.Go(func() {
			for range requests {
				sameAnswer(t, d.export(t, up, requestOf("crowd", oddSpan("a", nil), oddSpan("b", nil))), d.ok())
			}
		})
	}
	all.Wait()
	awaitCount(t, up, "crowd", clients*requests*2)
	boundedPeak(t, up)
	awaitMetric(t, up, inflight, isZero)
}
