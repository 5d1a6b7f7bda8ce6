# vibe-search: `make demo` runs it, `make test` proves it, `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help demo test test-deep check lint types tests browser nginx pgbouncer debian-postgres evaluate bench screenshots bench-page load docs fuzz fuzz-cost audit soak schema clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
ARGS ?=
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[demo,test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[docs]'
	@touch $@

demo: $(VENV)/.demo ## import, embed and search the sample library, then serve it (ARGS=--once: stop after the searches)
	@$(BIN)/vibe-search demo $(ARGS)

test: $(VENV)/.test lint types tests ## everything that must hold: ruff, mypy, pytest

test-deep: $(VENV)/.test ## the random tests with many cases, and those of real sizes (minutes)
	@VIBE_SEARCH_DEEP=1 $(BIN)/pytest --numprocesses auto --dist worksteal -m deep $(ARGS)

check: $(VENV)/.test ## ruff, mypy and the tests of what you changed (ARGS=FILE...: of these files)
	@$(BIN)/python -m scripts.check_changes $(ARGS)

lint: $(VENV)/.test ## ruff
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.test ## mypy, strict
	@$(BIN)/mypy

browser: ## install Chromium, in which the page is tested, where there is none (Debian and Ubuntu)
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	command -v apt-get >/dev/null || { echo "install Chromium, or leave its tests out: make tests ARGS='--ignore tests/web'" >&2; exit 2; }; \
	echo "installing Chromium ..."; \
	$(AS_ROOT) apt-get update -qq && $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null

nginx: ## install nginx, whose documented configuration is tested, where there is none (Debian and Ubuntu; the package starts it)
	@command -v nginx >/dev/null && exit 0; \
	command -v apt-get >/dev/null || { echo "no nginx: its tests are left out" >&2; exit 0; }; \
	echo "installing nginx ..."; \
	$(AS_ROOT) apt-get update -qq && $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx >/dev/null

debian-postgres: ## install Debian's PostgreSQL with pgvector, on which tests run too, where there is none (Debian and Ubuntu)
	@scripts/debian_postgres.sh

pgbouncer: ## install PgBouncer, behind which everything is tested, where there is none (Debian and Ubuntu; the package starts it)
	@command -v pgbouncer >/dev/null && exit 0; \
	command -v apt-get >/dev/null || { echo "no PgBouncer: its tests are left out" >&2; exit 0; }; \
	echo "installing PgBouncer ..."; \
	$(AS_ROOT) apt-get update -qq && $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer >/dev/null

tests: $(VENV)/.test browser ## pytest (ARGS='-k name' chooses)
	@$(BIN)/pytest --numprocesses auto --dist worksteal $(ARGS)

evaluate: $(VENV)/.demo ## how well labelled queries are answered (ARGS=FILE: your own)
	@$(BIN)/vibe-search evaluate $(ARGS)

bench: $(VENV)/.demo ## time searches on a synthetic catalogue of 50,000 tracks (ARGS='--tracks 200000' chooses)
	@$(BIN)/vibe-search bench search $(ARGS)

screenshots: $(VENV)/.test browser ## pictures of every view of the page, in build/screenshots (ARGS=--readme: the README's as well)
	@$(BIN)/python -m scripts.measure.page.screenshots $(ARGS)

bench-page: $(VENV)/.test browser ## time the page from the last letter typed to the results painted
	@$(BIN)/python -m scripts.measure.page.keystrokes $(ARGS)

load: $(VENV)/.demo ## 50 clients for two minutes on 100,000 tracks, then Postgres dies under them (ARGS='--tracks 10000 --seconds 20' is shorter)
	@$(BIN)/python -m scripts.measure.load $(ARGS)

docs: $(VENV)/.docs ## the documentation as pages, in build/site
	@$(BIN)/mkdocs build --quiet

fuzz: $(VENV)/.test ## 10,000 made-up requests and 2,000 broken recordings (ARGS=400: twice as many)
	@FUZZ_CASES=$(or $(ARGS),200) $(BIN)/pytest -s -q tests/fuzz

fuzz-cost: $(VENV)/.demo ## the most CPU that a made-up query takes on 100,000 tracks (ARGS='--tracks 1000000 --queries 20')
	@$(BIN)/python -m scripts.measure.costly_queries $(ARGS)

audit: $(VENV)/.test ## known vulnerabilities of what is installed, by pip-audit; asks an advisory service
	@$(PIP_INSTALL) pip-audit && $(BIN)/pip-audit --skip-editable --progress-spinner off

soak: $(VENV)/.demo ## kill workers and Postgres while they work on 1,500 tracks, good and broken, and time uploads (ARGS=--help)
	@$(BIN)/python -m scripts.measure.soak $(ARGS)

schema: $(VENV)/.test ## write sql/schema.sql anew after a migration
	@$(BIN)/python -m scripts.dump_schema

clean: ## remove the environment, the caches and the demo's data
	rm -rf $(VENV) .data .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
