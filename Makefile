# Every target sets up what it needs in .venv; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test conformance lint typecheck bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with the pinned requirements and the minik command

$(READY): requirements-dev.txt requirements.txt pyproject.toml
	@echo "Setting up $(VENV) (once; about a minute)…"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(READY) ## A bus line from tap to ledger on the virtual bench; ends with "books balance"
	@$(BIN)/minik demo --out build/demo

test: $(READY) ## The test suite (under five minutes on two cores)
	@$(BIN)/python -m pytest

conformance: $(READY) ## Third-party programs judge the emulators (Debian: libnfc-bin libnfc-examples libfreefare-bin)
	@$(BIN)/python -m pytest tests/conformance -n 0 -rs

lint: $(READY) ## Style, import direction and the MicroPython dialect
	@$(BIN)/ruff check .

typecheck: $(READY) ## Static types
	@$(BIN)/mypy

bench: $(READY) ## Measure every bound; writes build/bench.json
	@$(BIN)/python -m tests.measure --out build/bench.json

clean: ## Remove what was built (keeps .venv)
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
