from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.contract_tests.judged import Judged, judge_here

KEY = "sk-of-these-tests"


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Judged]:
    """Run the judge in this process, with a key for targets that need one."""
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    return partial(judge_here, tmp_path)
