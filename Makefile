# One command runs, one checks everything. Needs Python 3.11+, git and make; nothing needs root or Docker.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

.PHONY: run setup test lint types bench buildpack lock clean
.DEFAULT_GOAL := help

help:
	@echo "make run    set up and run examples/weather"
	@echo "make test   set up what is missing, then lint, type-check and test"
	@echo "make bench  measure beside peers"
	@echo "make buildpack [PLATFORM=linux/arm64]  write our buildpack to dist/buildpack"
	@echo "make setup  set up .venv only"
	@echo "make lock   resolve requirements/*.txt again"

$(STAMP): requirements/dev.txt requirements/programs.txt pyproject.toml runtime/pyproject.toml builders/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "faas needs Python 3.11 or newer, this is %d.%d: make PYTHON=python3.12" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes --no-deps -r requirements/programs.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e runtime -e builders -e .
	@touch $@

setup: $(STAMP)

run: $(STAMP)
	$(BIN)/faas run examples/weather

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(STAMP)
	$(BIN)/mypy

test: lint types
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(STAMP)
	$(BIN)/python -m bench

buildpack: $(STAMP)
	$(BIN)/python -m faas_builders.cnb package dist/buildpack $(if $(PLATFORM),--platform $(PLATFORM))

UV_COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --upgrade

lock: $(STAMP)
	$(UV_COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(UV_COMPILE) requirements/programs.in -o requirements/programs.txt --no-deps
	$(UV_COMPILE) requirements/dev.in -o requirements/dev.txt \
	  --no-emit-package faas --no-emit-package faas-runtime --no-emit-package faas-builders

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/results
