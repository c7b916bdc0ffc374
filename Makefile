# spanmill: every command a contributor needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Tools, virtual environments and the engine library are kept here, outside
# the tree, keyed by version, so that clones share them.
export SPANMILL_CACHE ?= $(HOME)/.cache/spanmill

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X github.com/spanmill/spanmill/internal/app.Version=$(VERSION)
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

# The race detector needs a C compiler; a machine without one still tests.
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)

# STAGE names what runs, then how long it took.
STAGE := scripts/stage.sh

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/spanmill (static, version stamped)
	@mkdir -p bin
	$(GO_BUILD) -o bin/ ./cmd/...

.PHONY: up
up: engine ## Build, fetch the engine once, run everything on this machine (ARGS="…")
	bin/spanmill up $(ARGS)

.PHONY: engine
engine: build
	@bin/spanmill fetch-engine

.PHONY: deps
deps: engine ## Install what tests need: engine, linter, Python and JS clients, Chromium
	@$(STAGE) "linter" scripts/golangci.sh version
	@$(STAGE) "Python clients" scripts/python-env.sh tests/compat/python/requirements.txt
	@$(STAGE) "JS clients" scripts/node-env.sh tests/compat/js
	@$(STAGE) "Chromium" scripts/node-env.sh tests/e2e/browser

.PHONY: fmt
fmt: ## Format the Go code (gofumpt)
	@scripts/golangci.sh fmt

.PHONY: lint
lint: ## Formatting, linters, architecture and house rules
	@$(STAGE) "golangci-lint" scripts/golangci.sh run
	@$(STAGE) "house rules" go test -count=1 ./internal/lint/...

.PHONY: unit
unit: ## Unit, golden and property tests beside the code
	@$(STAGE) "unit tests $(RACE)" go test $(RACE) -timeout 10m $$(go list ./cmd/... ./internal/... ./pkg/... | grep -v /internal/lint)
	@$(STAGE) "allocation budgets" go test -run Alloc ./internal/... ./pkg/...

.PHONY: check
check: lint unit ## The quick loop: format, lint, unit tests

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (default 20s) each
	@$(STAGE) "fuzz" scripts/fuzz.sh

# -count=1 from here on: these tests build and run the product, or read the
# tree, which Go's test cache does not know to depend on.
.PHONY: e2e
e2e: deps ## The built binaries, black box: spanmill up, and gateway and writer on a real Kafka
	@$(STAGE) "end to end" go test -count=1 -timeout 20m ./tests/e2e/...
	@ls -l $(CURDIR)/bin/photographs/report.png # the report, as Chromium shows it

.PHONY: compat
compat: deps ## Real clients: OpenTelemetry Python, Go, JS; MLflow
	@$(STAGE) "compatibility" go test -count=1 -timeout 10m ./tests/compat/...

# What make corpus records with. traceloop-sdk requires thirty instrumentations
# of other things: PIP_NO_DEPS leaves what is installed to the pinned lists.
CORPUS := PIP_NO_DEPS=1 scripts/python-env.sh tests/corpus
.PHONY: corpus
corpus: ## Record real instrumentations anew, then show what changed (ONLY=… for some)
	@$(STAGE) "recording" go run ./tests/corpus/record -only "$(ONLY)" -modules "$$(scripts/node-env.sh tests/corpus/js)" \
		-python "$$($(CORPUS)/python/requirements.txt)" -older "$$($(CORPUS)/older/requirements.txt)"
	@git status --short tests/corpus

.PHONY: replay
replay: ## The recorded instrumentations, normalised: goldens, coverage, the same conversation in six dialects
	@$(STAGE) "corpus" go test -count=1 ./tests/corpus/... ./tests/llmfake/...

.PHONY: mlflow
mlflow: engine ## MLflow's SDKs beside a real MLflow server; installs both, minutes (ARGS=-record: keep what it says)
	@$(STAGE) "MLflow clients" scripts/python-envs.sh tests/compat/mlflow/python/requirements/*.txt
	@$(STAGE) "MLflow" env SPANMILL_MLFLOW=1 go test -count=1 -timeout 60m -v ./tests/compat/mlflow $(ARGS)

.PHONY: containers
containers: engine ## What deploy/ ships: compose file, image, ClickHouse's files; on Docker too, if it is there
	@$(STAGE) "containers" go test -count=1 -timeout 15m ./tests/containers/...

.PHONY: sim
sim: ## Seeded histories in virtual time: the writer against a model of ClickHouse, the aggregator against a recount
	@$(STAGE) "simulation" go test -count=1 -timeout 10m ./tests/sim/... ./tests/recount/...

.PHONY: kafka
kafka: engine ## A real Apache Kafka: conformance, the separate binaries, a foreign client
	@$(STAGE) "real Kafka" go test -count=1 -timeout 10m ./tests/kafka/...

.PHONY: faults
faults: engine ## What breaks on real parts, in short: kills, cut connections, ClickHouse away or full, writers coming and going
	@$(STAGE) "faults" go test -count=1 -timeout 10m ./tests/faults/...

# Two stages at a time: half of them wait for processes more than they compute.
# What a stage says comes when it has ended, whole.
.PHONY: test
test: deps ## Everything CI runs, two stages at a time
	@$(STAGE) "all of make test" $(MAKE) --no-print-directory -j2 -Otarget e2e lint unit replay kafka fuzz faults sim compat containers mutants-check

# One package at a time: each long run wants the machine for itself.
.PHONY: soak
soak: deps ## Long runs: what takes more than a minute each
	@$(STAGE) "MLflow clients" scripts/python-envs.sh tests/compat/mlflow/python/requirements/*.txt
	@$(STAGE) "soak" go test -p 1 -tags soak -run '^TestSoak' -timeout 3h -v ./...

.PHONY: bench
bench: engine ## Measure beside an OpenTelemetry Collector, about ten minutes (ARGS="…")
	@CGO_ENABLED=0 go build -o bin/bench ./bench
	@bin/bench race $(ARGS)

.PHONY: bench-mlflow
bench-mlflow: engine ## Measure beside a real MLflow server, about five minutes (ARGS="…")
	@CGO_ENABLED=0 go build -o bin/bench ./bench
	@bin/bench mlflow $(ARGS)

.PHONY: mutants
mutants: engine ## Plant each known bug in a copy; its test must go red (ONLY=… for some)
	@$(STAGE) "mutants" go run ./tests/mutants $(ONLY)

.PHONY: mutants-check
mutants-check: ## Each planted bug still applies and names a test
	@$(STAGE) "mutants still apply" go test -count=1 ./tests/mutants/...

.PHONY: clean
clean: ## Remove what make built in the tree
	rm -rf bin
