# ruff: noqa: PLC0415 - imports wait until the fixture is used
"""The fixture for pytest. This module imports nothing heavy: every test run pays for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .checks.oracle import Oracle

MARKER = "rerank_oracle(revision=None): the revision of the contract that rerank_oracle asserts"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what a project may set for all its tests."""
    parser.addini(
        "rerank_oracle_revision",
        "revision of the contract that rerank_oracle asserts: a name or a folder",
        default="",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Let `pytest --pyargs rerank_contract.contract_tests` take the options of the judge.

    pytest looks for them below the paths that it is given, and does not look into packages.
    """
    known = early_config.known_args_namespace
    if known.pyargs and any(name.startswith(str(__package__)) for name in known.file_or_dir):
        known.file_or_dir.append(str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def rerank_oracle(request: pytest.FixtureRequest) -> Oracle:
    """Assert that one exchange keeps the contract: `rerank_oracle(request, response)`.

    It takes the arguments of `assert_conforms`. The marker `rerank_oracle(revision=...)` or the ini
    option `rerank_oracle_revision` names the revision of the contract.
    """
    from .checks.oracle import assert_conforms, contract_of
    from .contract import RevisionError

    where = "ini option rerank_oracle_revision"
    revision = request.config.getini("rerank_oracle_revision") or None
    mark = request.node.get_closest_marker("rerank_oracle")
    if mark:
        where = "@pytest.mark.rerank_oracle"
        if mark.args or mark.kwargs.keys() - {"revision"}:
            pytest.fail(f"{where}: takes only the keyword argument revision", pytrace=False)
        revision = mark.kwargs.get("revision", revision)
    try:
        contract_of(revision)
        problem = ""
    except RevisionError as error:
        problem = str(error)
    # Outside the except clause, so that pytest does not print the message twice.
    if problem:
        pytest.fail(f"{where}: {problem}", pytrace=False)
    return partial(assert_conforms, revision=revision)
