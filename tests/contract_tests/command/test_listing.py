import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.contract import load_contract
from contract_tests.report.writers import save
from tests.contract_tests.judged import ROOT, Judged, named
from tests.contract_tests.newest import NEWEST
from tests.contract_tests.report.samples import report
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


def test_the_beginning_of_ids_explains_all_below_it() -> None:
    command = str(Path(sys.executable).with_name("rerank-contract"))
    words = [command, "list", "--explain", "request.top_n"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT.parent)
    ids = [name for name in load_contract().requirements if name.startswith("request.top_n.")]
    assert [line for line in done.stdout.splitlines() if line.startswith("request.")] == ids


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


def test_each_axis_of_the_evidence_is_shown_by_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "--explain", "response.results.index.unique"]) == 0
    text = capsys.readouterr().out
    for line in (
        "page    Response, results: Sample: each has a whole number `index`",
        "clients malformed.index_twice: fail LlamaIndex, ",
        "mutant  returns a document twice: found at request ",
        "servers 18 of 18 gateways in front of a conforming server keep it",
        "servers a second server, written from the page alone, keeps it; with a fault it breaks ",
    ):
        assert f"\n  {line}" in text
    assert main(["list", "--explain", "request.top_n.count"]) == 0
    assert "keep it; broken by nginx with a cache by path\n" in capsys.readouterr().out
    assert main(["list", "--explain", "endpoint.wrong_method"]) == 0
    assert "servers" not in capsys.readouterr().out


def test_a_switch_is_explained_with_when_it_was_last_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--explain", "trailing_slash"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("trailing_slash\n  What is the answer to a request to /v1/rerank/?\n")
    assert "service recorded, last seen by 2026-07: /v1/rerank/ was answered with 307" in text
    assert "clients address.redirect: fail none; cope " in text

    seen = tmp_path / "seen.json"
    save(report(), "behaviour-json", seen)
    assert main(["list", "--explain", "invalid_key", "--observed", str(seen)]) == 0
    assert (
        "  seen    2001-09-09: string (2 answers of https://rerank.example/v1)\n"
        in capsys.readouterr().out
    )


def test_without_an_id_all_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--explain", "--revision=2024-11"]) == 0
    old = load_contract("2024-11")
    parts = capsys.readouterr().out.split("\n\n")
    assert [part.splitlines()[0] for part in parts] == [*old.requirements, *old.switches]


@pytest.mark.parametrize(
    ("options", "trouble"),
    [
        (["--observed=seen.json"], "--observed is for --explain"),
        (["--explain=usage", "--observed=none.json"], "--observed: none.json cannot be read"),
        (
            ["--explain=usages"],
            "--explain: no requirement or switch is called usages; did you mean usage?",
        ),
    ],
)
def test_wrong_options_are_refused(
    options: list[str], trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["list", *options])
    assert ended.value.code == 2
    assert trouble in capsys.readouterr().err


def test_output_that_cannot_be_written_is_one_line_and_exit_code_4(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(["list"])
    assert ended.value.code == 4
    assert capsys.readouterr().err == "the output cannot be written: No space left on device\n"
