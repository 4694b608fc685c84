import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from tests.contract_tests.judged import ROOT, Judged, named
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import TABLES


class Collected:
    """A plugin that takes down which tests name which requirement."""

    def __init__(self) -> None:
        self.pairs: set[tuple[str, str]] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            test = f"{item.path.name}::{item.name.partition('[')[0]}"
            self.pairs |= {(name, test) for name in named(item)}


def test_every_requirement_is_listed_with_its_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    told = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert told == [[row["id"], row["level"], row["sentence"]] for row in TABLES["requirements"]]


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What is told of each requirement, by a process of its own: pytest reads tests otherwise."""
    probe = """
import json
from contract_tests.contract import load_contract
from contract_tests.command.listing import explanation
newest = load_contract()
told = {name: "\\n".join(explanation(newest, one)) for name, one in newest.requirements.items()}
print(json.dumps(told))
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    explained: dict[str, str] = json.loads(done.stdout)
    return explained


@pytest.mark.parametrize("row", TABLES["requirements"], ids=lambda row: row["id"])
def test_a_requirement_is_explained(row: dict[str, str], told: dict[str, str]) -> None:
    text = told[row["id"]]
    assert " ".join(row["sentence"].split()) in " ".join(text.split())
    assert f"level   {row['level']}: " in text
    assert text.count("  schema  schemas/revisions/2026-07/") == len(row["applies_to"])


def test_one_requirement_is_explained_by_the_command() -> None:
    command = Path(sys.executable).with_name("rerank-contract")
    done = subprocess.run(
        [command, "list", "--explain", "request.top_n.count"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    assert "test    test_top_n.py::test_exactly_top_n_results_come_back" in done.stdout


def test_a_requirement_that_is_not_known_is_a_clear_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list", "--explain", "request.topn.count"])
    assert caught.value.code == 2
    assert "did you mean request.top_n.count?" in capsys.readouterr().err


def test_the_tests_that_are_told_are_those_that_pytest_collects(
    judged: Callable[..., Judged], told: dict[str, str]
) -> None:
    collected = Collected()
    judged("--collect-only", "--effort=thorough", plugins=[collected])
    pairs = {
        (name, line.split()[1])
        for name, text in told.items()
        for line in text.splitlines()
        if line.startswith("  test ")
    }
    assert pairs == collected.pairs


def test_a_requirement_names_the_switches_that_decide_it_and_they_name_it(
    told: dict[str, str],
) -> None:
    linked = {
        (name, switch.name)
        for name, text in told.items()
        for switch in NEWEST.switches.values()
        if f"  switch  {switch.name}: {switch.question}" in text
    }
    assert linked == {
        (name, switch.name) for switch in NEWEST.switches.values() for name in switch.requirements
    }
    for name, switch in linked:
        for value in NEWEST.switches[switch].values:
            assert f"          {value.value}: {value.meaning}" in told[name]
