# What a newcomer needs: `make demo`, `make test`. `make` alone lists everything.
# Nothing is installed outside this directory: Python packages go to .venv, from a lock with hashes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 8000

.PHONY: help setup demo test check bench schema lock

help:  ## List what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

setup: $(STAMP)  ## Install into .venv (leaves .venv/bin/coop); nothing happens when it is there

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'coop needs Python 3.11 or later: make PYTHON=/path/to/python3.11 setup'; exit 1; }
	@echo 'Installing into $(VENV) (once; takes a minute or two)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--editable .
	@touch $@

demo: setup  ## Make the demo cooperative (a minute the first time) and serve it on 127.0.0.1:$(PORT)
	@$(BIN)/coop demo --port $(PORT)

test: check  ## Run every guard, then every test
	@echo 'Tests: pytest'
	@$(BIN)/python -m pytest

check: setup  ## Run the guards: style, types, rooms, SQL, schema, house rules
	@echo 'Style: ruff'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo 'Types: mypy'
	@$(BIN)/mypy
	@echo 'Rooms: import-linter'
	@$(BIN)/lint-imports --no-logo
	@echo 'SQL: sqlfluff'
	@$(BIN)/sqlfluff lint --disable-progress-bar coop migrations/sql
	@echo 'House rules, migrations against tables, schema file'
	@$(BIN)/python -m pytest tests/test_house.py tests/schema/test_schema_file.py \
		tests/database/test_catalog.py

bench: setup  ## Run the benchmarks: figures beside their floors
	@$(BIN)/python -m benchmarks

schema: setup  ## Write coop/schema/schema.graphql anew
	@$(BIN)/python -m coop.schema.print

lock: setup  ## Resolve pyproject.toml anew into requirements/*.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--no-annotate --python-version 3.11 pyproject.toml --output-file requirements/runtime.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--no-annotate --python-version 3.11 --extra dev pyproject.toml \
		--output-file requirements/dev.txt
