package containers_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads the compose file as docker compose does with this environment.
func load(t testing.TB, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(deployDir, "docker-compose.yml")}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ours are the services that our image runs.
func ours(project *types.Project) (out []types.ServiceConfig) {
	for _, name := range project.ServiceNames() {
		if s := project.Services[name]; s.Build != nil {
			out = append(out, s)
		}
	}
	return out
}

func TestComposeHasWhatItTakes(t *testing.T) {
	t.Parallel()
	project := load(t)
	got := make(map[string]int)
	for name, s := range project.Services {
		got[name] = s.GetScale()
	}
	for name, want := range map[string]int{"kafka": 1, "clickhouse": 1, "gateway": 1, "writer": 2, "aggregator": 1, "query": 1} {
		if got[name] != want {
			t.Errorf("%d of service %s, want %d", got[name], name, want)
		}
	}
	for _, s := range ours(project) {
		image := project.Services[s.Name].Image
		if s.Build.Dockerfile != "deploy/Dockerfile" || image != "spanmill:local" {
			t.Errorf("%s: image %s from %s", s.Name, image, s.Build.Dockerfile)
		}
	}
	for _, need := range [][2]string{{"gateway", "kafka"}, {"writer", "kafka"}, {"writer", "clickhouse"}, {"query", "clickhouse"}, {"aggregator", "kafka"}, {"aggregator", "clickhouse"}} {
		if c := project.Services[need[0]].DependsOn[need[1]].Condition; c != types.ServiceConditionHealthy {
			t.Errorf("%s waits for %s until %q", need[0], need[1], c)
		}
	}
}

