# ruff: noqa: PLC0415 - imports wait until the fixture is used
"""The fixture for pytest. This module imports nothing heavy: every test run pays for it."""

from __future__ import annotations

from functools import partial
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

    mark = request.node.get_closest_marker("rerank_oracle")
    revision = mark.kwargs.get("revision") if mark else None
    revision = revision or request.config.getini("rerank_oracle_revision") or None
    try:
        contract_of(revision)
    except RevisionError as error:
        pytest.fail(f"rerank_oracle: {error}", pytrace=False)
    return partial(assert_conforms, revision=revision)
