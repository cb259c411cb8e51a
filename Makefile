# Every command a developer needs. `make demo` and `make test` set everything up by themselves.
VENV ?= .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
PEERS := .local/bench/peers/.ready
JOBS ?= 3
N ?= 200
SEED ?= 1
EXPORTS ?= 100
RUNS ?= 1000
SECONDS ?= 600

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint faults load fuzz bench bench-quick browser screenshots schemas package lock scan licences

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## make the virtual environment and the local stack's parts

$(READY): requirements.txt requirements-dev.txt local/setup.sh local/azurite/package-lock.json
	@bash local/setup.sh $(VENV)
	@touch $@

demo: $(READY) ## land a segment on the local stack and watch it reach the SendGrid list
	@$(PYTHON) -m local.demo

run: $(READY) ## keep the local stack up until Ctrl-C
	@$(PYTHON) -m local.run

test: $(READY) ## all tests, on JOBS processes (JOBS=3; many wait rather than compute)
	@bash tests/browser/chromium.sh
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(READY) ## ruff, mypy, the Functions doctor
	@$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy
	@$(VENV)/bin/azure-functions-doctor doctor --path . --profile full

faults: $(READY) ## play N scenarios of crashes and faults, from SEED on (N=200 SEED=1)
	@$(PYTHON) -m tests.faults $(N) $(SEED)

load: $(READY) ## let EXPORTS land at once and ask for RUNS runs, on two instances (EXPORTS=100 RUNS=1000)
	@$(PYTHON) -m tests.system.load --exports $(EXPORTS) --runs $(RUNS)

fuzz: $(READY) ## feed the readers broken files for SECONDS; new findings go to tests/fuzz/corpus
	@$(PYTHON) -m tests.fuzz $(SECONDS)

bench: $(PEERS) ## measure the app at 100,000 and 1,000,000 rows beside the floor and peers (FULL=1: 10,000,000 too)
	@$(PYTHON) -m bench $(if $(FULL),--full)

bench-quick: $(PEERS) ## the same at 100,000 rows, in under 90 seconds
	@$(PYTHON) -m bench --quick

$(PEERS): $(READY) bench/requirements.txt
	@$(PYTHON) -m venv .local/bench/peers
	@.local/bench/peers/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

browser: $(READY) ## the console's tests in Chromium, which is installed if it is not here and may be
	@bash tests/browser/chromium.sh
	@$(PYTHON) -m pytest tests/browser

screenshots: $(READY) ## take the pictures of the console anew, into docs/images
	@bash tests/browser/chromium.sh
	@$(PYTHON) -m tests.browser.screenshots

schemas: $(READY) ## write the JSON Schema files of the destination documents
	@$(PYTHON) -m shared.destinations.schemas

package: $(READY) ## write the package that is deployed: dist/app.zip, and dist/app for azd
	@$(PYTHON) -m release.package

lock: $(READY) ## pin what is deployed in requirements.lock, with hashes (UPGRADE=1: to the newest versions)
	@$(PYTHON) -m release.lock $(if $(UPGRADE),--upgrade)

licences: $(READY) ## write docs/licences.md, and the SBOM of what is deployed: dist/sbom.cdx.json
	@$(PYTHON) -m release.inventory

scan: $(READY) ## look for secrets, licences, a stale lock and known vulnerabilities (STRICT=1: all must be possible)
	@$(PYTHON) -m release.scan $(if $(STRICT),--strict)
