# Cordon. `make demo` and `make test` do everything that is needed first: system packages, npm packages, compiling.
# Targets with two hashes are shown by `make help`.

MODE ?= bridge
KEEP ?=
DESTDIR ?=
SECONDS_TO_RUN ?= 60
SEED ?= 1
FUZZ ?=
PACKETS ?=
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help setup build check test test-tools test-debian-kernel demo matrix chaos bench detection-report inventory-report learning-report fuzz install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .stamps/npm ## Debian packages (as root), npm packages, native parts
	@scripts/install-packages
	@scripts/build-native

# --ignore-scripts: the same result with every npm; what has to be compiled is compiled by scripts/build-native.
# Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which a mirror may not have.
.stamps/npm: package.json package-lock.json
	@scripts/install-packages build
	npm install --no-save --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
	@mkdir -p .stamps && touch $@

build: setup ## compile to dist/, so that `npx cordon` works here
	@npx --no-install tsc -p agent
	@node dist/agent/pack-makers.js
	@chmod +x dist/cli/main.js
	@mkdir -p node_modules/.bin && ln -sf ../../dist/cli/main.js node_modules/.bin/cordon

check: setup ## format, types, lint, dependency rules, unused code
	npx --no-install prettier --check --log-level warn .
	npx --no-install tsc --noEmit -p .
	npx --no-install eslint .
	npx --no-install depcruise agent --config .dependency-cruiser.cjs
	npx --no-install knip

test: build ## every test, unit and real kernel
	@node scripts/run-tests.js

test-tools: build ## attackers' tools through the real box, inline and tap, in a quarter of an hour (ATTACK=hydra)
	@scripts/install-packages tools
	@ATTACK='$(ATTACK)' node scripts/run-tests.js --timeout=6000 test/tools/attacks-inline.test.ts test/tools/attacks-tap.test.ts

test-debian-kernel: build ## the real-kernel tests on Debian's own kernel, in a virtual machine
	@scripts/test-debian-kernel

demo: build ## the main job on real traffic (MODE=router, KEEP=1)
	@node dist/cli/main.js demo --mode $(MODE) $(if $(KEEP),--keep)

matrix: build ## the failure matrix under live traffic, measured (ONLY="enforcer-killed …")
	@node dist/lab/matrix/main.js $(ONLY)

bench: build ## measure, one JSON line a result (ONLY="queue apply")
	@node dist/bench/main.js $(ONLY)

detection-report: build ## every capture of CORDON_DATA through the detectors
	@node dist/bench/detection-report.js

chaos: build ## faults of the matrix in an order that a seed gives (SECONDS_TO_RUN=600 SEED=1)
	@node dist/lab/matrix/chaos.js $(SECONDS_TO_RUN) $(SEED)

inventory-report: build ## what is identified of the devices in every capture of CORDON_DATA
	@node dist/bench/inventory-report.js

learning-report: build ## what learning proposes beside published MUD files, by captures of CORDON_DATA
	@node dist/bench/learning-report.js

fuzz: build ## mutated inputs for all that reads bytes, so long each (SECONDS_TO_RUN=600 FUZZ=policy SEED=1); PACKETS=…: captures
	@$(if $(PACKETS),node dist/bench/fuzz.js $(PACKETS),node dist/fuzz/main.js $(SECONDS_TO_RUN) $(SEED) $(FUZZ))

install: build ## put it on this box (DESTDIR=… for a package)
	@DESTDIR=$(DESTDIR) scripts/install

uninstall: ## take it off this box; policies and records stay
	@DESTDIR=$(DESTDIR) scripts/uninstall

clean: ## remove what was built
	rm -rf dist .stamps .tap agent/netlink/native/build
