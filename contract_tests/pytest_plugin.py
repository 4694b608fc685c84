# ruff: noqa: PLC0415 - imports wait until the fixture is used
"""The fixture for pytest. This module imports nothing heavy: every test run pays for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .checks.oracle import Oracle


@pytest.fixture
def rerank_oracle() -> Oracle:
    """The judge's word on one exchange: ``rerank_oracle(request, response)`` fails the test.

    It takes what :func:`~.checks.oracle.assert_conforms` takes, and ``strict=True``.
    """
    from .checks.oracle import assert_conforms

    return assert_conforms
