# SPDX-License-Identifier: Apache-2.0
# make all        sets up, and measures what config/config.yaml asks for, up to results/report.html
# make test-unit  sets up, and runs the unit tests
# make test       sets up, and runs every check and the tests that are not slow
# make test-all   sets up, and runs every check and every test
# make campaign   sets up, and runs 200 rounds of kills and disturbances (ROUNDS=N, SEED=N); what has passed is not run again
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Else every job of a run compiles this package again, and each start of Snakemake examines all of it.
unexport PYTHONDONTWRITEBYTECODE

# Measuring needs root: it makes network namespaces, sets sysctls and starts servers in a root file system.
# sudo drops the proxies' variables, too.
PROXIES := http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo env "PATH=$$PATH" \
  $(foreach name,$(PROXIES),$(if $($(name)),"$(name)=$$$(name)")))
# More words for snakemake, pytest or uv: make all ARGS="--configfile config/paper.yaml"
ARGS ?=
ROUNDS ?= 200
SEED ?= 2017
# Where one cannot run, the platforms that need it are reported as such, and the others go on.
START_ENGINES := setup/engine.sh || echo "going on without the engines named above" >&2

.PHONY: all test test-unit test-slow test-all check campaign benchmark docs schema setup setup-dev environment packages engine lock

all: setup
	$(AS_ROOT) snakemake --cores 1 all $(ARGS)

test-unit: environment
	@setup/python.sh dev
	pytest --numprocesses auto --dist loadfile -m "not machine and not benchmark and not slow" tests/unit $(ARGS)

test: check
	$(AS_ROOT) tests/run.sh short $(ARGS)

# What `make test` leaves out of `make test-all`.
test-slow: setup-dev
	$(AS_ROOT) tests/run.sh long $(ARGS)

test-all: check
	$(AS_ROOT) tests/run.sh all $(ARGS)

check: setup-dev
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python tests/structure.py
	snakefmt --check Snakefile workflow

campaign: setup-dev
	$(AS_ROOT) env RESUME=1 ROUNDS=$(ROUNDS) SEED=$(SEED) pytest -v tests/workflow/test_campaign.py $(ARGS)

benchmark: setup-dev
	$(AS_ROOT) pytest -m benchmark $(ARGS)

# Each step looks whether there is anything to do; when all is done they take a fraction of a second.
setup: environment
	@$(START_ENGINES)

setup-dev: environment
	@setup/python.sh dev
	@$(START_ENGINES)

environment: packages
	@setup/python.sh

packages:
	@setup/packages.sh

# Docker, LXD and libvirt. The environment comes first: it knows whether virtual machines can run under KVM.
engine: environment
	@$(START_ENGINES)

# The files that are made from the code; tests fail when one is stale.
docs: setup-dev
	PYTHONPATH=scripts:tests python tests/generated.py --fix

schema: docs

# requirements.lock first: requirements-dev.in keeps to its versions.
lock: setup-dev
	for name in setup/installer requirements requirements-dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" -o $$name.lock $$name.in $(ARGS); \
	done
