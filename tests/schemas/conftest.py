"""Each test that takes `revision` runs for every revision of the contract."""

from typing import cast

import pytest

from .data import REVISIONS, Revision


@pytest.fixture(params=list(REVISIONS))
def revision(request: pytest.FixtureRequest) -> Revision:
    return REVISIONS[cast("str", request.param)]
