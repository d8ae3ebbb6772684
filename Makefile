# Two commands for a person: `make conformance` and `make test`. Everything they need is set up
# on the first run; later runs find it and start at once.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup packages programs conformance night prove bench bench-topologies bench-providers test test-kind lint docker clean

# Ordinary accounts often lack these, where iptables and the like are.
export PATH := $(PATH):/usr/sbin:/sbin

VENV := .venv
BIN := $(VENV)/bin
TOPOLOGY ?= multi-primary-multi-network
ARGS ?=
NIGHT := reports/night-$(shell date +%F)

help:  ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

conformance: programs  ## raise a mesh, check it, write the report (TOPOLOGY=… ARGS=…)
	$(BIN)/pytest suites --topology $(TOPOLOGY) $(ARGS)

night: TOPOLOGY = all
night: programs  ## every topology, one lab after the other, into reports/night-DATE (TOPOLOGY=… ARGS=…)
	$(BIN)/pytest suites $(TOPOLOGY:%=--topology=%) --report-dir $(NIGHT) $(ARGS)

prove: programs  ## show that each check fails when what it checks is broken
	$(BIN)/pytest suites --topology $(TOPOLOGY) --prove $(ARGS)

bench: programs  ## measure how long a lab takes, and where the time goes
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-topologies: programs  ## measure how long each topology takes
	$(BIN)/python -m benchmarks.topologies $(ARGS)

bench-providers: programs  ## embedded, kind, and kind by hand side by side (an engine: make docker)
	$(BIN)/python -m benchmarks.providers $(ARGS)

test: programs  ## lint and test the harness itself
	.ci/test

test-kind: programs  ## only the live tests of the kind provider, with an engine of our own if need be
	.ci/kind

lint: setup  ## format, types, imports
	.ci/lint

programs: setup  ## build what labs are made of (about 12 minutes the first time)
	@$(BIN)/meshproof artifacts build >/dev/null

docker: setup  ## start Docker for labs on kind, unless an engine answers (as root, on Debian)
	@.ci/packages kind
	@$(BIN)/meshproof engine status || $(BIN)/meshproof engine up

setup: packages $(VENV)/ready  ## system packages (as root, on Debian) and the Python environment

packages:
	@.ci/packages

$(VENV)/ready: pyproject.toml constraints.txt
	@echo "installing Python packages into $(VENV)"
	@"$$(.ci/python)" -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt \
	    --no-build-isolation --editable '.[dev]'
	@touch $@

clean:  ## remove the Python environment and caches of tools; programs and reports stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
