# Every target sets up what it needs: a fresh machine needs only make and Python 3.11 or newer.
# `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest
NEWEST := .venv-newest
# The Python of the newest dependencies: on PATH or under pyenv, else given as NEWEST_PYTHON=...
NEWEST_PYTHON ?= $(shell .ci/python 3.13)
BENCH := .venv-bench
BIN := $(VENV)/bin
TUTORIAL := docs/tutorials/recurrent_networks.md
BUILD := docs/_build/tutorials
SITE := docs/_build/site
# Options for every pytest run, for example: make test PYTEST_OPTIONS="-k recurrent"
PYTEST_OPTIONS ?=
# make bench BENCH_OPTIONS=--write puts the table into docs/benchmarks.md, too
BENCH_OPTIONS ?=
# In the order of the files, so that none of the long ones is the last.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup test lint types types-mypy types-pyright types-stubs test-all test-oldest test-newest test-pythons test-torch dist tutorial notebook docs docs-serve golden mutate bench bench-quick lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.stamp ## install the locked dependencies and the package into .venv

# $(call install,VENV,LOCK,PYTHON): a new environment, exactly the locked files, and the package itself in place.
define install
	@$(or $(3),$(error this needs Python 3.13: install it (pyenv install 3.13) or name one by NEWEST_PYTHON=...)) -c 'import sys; sys.exit("brainlite needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	rm -rf $(1)
	$(3) -m venv $(1)
	$(1)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $(2)
	$(1)/bin/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(1)/.stamp
endef

$(VENV)/.stamp: requirements/dev.lock pyproject.toml
	$(call install,$(VENV),requirements/dev.lock,$(PYTHON))

$(OLDEST)/.stamp: requirements/oldest.lock pyproject.toml
	$(call install,$(OLDEST),requirements/oldest.lock,$(PYTHON))

$(NEWEST)/.stamp: requirements/newest.lock pyproject.toml
	$(call install,$(NEWEST),requirements/newest.lock,$(NEWEST_PYTHON))

test: lint types ## lint, types, then the tests (the slow ones left out)
	$(BIN)/python $(PYTEST) $(PYTEST_OPTIONS)

lint: $(VENV)/.stamp ## ruff's rules and layout
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# Each keeps one core busy.
types: $(VENV)/.stamp ## mypy and pyright, both strict, and the local stubs against what they describe
	$(MAKE) --no-print-directory --jobs 2 types-pyright types-mypy types-stubs

types-mypy:
	$(BIN)/mypy --strict

types-pyright:
	$(BIN)/pyright

types-stubs:
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml --ignore-missing-stub jupytext optax treescope

test-all: lint types test-oldest test-newest test-pythons test-torch ## as test, with the slow tests, the oldest and the newest dependencies, each Python, and torch
	$(BIN)/python $(PYTEST) -m "slow or not slow" --hypothesis-profile thorough $(PYTEST_OPTIONS)

test-oldest: $(OLDEST)/.stamp ## the tests against the lowest versions that pyproject.toml allows
	$(OLDEST)/bin/python $(PYTEST) $(PYTEST_OPTIONS)

test-newest: $(NEWEST)/.stamp ## the tests against the newest versions, on the Python that most people install today
	$(NEWEST)/bin/python $(PYTEST) $(PYTEST_OPTIONS)

test-pythons: $(VENV)/.stamp ## the wheel, the examples and a part of the tests on each Python that is found
	.ci/pythons

test-torch: $(BENCH)/.stamp ## the tests that compute with torch, where it is installed, what others read from stored results
	$(BENCH)/bin/python $(PYTEST) -m slow -k torch tests/nn tests/optim tests/integration tests/interop $(PYTEST_OPTIONS)
	$(BENCH)/bin/python -m pytest tests/integration/test_units.py tests/integration/test_brainpy.py $(PYTEST_OPTIONS)
	$(BENCH)/bin/python -m pytest tests/integration/test_how_to.py -k hodgkin_huxley $(PYTEST_OPTIONS)

dist: $(VENV)/.stamp ## build the wheel and the sdist into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build

tutorial: $(VENV)/.stamp ## run the recurrent-networks tutorial; print its output, write plots and HTML
	$(BIN)/python docs/run_tutorial.py $(TUTORIAL) $(BUILD)

notebook: tutorial ## run the tutorial and keep it, with its output, as the notebook beside its source
	cp $(BUILD)/recurrent_networks.ipynb $(TUTORIAL:.md=.ipynb)

docs: $(VENV)/.stamp ## build the site from the pages in docs/ and the docstrings; any warning is an error
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --builder html docs $(SITE)
	@echo "Written: $(SITE)/index.html"

docs-serve: docs ## build the site, and serve it at http://localhost:8000
	$(BIN)/python -m http.server --directory $(SITE) --bind localhost 8000

golden: $(VENV)/.stamp ## write the texts that displays are compared with anew; read the difference before committing
	BRAINLITE_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/display/test_golden.py

# A guard whose loss no test notices is none. It takes some minutes, on one core.
mutate: $(VENV)/.stamp ## take the engine's guards out, one at a time; a test must fail each time (MUTATIONS=words of their names)
	$(BIN)/python -m tests.meta.mutate $(MUTATIONS)

# torch is not in the lock: it is published in several builds of one version, with and without CUDA, and which of them pip
# finds depends on the machine, so there is no one hash to ask for. What torch needs is in the lock.
$(BENCH)/.stamp: requirements/bench.lock pyproject.toml
	$(call install,$(BENCH),requirements/bench.lock,$(PYTHON))
	rm $(BENCH)/.stamp
	$(BENCH)/bin/python -m pip install -qq --disable-pip-version-check torch==2.13.0
	@touch $(BENCH)/.stamp

bench: $(BENCH)/.stamp ## measure against plain JAX, equinox, flax, brainstate, brainpy.state, torch and snntorch; print one table
	$(BENCH)/bin/python -m benchmarks $(BENCH_OPTIONS)

bench-quick: $(BENCH)/.stamp ## the short ones of these with few pairs, in some minutes: a first look at what a change does
	$(BENCH)/bin/python -m benchmarks --quick

lock: $(VENV)/.stamp ## resolve requirements/*.in again (UPGRADE=--upgrade for the newest versions)
	for each in dev:3.11 oldest:3.11 bench:3.11 newest:3.13; do \
		$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version $${each#*:} --generate-hashes $(UPGRADE) \
			--no-emit-index-url --custom-compile-command "make lock" \
			requirements/$${each%:*}.in --output-file requirements/$${each%:*}.lock || exit 1; \
	done

clean: ## remove environments, caches and built files
	rm -rf $(VENV) $(OLDEST) $(NEWEST) $(BENCH) docs/_build dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
