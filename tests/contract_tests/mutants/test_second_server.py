"""The judge finds the faults of the second server, and accuses none of its freedoms.

`make second-server` tries all of them, and many freedoms together; otherwise a few are tried.
"""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests import second_server
from tests.contract_tests.conftest import KEY
from tests.contract_tests.judged import Judged
from tests.second_server.faults import FAULTS
from tests.second_server.freedoms import FREEDOMS
from tests.second_server.server import Server

pytestmark = pytest.mark.slow

#: Faults that the judge does not find at `standard`, and why.
SURVIVORS: dict[str, str] = json.loads(
    Path(second_server.__file__).with_name("survivors.json").read_text(encoding="utf-8")
)
SECOND_KEY = f"{KEY}-2"
#: One of so many is tried without being asked for.
SHARE = 12
COMBINATIONS = 40


def some(names: Sequence[str]) -> list[object]:
    """All of them, most to be tried only where all are asked for."""
    return [
        pytest.param(name, marks=[pytest.mark.whole] if number % SHARE else [])
        for number, name in enumerate(names)
    ]


@pytest.fixture
def judge_server(
    judged: Callable[..., Judged], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Judged]:
    monkeypatch.setenv("SECOND_KEY", SECOND_KEY)

    def judge(*arguments: str, fault: str | None = None, freedoms: Sequence[str] = ()) -> Judged:
        with Server([KEY, SECOND_KEY], fault, freedoms) as server:
            where = (f"--target={server.base_url}", "--second-api-key-env=SECOND_KEY")
            return judged(*where, *arguments)

    return judge


@pytest.mark.parametrize("name", some(list(FAULTS)))
def test_a_fault_is_found_unless_it_is_known_to_survive(
    name: str, judge_server: Callable[..., Judged]
) -> None:
    run = judge_server("--effort=standard", "-x", fault=name)
    assert run.that("broken") == set()
    # What was only observed elsewhere is reported, and does not fail.
    on_the_page = FAULTS[name].level == "page"
    found = run.that("failed") if on_the_page else run.that("failed") | run.that("differs")
    assert bool(found) == (name not in SURVIVORS)


@pytest.mark.parametrize("name", some(list(FREEDOMS)))
def test_a_freedom_is_not_accused(name: str, judge_server: Callable[..., Judged]) -> None:
    run = judge_server("--effort=standard", freedoms=[name])
    assert (run.that("failed") | run.that("broken"), run.code) == (set(), 0)


@pytest.mark.slow(20)
@pytest.mark.parametrize("number", some([str(number) for number in range(COMBINATIONS)]))
def test_freedoms_together_are_not_accused(
    number: str, judge_server: Callable[..., Judged]
) -> None:
    freedoms = random.Random(number).sample(list(FREEDOMS), 4)
    run = judge_server("--effort=smoke", f"--seed={number}", freedoms=freedoms)
    assert (run.that("failed") | run.that("broken"), run.code) == (set(), 0), freedoms


def test_only_faults_survive() -> None:
    assert SURVIVORS.keys() <= FAULTS.keys()
    assert all(SURVIVORS.values())
