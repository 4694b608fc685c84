PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: check test lint bench constraints openapi clean

check: $(VENV)/installed
	$(BIN)/rerank-contract check

test: lint
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered --cov-fail-under=95

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

openapi: $(VENV)/installed
	$(BIN)/python -m tools.openapi

# Refreshes the pins from pyproject.toml; commit the result.
constraints: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.10 --upgrade \
		--generate-hashes --no-annotate --custom-compile-command "make constraints" --output-file constraints.txt

$(VENV)/installed: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage .hypothesis
