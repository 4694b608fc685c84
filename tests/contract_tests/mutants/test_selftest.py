import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.mutants.catalogue import MUTANTS
from contract_tests.mutants.conforming_variants import CONFORMING_VARIANTS
from contract_tests.mutants.selftest import CLEAN, Trial, idle, table, trials
from tests.contract_tests.newest import REQUIREMENTS

pytestmark = pytest.mark.slow(covered=True)


def report(broken: str | None, outcome: str, verdict: str) -> str:
    """A report in which nothing but that requirement is broken, at the third request."""
    rows = [
        {
            "id": name,
            "first_broken": 3 if name == broken else None,
            "outcome": outcome if name == broken else "passed",
        }
        for name in REQUIREMENTS
    ]
    return json.dumps({"verdict": verdict, "requests_sent": 9, "requirements": rows})


def tried(name: str, written: str) -> Trial:
    asked: list[list[str]] = []

    def check(arguments: list[str], path: Path) -> None:
        asked.append(arguments)
        path.write_text(written, "utf-8")

    (trial,) = trials(check, "smoke", 5, [name], 0)
    flag = "--mutant" if name in MUTANTS else "--freedom"
    assert asked == [["--effort=smoke", "--seed=5", f"{flag}={name}"]]
    return trial


def test_a_mutant_falls_where_its_own_requirement_is_broken() -> None:
    trial = tried("needs no key", report("authorization.required", "failed", "violates"))
    assert trial.good
    assert trial.line.startswith(
        "mutant   needs no key (authorization.required): killed at request 3"
    )


def test_a_mutant_survives_where_another_requirement_is_broken() -> None:
    trial = tried("needs no key", report("response.id.type", "failed", "violates"))
    assert not trial.good
    assert trial.line.endswith("SURVIVED")
    row = "| needs no key | `authorization.required` | **survived** |  |  |"
    assert row in list(table([trial]))


def test_a_fall_is_told_as_a_share_of_a_run_that_finds_nothing() -> None:
    clean = Trial(CLEAN, None, None, (), requests=60, seconds=8.0)
    mutant = Trial("needs no key", "authorization.required", 3, (), requests=3, seconds=2.0)
    row = "| needs no key | `authorization.required` | 3 | 5 % | 25 % |"
    assert row in list(table([clean, mutant]))
    assert "| needs no key | `authorization.required` | 3 |  |  |" in list(table([mutant]))


def test_a_requirement_by_which_no_mutant_falls_is_not_proved() -> None:
    falls = [
        Trial(name, mutant.requirement, 3, (), requests=3, seconds=1.0)
        for name, mutant in MUTANTS.items()
    ]
    assert idle(falls) == []
    survivor = replace(falls[0], killed_at=None)
    alone = [fall for fall in falls if fall.requirement != survivor.requirement]
    assert idle([*alone, survivor]) == idle(alone) == [survivor.requirement]


def test_a_freedom_that_differs_is_not_accused() -> None:
    trial = tried("no meta", report("response.meta.tokens", "differs", "conforms"))
    assert trial.good
    assert "| no meta | nothing | 9 |" in list(table([trial]))


@pytest.mark.parametrize(
    ("broken", "outcome", "verdict", "accused"),
    [
        ("response.meta.type", "failed", "violates", "response.meta.type"),
        (None, "passed", "inconclusive", "inconclusive"),
    ],
)
def test_a_freedom_is_accused_by_a_failure_and_by_a_run_without_result(
    broken: str | None, outcome: str, verdict: str, accused: str
) -> None:
    trial = tried("no meta", report(broken, outcome, verdict))
    assert not trial.good
    assert trial.line == f"freedom  no meta: WRONGLY REPORTED for {accused}"


def test_combinations_have_names_and_seeds_of_their_own() -> None:
    asked: list[list[str]] = []

    def check(arguments: list[str], path: Path) -> None:
        asked.append(arguments)
        path.write_text(report(None, "passed", "conforms"), "utf-8")

    names = [trial.name for trial in trials(check, "smoke", 5, ["none"], 3)]
    assert [arguments[1] for arguments in asked] == ["--seed=5", "--seed=6", "--seed=7"]
    assert all(set(name.split(" + ")) <= CONFORMING_VARIANTS.keys() for name in names)


def test_the_command_writes_the_table_and_says_by_its_code_whether_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fake(arguments: list[str], **_: object) -> int:
        path = next(word for word in arguments if word.startswith("--report-json="))
        broken = "authorization.required" if "--mutant=needs no key" in arguments else None
        written = report(broken, "failed", "violates" if broken else "conforms")
        Path(path.partition("=")[2]).write_text(written, "utf-8")
        return 0

    monkeypatch.setattr("contract_tests.__main__.pytest.main", fake)
    common = ["selftest", "--combinations=0", f"--markdown={tmp_path / 'table.md'}"]
    assert main([*common, "--name=needs no key", "--name=no meta"]) == 0
    assert "2 of 2 judged correctly" in capsys.readouterr().out
    assert "| needs no key |" in (tmp_path / "table.md").read_text("utf-8")
    assert main([*common, "--name=accepts every key"]) == 1


def test_the_command_fails_where_the_catalogue_proves_not_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = "request.top_n.count"

    def fake(arguments: list[str], **_: object) -> int:
        words = dict(word.split("=", 1) for word in arguments if "=" in word)
        mutant = MUTANTS.get(words.get("--mutant", ""))
        broken = mutant.requirement if mutant else None
        written = report(broken, "failed", "violates" if broken else "conforms")
        Path(words["--report-json"]).write_text(written, "utf-8")
        return 0

    monkeypatch.setattr("contract_tests.__main__.pytest.main", fake)
    everything = ["selftest", "--combinations=0", f"--markdown={tmp_path / 'table.md'}"]
    assert main(everything) == 0
    assert "not proved" not in capsys.readouterr().out
    kept = {name: one for name, one in MUTANTS.items() if one.requirement != lacking}
    monkeypatch.setattr("contract_tests.mutants.selftest.MUTANTS", kept)
    assert main(everything) == 1
    assert f"not proved, because no mutant was killed by it: {lacking}\n" in capsys.readouterr().out


def test_the_command_judges_the_judge_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("rerank-contract")
    chosen = ("--name=has no id", "--name=no meta", "--combinations=0", "--markdown=table.md")
    done = subprocess.run(
        [command, "selftest", "--effort=smoke", *chosen],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": "--no-such-option"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "2 of 2 judged correctly"
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--name=nobody", "no mutant or freedom is called nobody"),
        ("--target=host", "nor an http(s) URL"),
        ("--target=http://host/v1", "$NOBODY is not set"),
        ("--markdown=no/such/folder/table.md", "the folder no/such/folder does not exist"),
    ],
)
def test_bad_usage_is_one_clear_error(
    argument: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["selftest", "--api-key-env=NOBODY", argument])
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