// TestEveryServiceIsConfined: each rule is a question with "" as its good
// answer.
func TestEveryServiceIsConfined(t *testing.T) {
	t.Parallel()
	project := load(t)
	user := regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`) // by number: names may mean root
	rules := map[string]func(types.ServiceConfig) bool{
		"runs as nobody's root":       func(s types.ServiceConfig) bool { return user.MatchString(s.User) },
		"has a read-only file system": func(s types.ServiceConfig) bool { return s.ReadOnly },
		"has somewhere to write":      func(s types.ServiceConfig) bool { return len(s.Tmpfs) > 0 },
		"has no rights of the host's": func(s types.ServiceConfig) bool {
			return !s.Privileged && slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0
		},
		"cannot gain rights": func(s types.ServiceConfig) bool { return slices.Contains(s.SecurityOpt, "no-new-privileges:true") },
		"is asked for its health": func(s types.ServiceConfig) bool {
			return s.HealthCheck != nil && !s.HealthCheck.Disable && len(s.HealthCheck.Test) > 1
		},
		"is bounded": func(s types.ServiceConfig) bool {
			return s.Deploy != nil && s.Deploy.Resources.Limits != nil && s.Deploy.Resources.Limits.MemoryBytes > 0 && s.Deploy.Resources.Limits.NanoCPUs > 0
		},
		"gets time to stop": func(s types.ServiceConfig) bool { return s.StopGracePeriod != nil },
		"comes back":        func(s types.ServiceConfig) bool { return s.Restart == types.RestartPolicyUnlessStopped },
		"has an image with a version": func(s types.ServiceConfig) bool {
			_, tag, _ := strings.Cut(s.Image, ":")
			return tag != "" && tag != "latest"
		},
		"is on networks of ours": func(s types.ServiceConfig) bool { return len(s.Networks) > 0 && s.NetworkMode == "" },
		"can be scaled or is declared": func(s types.ServiceConfig) bool {
			return s.GetScale() == 1 || s.ContainerName == "" && len(s.Ports) == 0
		},
	}
	for name, s := range project.Services {
		for rule, holds := range rules {
			if !holds(s) {
				t.Errorf("service %s breaks the rule: %s", name, rule)
			}
		}
	}
}

func TestPortsAreOnLoopbackUntilAskedFor(t *testing.T) {
	t.Parallel()
	for name, s := range load(t).Services {
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %d on %q", name, p.Target, p.HostIP)
			}
		}
	}
	for name, s := range load(t, "SPANMILL_BIND=0.0.0.0").Services {
		for _, p := range s.Ports {
			if open := p.HostIP != "127.0.0.1"; open != (name == "gateway") {
				t.Errorf("%s with SPANMILL_BIND: %d on %q", name, p.Target, p.HostIP)
			}
		}
	}
	project := load(t)
	if ports := project.Services["kafka"].Ports; len(ports) > 0 || !project.Networks["bus"].Internal {
		t.Error("Kafka, which asks for no password, can be reached from outside")
	}
}

func TestDataIsOnDeclaredVolumes(t *testing.T) {
	t.Parallel()
	project := load(t)
	used := make(map[string]bool)
	for name, s := range project.Services {
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeVolume:
				used[v.Source] = true
				if _, ok := project.Volumes[v.Source]; !ok {
					t.Errorf("%s uses volume %q, which is not declared", name, v.Source)
				}
			case types.VolumeTypeBind:
				read(t, v.Source)
				if !v.ReadOnly {
					t.Errorf("%s may write %s of the host", name, v.Source)
				}
			default:
				t.Errorf("%s has a %s mount", name, v.Type)
			}
		}
	}
	if len(used) != 2 || len(project.Volumes) != 2 {
		t.Errorf("volumes used %v, declared %d", used, len(project.Volumes))
	}
}

// TestSecretsAreFiles: none stands in the file, each that is declared is made by
// the script and used, and the folder is git's blind spot.
func TestSecretsAreFiles(t *testing.T) {
	t.Parallel()
	project := load(t)
	dir, said := secrets(t)
	used := make(map[string]bool)
	for name, s := range project.Services {
		for _, secret := range s.Secrets {
			used[secret.Source] = true
		}
		for variable := range s.Environment {
			if word := regexp.MustCompile(`(?i)passw|secret|token|api_?key`).FindString(variable); word != "" {
				t.Errorf("service %s has %s in its environment: use a file", name, variable)
			}
		}
	}
	for name, secret := range project.Secrets {
		if !used[name] || secret.Content != "" || secret.Environment != "" {
			t.Errorf("secret %s is not a file that a service reads", name)
		}
		if text := read(t, filepath.Join(dir, filepath.Base(secret.File))); strings.TrimSpace(text) == "" {
			t.Errorf("make-secrets.sh leaves %s empty", secret.File)
		}
		if err := exec.CommandContext(t.Context(), "git", "-C", root, "check-ignore", "-q", secret.File).Run(); err != nil {
			t.Errorf("git would take %s: %v", secret.File, err)
		}
	}
	password := strings.TrimSpace(read(t, filepath.Join(dir, "clickhouse-password")))
	if strings.Contains(read(t, filepath.Join(dir, "clickhouse-user.xml")), password) || !strings.Contains(said, "shown only now: sm_") {
		t.Errorf("make-secrets.sh gives the server the password itself, or no key: %s", said)
	}
	again, err := exec.CommandContext(t.Context(), deployDir+"/make-secrets.sh", dir).CombinedOutput()
	if err != nil || len(again) > 0 || strings.TrimSpace(read(t, filepath.Join(dir, "clickhouse-password"))) != password {
		t.Errorf("a second run makes others: %v %s", err, again)
	}
}

// TestOurCommandsPassTheirCheck gives each command and environment of ours to
// the binary it names. The container's secrets are files elsewhere here.
func TestOurCommandsPassTheirCheck(t *testing.T) {
	t.Parallel()
	project := load(t)
	made, _ := secrets(t)
	services := ours(project)
	if len(services) != 4 {
		t.Errorf("%d services of ours", len(services))
	}
	for _, s := range services {
		var places []string
		for _, secret := range s.Secrets {
			places = append(places, "/run/secrets/"+secret.Source, filepath.Join(made, filepath.Base(project.Secrets[secret.Source].File)))
		}
		here := strings.NewReplacer(places...)
		var args, env []string
		for _, arg := range slices.Concat(s.Entrypoint, s.Command)[1:] {
			args = append(args, here.Replace(arg))
		}
		for name, value := range s.Environment {
			env = append(env, name+"="+here.Replace(*value))
		}
		out, err := check(t, binary(t, s.Command[0]), args, env)
		if err != nil {
			t.Errorf("%s: %v\n%s", s.Name, err, out)
			continue
		}
		// What was given is what is in force: a variable that no flag reads would
		// be taken without a word.
		for name, value := range s.Environment {
			if flag, ok := strings.CutPrefix(name, "SPANMILL_"); ok {
				expectLine(t, s.Name, out, strings.ToLower(strings.ReplaceAll(flag, "_", "-")), *value)
			}
		}
		for _, arg := range args {
			if flag, value, given := strings.Cut(strings.TrimPrefix(arg, "--"), "="); given {
				expectLine(t, s.Name, out, flag, value)
			}
		}
		if strings.Contains(out, "/run/") {
			t.Errorf("%s reads a secret that it is not given:\n%s", s.Name, out)
		}
		for file := range strings.FieldsSeq(strings.Join(places, " ")) {
			if filepath.Dir(file) == made && strings.Contains(out, strings.TrimSpace(read(t, file))) {
				t.Errorf("%s prints the content of %s", s.Name, filepath.Base(file))
			}
		}
	}
}

// check runs the binary with --check and nothing of our environment.
func check(t *testing.T, binary string, args, env []string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--check")...)
	cmd.Env = slices.Concat(env, []string{"PATH=/nowhere"})
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var duration = regexp.MustCompile(`^[0-9.]+[hms]$`)

// expectLine wants "flag: value" among the lines, as Go prints the value.
func expectLine(t *testing.T, service, out, flag, value string) {
	t.Helper()
	for line := range strings.Lines(out) {
		name, got, _ := strings.Cut(strings.TrimSpace(line), ": ")
		got = strings.Trim(got, "[]")
		if name == flag && (got == value || duration.MatchString(value) && strings.HasPrefix(got, value)) {
			return
		}
	}
	t.Errorf("%s: --check does not say that %s is %s:\n%s", service, flag, value, out)
}

// TestHealthChecksAskWhatListens: the question goes to the address that the
// command gives the admin listener, by a command that the binary knows.
func TestHealthChecksAskWhatListens(t *testing.T) {
	t.Parallel()
	for _, s := range ours(load(t)) {
		test := s.HealthCheck.Test
		if len(test) != 5 || test[0] != "CMD" || test[1] != "spanmill" {
			t.Errorf("%s: health check %v", s.Name, test)
			continue
		}
		_, port, _ := strings.Cut(test[4], ":")
		if !slices.Contains(s.Command, "--admin=0.0.0.0:"+port) {
			t.Errorf("%s is asked at %s, it listens elsewhere: %v", s.Name, test[4], s.Command)
		}
		// Nothing listens there now: the command is known, and says no.
		out, err := exec.CommandContext(t.Context(), binary(t, test[1]), "health", "--admin", "127.0.0.1:1").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "refused") {
			t.Errorf("%s: %v %s", s.Name, err, out)
		}
	}
}

// TestDockerfile: the runtime has a glibc, a user and the question for health,
// and the build makes each binary that a command names.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	build, runtime, ok := strings.Cut(read(t, deployDir+"/Dockerfile"), "\nFROM debian:")
	if !ok {
		t.Fatal("the runtime is not Debian: the binaries need a glibc")
	}
	for _, line := range []string{"\nUSER 65532:65532\n", "CMD [\"spanmill\", \"health\", \"--alive\"]", "COPY --from=build /out/ /usr/local/bin/"} {
		if !strings.Contains(runtime, line) {
			t.Errorf("the runtime stage has no %q", line)
		}
	}
	if !strings.Contains(build, "-o /out/ ./cmd/...") || !strings.Contains(read(t, root+"/go.mod"), "\ngo 1.26") || !strings.Contains(build, "FROM golang:1.26") {
		t.Error("the build stage does not build every binary with the Go of go.mod")
	}
	for _, s := range ours(load(t)) {
		binary(t, s.Command[0])
		if s.User != "65532:65532" {
			t.Errorf("%s runs as %s, the image as another", s.Name, s.User)
		}
	}
	expectBuildHasAll(t, build)
	// Nothing that the build copies may be hidden from it, nor a secret shown to it.
	ignored := read(t, deployDir+"/Dockerfile.dockerignore")
	for _, line := range regexp.MustCompile(`(?m)^COPY (?:go\.mod go\.sum|([\w/]+) )`).FindAllStringSubmatch(build, -1) {
		if line[1] != "" && !strings.Contains(ignored, "\n!"+line[1]+"\n") {
			t.Errorf("the build does not see %s", line[1])
		}
	}
	if !strings.Contains(ignored, "\n*\n") || strings.Contains(strings.ReplaceAll(ignored, "\n!deploy/prometheus\n", "\n"), "!deploy") {
		t.Error("the build sees more than it copies")
	}
}

// expectBuildHasAll: every package of ours that a binary is made of is in a folder
// that the build copies.
func expectBuildHasAll(t *testing.T, build string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", "./cmd/...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var copied []string
	for _, m := range regexp.MustCompile(`(?m)^COPY ([\w/]+) `).FindAllStringSubmatch(build, -1) {
		copied = append(copied, m[1]+"/")
	}
	packages := strings.Fields(string(out))
	for _, name := range packages {
		dir := strings.TrimPrefix(name, "github.com/spanmill/spanmill/") + "/"
		if !slices.ContainsFunc(copied, func(c string) bool { return strings.HasPrefix(dir, c) }) {
			t.Errorf("the build does not copy %s, which a binary is made of", dir)
		}
	}
	if len(packages) < 20 {
		t.Errorf("the binaries are made of %d packages only", len(packages))
	}
}
