package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// mlflowDoor is a gateway's door for MLflow's clients, host:port.
type mlflowDoor string

type experiment struct {
	ID    string `json:"experiment_id"`
	Name  string `json:"name"`
	Stage string `json:"lifecycle_stage"`
}

// do sends a request and reads the answer into v, if it is a success and v is not nil.
func (d mlflowDoor) do(t *testing.T, method, path, body string, v any) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+string(d)+"/api/2.0/mlflow/experiments/"+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode == http.StatusOK && v != nil {
		err = json.Unmarshal(answer, v)
	}
	if err != nil {
		t.Errorf("%s %s: %d %s: %v", method, path, response.StatusCode, answer, err)
	}
	return response.StatusCode
}

func (d mlflowDoor) create(t *testing.T, name string) (id string, status int) {
	t.Helper()
	var made experiment
	status = d.do(t, http.MethodPost, "create", fmt.Sprintf(`{"name":%q}`, name), &made)
	return made.ID, status
}

func (d mlflowDoor) named(t *testing.T, name string) experiment {
	t.Helper()
	var got struct {
		Experiment experiment `json:"experiment"`
	}
	if status := d.do(t, http.MethodGet, "get-by-name?experiment_name="+name, "", &got); status != http.StatusOK {
		t.Errorf("get-by-name %s: %d", name, status)
	}
	return got.Experiment
}

// must makes a change that has to succeed.
func (d mlflowDoor) must(t *testing.T, what, body string) {
	t.Helper()
	if status := d.do(t, http.MethodPost, what, body, nil); status != http.StatusOK {
		t.Fatalf("%s %s: %d", what, body, status)
	}
}

// testExperiments: experiments are what the log says, in every gateway that
// reads it and in the next life of each.
func testExperiments(t *testing.T, p harness.Plant) {
	addr := testkit.FreeAddr(t)
	options := harness.Options{Env: []string{"SPANMILL_MLFLOW_HTTP=" + addr}}
	up := harness.Start(t, p, options)
	doors := []mlflowDoor{doorOf(up, addr)}
	if site, ok := p.(*kafka.Plant); ok {
		doors = append(doors, secondGateway(t, site))
	}
	a, b := doors[0], doors[len(doors)-1]

	first, _ := a.create(t, "kept")
	if first == "" || first == "0" || b.named(t, "kept").ID != first {
		t.Fatalf("made %q, the other gateway has %+v", first, b.named(t, "kept"))
	}
	createAtOnce(t, doors)
	a.must(t, "update", `{"experiment_id":"`+first+`","new_name":"moved"}`)
	second, status := b.create(t, "kept")
	if status != http.StatusOK || second == first {
		t.Errorf("the old name anew: %s after %s, status %d", second, first, status)
	}
	b.must(t, "delete", `{"experiment_id":"`+second+`"}`)

	up.Kill()
	up = harness.Start(t, p, options)
	a = doorOf(up, addr)
	if moved := a.named(t, "moved"); moved.ID != first || moved.Stage != "active" {
		t.Errorf("after SIGKILL: %+v", moved)
	}
	if deleted := a.named(t, "kept"); deleted.ID != second || deleted.Stage != "deleted" {
		t.Errorf("after SIGKILL: %+v", deleted)
	}
	if _, status := a.create(t, "kept"); status != http.StatusBadRequest {
		t.Errorf("a deleted name anew: %d, want 400", status)
	}
	for i := range contested {
		if _, status := a.create(t, fmt.Sprintf("contested-%d", i)); status != http.StatusBadRequest {
			t.Errorf("contested-%d anew after SIGKILL: %d, want 400", i, status)
		}
	}
	sendTo(t, up, a, first)
	up.Terminate(t)
}

func doorOf(up *harness.Instance, addr string) mlflowDoor {
	if up.MLflow != "" {
		return mlflowDoor(up.MLflow)
	}
	return mlflowDoor(addr)
}

// secondGateway starts another gateway on the same topics.
func secondGateway(t *testing.T, p *kafka.Plant) mlflowDoor {
	t.Helper()
	addr := testkit.FreeAddr(t)
	started := p.Gateway(t, harness.Options{Env: []string{
		"SPANMILL_MLFLOW_HTTP=" + addr, "SPANMILL_OTLP_HTTP=" + testkit.FreeAddr(t), "SPANMILL_OTLP_GRPC=" + testkit.FreeAddr(t),
	}})
	started.AwaitReady(t)
	return mlflowDoor(addr)
}

// contested is how many names all gateways want at once.
const contested = 8

// createAtOnce makes each name by four clients of every gateway: one of them
// makes it, and every gateway knows the same.
func createAtOnce(t *testing.T, doors []mlflowDoor) {
	t.Helper()
	for i := range contested {
		name := fmt.Sprintf("contested-%d", i)
		var won sync.Map
		var all sync.WaitGroup
		for range 4 {
			for _, d := range doors {
				all.Go(func() {
					switch id, status := d.create(t, name); status {
					case http.StatusOK:
						if _, twice := won.LoadOrStore("id", id); twice {
							t.Errorf("%s was made twice", name)
						}
					case http.StatusBadRequest:
					default:
						t.Errorf("%s: %d", name, status)
					}
				})
			}
		}
		all.Wait()
		id, _ := won.Load("id")
		for _, d := range doors {
			if got := d.named(t, name); got.ID != id {
				t.Errorf("%s: made %v, a gateway has %+v", name, id, got)
			}
		}
	}
}

// sendTo sends a trace into an experiment, by MLflow's door.
func sendTo(t *testing.T, up *harness.Instance, d mlflowDoor, id string) {
	t.Helper()
	body, err := proto.Marshal(newTrace("experiments", 3))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+string(d)+"/v1/traces", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("X-Mlflow-Experiment-Id", id)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("/v1/traces: %s", response.Status)
	}
	awaitCount(t, up, "experiments", 3)
	harness.Eventually(t, func() error {
		got, err := up.TrySQL(t, "SELECT uniqExact(experiment_id), any(experiment_id) FROM spans WHERE service_name = 'experiments'")
		if err == nil && got != "1\t"+id {
			err = errors.New("experiments of the spans: " + got)
		}
		return err
	})
}
