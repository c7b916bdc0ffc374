package kafka

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// User is who may log in, by each mechanism, with Password.
const (
	User     = "spanmill"
	Password = "secret=of-the-tests"
)

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
	// missing is how scripts/kafka.sh says that it lacks Java or Maven.
	missing = 3
)

// Broker is one node. Its addresses are settled before it runs.
type Broker struct {
	// Plain, SASL and MTLS are the listeners, host:port: anybody, SASL over TLS
	// (a client certificate is welcome), TLS with a client certificate.
	Plain, SASL, MTLS string
	// CAFile signed the broker's certificate; ClientCert and ClientKey are a
	// client's that it trusts.
	CAFile, ClientCert, ClientKey string
	// PasswordFile holds Password.
	PasswordFile string

	dir       string
	classpath string
	cmd       *exec.Cmd
	exited    chan struct{}
}

// New settles all that a broker needs. It skips the test where there is no Java
// or Maven.
func New(t testing.TB) *Broker {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(harness.Root(t), "scripts", "kafka.sh")).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() == missing {
			t.Skipf("no real Kafka here: %s", exit.Stderr)
		}
		t.Fatalf("kafka.sh: %v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b := &Broker{
		Plain: testkit.FreeAddr(t), SASL: testkit.FreeAddr(t), MTLS: testkit.FreeAddr(t),
		PasswordFile: filepath.Join(dir, "password"),
		dir:          dir, classpath: strings.TrimSpace(string(out)),
	}
	write(t, b.PasswordFile, Password+"\n")
	b.certify(t)
	write(t, b.path("server.properties"), b.properties(testkit.FreeAddr(t)))
	return b
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// java is a command of the broker's own classes, ended with the test process.
func (b *Broker) java(heap string, args ...string) *exec.Cmd {
	flags := []string{
		// A small machine compiles for its own sake else, and starts late.
		"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
		"-Dlog4j2.configurationFile=" + b.path("log4j2.properties"), "-cp", b.classpath,
	}
	cmd := exec.Command("java", append(flags, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Start runs the broker until the test ends and returns when it serves.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		b.stop()
		if t.Failed() {
			t.Logf("the broker's log:\n%s", b.log())
		}
	})
	settings, err := os.ReadFile(filepath.Join(harness.Root(t), "tests", "kafka", "log4j2.properties"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.path("log4j2.properties"), string(settings))
	b.format(t)
	b.Restart(t)
}

// Restart starts the broker again after a Kill, on the same data, and returns
// when it serves. It lives as long as Start said.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	log, err := os.Create(b.path("broker.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd, exited := b.java("512m", "kafka.Kafka", b.path("server.properties")), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which Start's Cleanup ends
		_ = cmd.Wait() // its log says why
		close(exited)
	}()
	b.cmd, b.exited = cmd, exited
	testkit.Eventually(t, startTimeout, func() error {
		select {
		case <-exited:
			t.Fatalf("the broker ended:\n%s", b.log())
		default:
		}
		if !strings.Contains(b.log(), "Kafka Server started") {
			return errors.New("the broker does not serve")
		}
		return nil
	})
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (b *Broker) Kill() {
	_ = b.cmd.Process.Kill() // already gone is as good
	<-b.exited
}

// format prepares the data directory and makes the SCRAM users.
func (b *Broker) format(t testing.TB) {
	t.Helper()
	args := []string{
		"kafka.tools.StorageTool", "format", "--config", b.path("server.properties"),
		"--cluster-id", "c3Bhbm1pbGwtdGVzdC0wMQ", // any 16 bytes
	}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, User, Password))
	}
	if out, err := b.java("128m", args...).CombinedOutput(); err != nil {
		t.Fatalf("format the broker's data directory: %v\n%s", err, out)
	}
}

func (b *Broker) stop() {
	if b.cmd == nil {
		return // it never ran
	}
	_ = b.cmd.Process.Signal(syscall.SIGTERM) // already gone is as good
	late := time.AfterFunc(stopTimeout, func() { _ = b.cmd.Process.Kill() })
	defer late.Stop()
	<-b.exited
}

// Pause stops the process as it is: connections stay open and nobody answers.
func (b *Broker) Pause(t testing.TB) { b.signal(t, syscall.SIGSTOP) }

// Resume ends a Pause.
func (b *Broker) Resume(t testing.TB) { b.signal(t, syscall.SIGCONT) }

func (b *Broker) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (b *Broker) log() string {
	text, err := os.ReadFile(b.path("broker.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// properties of one node for tests.
func (b *Broker) properties(controller string) string {
	jaas := `org.apache.kafka.common.security.plain.PlainLoginModule required user_` + User + `="` + Password + `";`
	return strings.NewReplacer(
		"PLAIN_ADDR", b.Plain, "SASL_ADDR", b.SASL, "MTLS_ADDR", b.MTLS, "CONTROLLER_ADDR", controller,
		"DIR", b.dir, "PLAIN_JAAS", jaas,
	).Replace(`process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://PLAIN_ADDR,SASL_SSL://SASL_ADDR,MTLS://MTLS_ADDR,CONTROLLER://CONTROLLER_ADDR
advertised.listeners=PLAINTEXT://PLAIN_ADDR,SASL_SSL://SASL_ADDR,MTLS://MTLS_ADDR
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,MTLS:SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@CONTROLLER_ADDR
log.dirs=DIR/data
broker.rack=rack-1
# who gets in
ssl.keystore.type=PEM
ssl.keystore.location=DIR/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=DIR/ca.pem
listener.name.sasl_ssl.ssl.client.auth=requested
listener.name.mtls.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=PLAIN_JAAS
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
# one node: internal topics with one replica, and few partitions, each of which is opened at the start
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
# quick rebalances and short sessions
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
`)
}
