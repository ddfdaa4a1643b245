# seedguard: `make run` to try it, `make test` for what CI checks, `make help` for the rest.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# component-base takes no version but vX.Y.Z with anything after it.
VERSION  ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null || echo v0.0.0-$$(git describe --always --dirty 2>/dev/null || echo unknown))
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X k8s.io/component-base/version.gitVersion=$(VERSION) -X k8s.io/component-base/version.gitCommit=$(COMMIT)
FUZZTIME ?= 2000x
# Packages whose tests are fast and run under the race detector; the end-to-end tests and the gardenlets have targets of
# their own.
PACKAGES  = $(shell go list ./... | grep -v -e /benchmarks -e /test/e2e -e /test/gardenlet)

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/seedguard.
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/seedguard ./cmd/seedguard

.PHONY: run
run: build ## Serve the example landscape on loopback, and print commands to try.
	bin/seedguard serve --landscape examples/landscape --shutdown-delay 0s

.PHONY: test
test: format vet lint verify unit attack fuzz e2e ## Everything that CI checks, but for the debug pages in a browser.

.PHONY: format
format: ## Fail when a file is not gofmt-ed.
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [[ -n "$$unformatted" ]]; then echo "not gofmt-ed:" $$unformatted; exit 1; fi

.PHONY: vet
vet: ## go vet.
	go vet ./...

.PHONY: lint
lint: ## golangci-lint with .golangci.yaml.
	"$$(hack/tools/build.sh golangci-lint)" run ./...

.PHONY: generate
generate: ## Write what is generated from the tables: deploy/ and the tables in docs/rules.md.
	hack/generate.sh

.PHONY: verify
verify: ## Fail when a generated file or go.mod is out of date.
	hack/generate.sh --check
	go mod tidy -diff
	cd test/pages && go mod tidy -diff

.PHONY: unit
unit: ## Unit and property tests under the race detector.
	go test -race -timeout 20m $(PACKAGES)
	go test -timeout 20m ./benchmarks/...

.PHONY: attack
attack: ## Let clients that were taken over attack: ATTACKS writes, and until each planted hole is found. Not under -race.
	go test -count=1 -run '^(TestAttack|TestPlantedHoles|TestPlantedHoleOfBootstrappers)$$' -v ./pkg/admission -args -attack.moves=$(or $(ATTACKS),100000)

.PHONY: fuzz
fuzz: ## Run each fuzz target FUZZTIME: 2000x, or for a time, guided by coverage, as 1m.
	hack/fuzz.sh $(FUZZTIME)

.PHONY: e2e
e2e: ## End-to-end tests against real etcd, kube-apiserver and gardener-apiserver, built from their Go modules.
	hack/tools/build.sh etcd kube-apiserver gardener-apiserver >/dev/null
	go test -timeout 30m -count 1 -p 1 ./test/e2e/...

.PHONY: test-gardenlet
test-gardenlet: ## Real gardenlets behind seedguard: before each release, also with ARGS=-mode=Deny (-keep keeps the logs).
	hack/tools/build.sh etcd kube-apiserver gardener-apiserver gardener-controller-manager gardenlet >/dev/null
	go test -v -timeout 30m -count 1 ./test/gardenlet $(if $(ARGS),-args $(ARGS))

# The program is built as the other tests build it: what is compiled already serves.
.PHONY: test-pages
test-pages: ## Go through the debug pages in Chromium, by keyboard; screenshots in ARTIFACTS (artifacts/).
	go build -o bin/seedguard ./cmd/seedguard
	cd test/pages && go vet ./... && ARTIFACTS=$(abspath $(or $(ARTIFACTS),artifacts)) go test -v -timeout 15m -count 1 .

.PHONY: garden
garden: ## Bring up a real garden with seedguard, ready for kubectl (ARGS=--gardener=false: CustomResourceDefinitions).
	go run ./test/garden/cmd $(ARGS)

.PHONY: bench
bench: ## Run the benchmarks and write benchmarks/REPORT.md.
	go run ./benchmarks/report

.PHONY: bench-compare
bench-compare: ## Compare the benchmarks of the working tree with those of a revision, which BASE must name.
	hack/bench/compare.sh $(BASE)

.PHONY: clean
clean: ## Remove what was built here.
	rm -rf bin artifacts .garden
