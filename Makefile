# Everything there is to do here, as commands; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run serve test test-again test-other test-other-again servers faults keycloak check bench clean lint format types imports notebooks

BIN := .venv/bin
OTHER := .venv-other/bin
# Tests of one file stay on one worker, so that its servers are started once.
PYTEST := -m pytest --numprocesses $(or $(WORKERS),2) --dist loadfile
AGAIN := --last-failed --last-failed-no-failures none
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
export PYTHON

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with the newest Python >= 3.11 (or PYTHON=...) and install everything into it
	@.ci/setup .venv

run: setup ## the tour: a server, one process executed over HTTP, its result and its notebook
	@$(BIN)/nbprocessor tour

serve: setup ## serve notebooks/ on http://127.0.0.1:8099
	@$(BIN)/nbprocessor serve

test: setup servers ## run every test (WORKERS=2 at a time)
	@$(BIN)/python $(PYTEST)

test-again: ## run the tests that failed last, one after the other
	@$(BIN)/python -m pytest $(AGAIN)

test-other-again:
	@$(OTHER)/python -m pytest $(AGAIN) tests/api

test-other: setup servers ## run the API tests on the other pygeoapi line, in .venv-other
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then \
	  if ! PYTHON= .ci/python 3.12+ >/dev/null 2>&1; then \
	    echo "The other pygeoapi line needs Python 3.12 or newer; there is none here, so there is no second pass."; exit 0; fi; \
	  PYTHON= .ci/setup .venv-other 3.12+ 'pygeoapi>=0.24'; \
	elif PYTHON= .ci/python 3.11 >/dev/null 2>&1; then PYTHON= .ci/setup .venv-other 3.11 'pygeoapi>=0.21,<0.22'; \
	else PYTHON= .ci/setup .venv-other 3.12+ 'pygeoapi>=0.21,<0.22'; fi && \
	$(OTHER)/python $(PYTEST) tests/api

faults: setup servers ## the tests of faults in their long form, for hours (KILLS=500 FAULTS=20 MOMENTS=50 LEASE=30 HOURS=24)
	@KILLS=$(or $(KILLS),500) FAULTS=$(or $(FAULTS),20) MOMENTS=$(or $(MOMENTS),50) LEASE=$(or $(LEASE),30) \
	  HOURS=$(or $(HOURS),24) $(BIN)/python -m pytest --timeout=0 tests/faults

servers: setup ## see to PostgreSQL, bubblewrap, Chromium and Keycloak, which the tests need
	@.ci/servers

keycloak: setup ## Keycloak on port 8080 with the realm of docker/keycloak, until Ctrl-C
	@$(BIN)/python -m tests.servers.keycloak serve

check: setup ## ruff, mypy, import-linter, clean notebooks: all at once
	@$(MAKE) --no-print-directory --jobs --keep-going $(GROUPED) types imports lint format notebooks

lint:
	@$(BIN)/ruff check --quiet .
format:
	@$(BIN)/ruff format --check --quiet .
types:
	@$(BIN)/mypy
imports:
	@$(BIN)/lint-imports
notebooks:
	@find notebooks -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(BIN)/nbstripout --verify --keep-id {} +

bench: setup ## measure what the project promises and print the table (ONLY="jobs memory" picks)
	@$(BIN)/python -m tests.benchmarks $(ONLY)

clean: ## remove what the commands above made; results/ stays
	rm -rf .venv .venv-other build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis
	find nbprocessor tests -name __pycache__ -type d -prune -exec rm -rf {} +
