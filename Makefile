# On a fresh Debian machine with Python 3.11, make and root, two commands do all the set-up:
#   make run     executes the tour        make test    runs every test
# `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that is new enough; `make PYTHON=...` chooses another.
PYTHON ?= $(shell for python in python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then echo $$python; break; fi; done)

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest
BUILD := build

export DEBIAN_FRONTEND := noninteractive
export NO_MKDOCS_2_WARNING := 1

## Use

.PHONY: run
run: $(STAMPS)/package  ## execute the tour notebook here, cell by cell
	@$(BIN)/python -m tools.notebook notebooks/tour.ipynb --output $(BUILD)/tour.ipynb
	@echo
	@echo "To open it in JupyterLab: make lab"

.PHONY: lab
lab: $(STAMPS)/lab  ## open the tour in JupyterLab
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root --no-browser) --LabApp.default_url=/lab/tree/notebooks/tour.ipynb

## Test

.PHONY: check
check: $(STAMPS)/develop  ## style, types, the import rule, the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -q tests/test_imports.py
	$(BIN)/mkdocs build --strict --quiet --site-dir $(BUILD)/site

.PHONY: test
test: $(STAMPS)/develop $(STAMPS)/debian  ## every test; what takes long in its short form
	$(PYTEST) --durations=15 $(PYTEST_ARGS)

.PHONY: test-long
test-long: $(STAMPS)/develop $(STAMPS)/debian  ## every test at full length
	LLMSPELL_LONG=1 $(PYTEST) --durations=15 $(PYTEST_ARGS)

.PHONY: test-vscode
test-vscode: $(STAMPS)/develop $(STAMPS)/debian vsix  ## the editor's extension in a real Visual Studio Code (0.8 GB from npm)
	tools/debian.sh g++ libkrb5-dev pkg-config
	tools/code_server.sh $(BUILD)/code-server
	$(PYTEST) tests/vscode $(PYTEST_ARGS)

.PHONY: bench
bench: $(STAMPS)/develop $(STAMPS)/debian  ## the table of figures against ipykernel
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

## Write

.PHONY: vsix
vsix: $(STAMPS)/debian editors/vscode/node_modules  ## build the extension for Visual Studio Code in build/
	@mkdir -p $(BUILD)
	cd editors/vscode && npm run --silent check && npm run --silent test && npm run --silent package

editors/vscode/node_modules: editors/vscode/package-lock.json
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: docs
docs: $(STAMPS)/develop  ## write the generated reference pages and build build/site
	$(BIN)/python -m tools.reference
	$(BIN)/mkdocs build --strict --site-dir $(BUILD)/site

.PHONY: docs-serve
docs-serve: $(STAMPS)/develop  ## show the documentation while it is written
	$(BIN)/mkdocs serve

.PHONY: format
format: $(STAMPS)/develop  ## bring the Python files into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: screenshot
screenshot: $(STAMPS)/develop $(STAMPS)/debian  ## take the pictures of docs/images anew in JupyterLab
	LLMSPELL_SCREENSHOTS=1 $(PYTEST) -q tests/browser/test_tour.py tests/browser/test_debugger_pictures.py

.PHONY: clean
clean:  ## remove what was built; `make clean-all` removes .venv too
	rm -rf $(BUILD) dist site .mypy_cache .pytest_cache .ruff_cache .tox
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

.PHONY: clean-all
clean-all: clean
	rm -rf $(VENV)

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Set-up. A stamp is as old as the last time its step was done.

$(STAMPS)/venv:
	@if [ -z "$(PYTHON)" ]; then echo "no Python 3.11 or newer here: apt-get install python3" >&2; exit 1; fi
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || tools/debian.sh python3-venv
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/package: pyproject.toml $(STAMPS)/venv $(shell find kernelspec -type f)
	$(PIP) install --quiet --editable '.[all]' --group run
	$(BIN)/llmspell kernel install --all --sys-prefix
	@touch $@

$(STAMPS)/lab: $(STAMPS)/package
	$(PIP) install --quiet --group lab
	@touch $@

$(STAMPS)/develop: $(STAMPS)/package
	$(PIP) install --quiet --group test --group lint --group docs
	@touch $@

$(STAMPS)/debian: tools/debian.sh $(STAMPS)/venv
	tools/debian.sh chromium tmux lua5.4 zsh fish fonts-dejavu-core postgresql
	command -v npm > /dev/null || tools/debian.sh nodejs npm  # another Node brings its own npm
	@touch $@
