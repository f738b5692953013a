# make help lists the targets. CGO is off everywhere except for the race
# detector, which needs it.
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME  ?= 10m
COMMANDS  ?= 2000000
ROUNDS    ?= 200
HISTORIES ?= 5000
BENCH     ?=
export CGO_ENABLED = 0

.PHONY: help check lint generate build test race examples bench bench-history bench-values fuzz crash

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# CI insists on every tool (.ci/run). Here tests that need the Node packages or
# root skip without them; those that need redis-server do not.
check: export WEIR_REQUIRE_REDIS = 1
check: lint build race ## linters, build, tests with the race detector: the part of .ci/run to pass before a push

lint: ## formatting, vet, golangci-lint, tidiness of go.mod, freshness of generated files
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(GOLANGCI) run
	go mod tidy -diff
	go generate ./...
	git diff --exit-code -- docs

generate: ## write docs/commands.md and docs/configuration.md again
	go generate ./...

build: ## build bin/weir
	go build -trimpath -o bin/weir ./cmd/weir

test: ## run the tests
	go test ./...

race: ## run the tests with the race detector
	CGO_ENABLED=1 go test -race -timeout 20m ./...

examples: ## install the Node clients, then run every example
	@for package in examples/*/package.json; do (cd $$(dirname $$package) && npm ci) || exit 1; done
	WEIR_REQUIRE_CLIENTS=1 go test -count=1 -v ./examples/...

bench: build ## measure beside redis-server, write docs/benchmarks.md; BENCH="-rows xlen" for less
	go run ./internal/bench -weir bin/weir -out docs/benchmarks.md $(BENCH)

bench-history: build ## measure a history larger than memory, write docs/benchmarks-history.md; BENCH="-events 1000000" for less
	go run ./internal/bench -history -weir bin/weir -out docs/benchmarks-history.md $(BENCH)

bench-values: build ## measure strings, lists, hashes, sets and sorted sets beside redis-server, write docs/benchmarks-values.md
	go run ./internal/bench -values -weir bin/weir -out docs/benchmarks-values.md $(BENCH)

fuzz: ## run each fuzz target for FUZZTIME (10m), then compare with redis-server over COMMANDS (2000000)
	@git grep -o '^func Fuzz[A-Za-z0-9]*' -- '*_test.go' | sed 's|/[^/]*_test.go:func | |' | while read -r dir target; do \
		echo "== ./$$dir $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "./$$dir" || exit 1; done
	WEIR_REQUIRE_REDIS=1 go test -count=1 -timeout 24h -v ./internal/oracle/fuzz -seed 0 -commands $(COMMANDS)

crash: ## kill -9 the broker ROUNDS (200) times in every sync mode, check HISTORIES (5000) of workers, break the disk
	WEIR_REQUIRE_FAULTS=1 go test -count=1 -timeout 4h -v ./internal/crash -rounds $(ROUNDS) -histories $(HISTORIES)
