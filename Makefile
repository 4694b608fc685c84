PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: check test lint bench kill-table openapi constraints clean

check: $(VENV)/installed
	$(BIN)/rerank-contract check

# Coverage is started before pytest: the plugin and the conftest files import the rooms very early.
test: lint
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --quiet
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary
	$(BIN)/pyright

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

# Takes ten minutes; publishes which request each mutant falls at.
kill-table: $(VENV)/installed
	$(BIN)/rerank-contract selftest --markdown docs/kill-table.md

openapi: $(VENV)/installed
	$(BIN)/python -m tools.openapi

# Refreshes the pins from pyproject.toml; commit the result.
constraints: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.10 --upgrade --quiet \
		--generate-hashes --no-annotate --custom-compile-command "make constraints" --output-file constraints.txt

$(VENV)/installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("CPython 3.10 or newer is needed: make PYTHON=..." if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.* .hypothesis
