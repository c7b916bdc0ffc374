package containers_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/bus/bustest"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/store/storetest"
	"github.com/spanmill/spanmill/internal/testkit"
)

// TestOnContainers gives the addresses of a Kafka and a ClickHouse, run as the
// compose file has them, to the suites that the embedded parts pass.
func TestOnContainers(t *testing.T) {
	testcontainers.SkipIfProviderIsNotHealthy(t) // says what is missing
	project := load(t)
	made, _ := secrets(t)

	kafkaAddr := testkit.FreeAddr(t)
	kafka := project.Services["kafka"]
	kafka.Environment["KAFKA_ADVERTISED_LISTENERS"] = new("PLAINTEXT://" + kafkaAddr)
	start(t, project, kafka, "", map[string]string{"9092/tcp": kafkaAddr}, wait.ForLog("Kafka Server started"))
	clickhouseAddr := testkit.FreeAddr(t)
	start(t, project, project.Services["clickhouse"], made, map[string]string{"8123/tcp": clickhouseAddr}, wait.ForHTTP("/ping").WithPort("8123/tcp"))

	busCfg := bus.Default()
	busCfg.Brokers = []string{kafkaAddr}
	o := outside{brokers: kafkaAddr, clickhouse: "http://" + clickhouseAddr, user: "spanmill", passwordFile: filepath.Join(made, "clickhouse-password")}
	storeCfg := store.Default()
	storeCfg.URL, storeCfg.User, storeCfg.Password = o.clickhouse, o.user, strings.TrimSpace(read(t, o.passwordFile))

	t.Run("bus", func(t *testing.T) { bustest.Run(t, busCfg) })
	t.Run("store", func(t *testing.T) { storetest.Run(t, storeCfg) })
	t.Run("pipeline", func(t *testing.T) { pipeline(t, o) })
}

// start runs a service of the compose file, as confined as it is there, with
// ports of this machine for some of its own.
func start(t *testing.T, project *types.Project, s types.ServiceConfig, made string, ports map[string]string, until wait.Strategy) {
	t.Helper()
	env := make(map[string]string)
	for name, value := range s.Environment {
		env[name] = *value
	}
	var exposed []string
	bindings := make(network.PortMap)
	for inside, outside := range ports {
		at := netip.MustParseAddrPort(outside)
		_, port, err := net.SplitHostPort(outside)
		if err != nil {
			t.Fatal(err)
		}
		exposed = append(exposed, inside)
		bindings[network.MustParsePort(inside)] = []network.PortBinding{{HostIP: at.Addr(), HostPort: port}}
	}
	c, err := testcontainers.GenericContainer(t.Context(), testcontainers.GenericContainerRequest{
		Started: true,
		ContainerRequest: testcontainers.ContainerRequest{
			Image: s.Image, Env: env, ExposedPorts: exposed, WaitingFor: until,
			ConfigModifier: func(c *container.Config) { c.User = s.User },
			HostConfigModifier: func(h *container.HostConfig) {
				h.PortBindings = bindings
				h.ReadonlyRootfs, h.CapDrop, h.SecurityOpt = s.ReadOnly, s.CapDrop, s.SecurityOpt
				h.Binds = binds(project, s, made)
				h.Tmpfs = make(map[string]string)
				for _, mount := range s.Tmpfs {
					path, options, _ := strings.Cut(mount, ":")
					h.Tmpfs[path] = options
				}
			},
		},
	})
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatalf("start %s: %v", s.Name, err)
	}
}

// binds are the files that the service is given. Its data goes where the image
// declares a volume.
func binds(project *types.Project, s types.ServiceConfig, made string) (out []string) {
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			out = append(out, v.Source+":"+v.Target+":ro")
		}
	}
	for _, secret := range s.Secrets {
		file := filepath.Join(made, filepath.Base(project.Secrets[secret.Source].File))
		out = append(out, file+":"+secret.Target+":ro")
	}
	return out
}
