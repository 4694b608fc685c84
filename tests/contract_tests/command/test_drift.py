"""`diff` of two observations says what changed, and what breaks clients."""

import json
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.exchanges import Answer, Exchange, Request
from contract_tests.report.builder import report_of
from contract_tests.report.writers import WRITERS
from tests.contract_tests.exchanging import BODY, answer, new_run

ANSWERED = answer({"id": "a", "results": [], "meta": {}})
REFUSED = answer({"code": 20015, "message": "no", "data": None}, 400)
ELSEWHERE = answer("a", 302)
SWITCH = "unknown_fields"


def observed(path: Path, *answers: Answer) -> Path:
    """Write what is observed of a target that gives these answers to an unknown field."""
    run, _ = new_run()
    for each in answers:
        run.probes.answered(SWITCH, Exchange(Request(BODY), each))
    path.write_text(WRITERS["behaviour-json"].write(report_of(run)), "utf-8")
    return path


@pytest.mark.parametrize(
    ("answers", "change", "code"),
    [
        (((ANSWERED,), (REFUSED,)), "ignore -> refuse (breaks clients)", 1),
        (((REFUSED,), (ANSWERED,)), "refuse -> ignore (clients may see it)", 0),
        (((ANSWERED,), (ANSWERED, REFUSED)), "ignore -> ignore or refuse (breaks clients)", 1),
        (((ANSWERED, REFUSED), (REFUSED,)), "ignore or refuse -> refuse (clients may see it)", 0),
        (((), (REFUSED,)), "not seen -> refuse", 0),
        (((ANSWERED,), ()), "ignore -> not seen", 0),
        (((ANSWERED,), (ELSEWHERE,)), 'ignore -> status 302, "a" (clients may see it)', 0),
    ],
)
def test_what_was_answered_and_is_refused_now_breaks_clients(
    answers: tuple[tuple[Answer, ...], tuple[Answer, ...]],
    change: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, after = answers
    old, new = observed(tmp_path / "old", *before), observed(tmp_path / "new", *after)
    assert main(["diff", str(old), str(new)]) == code
    assert capsys.readouterr().out == f"{SWITCH}: {change}\n"


def test_what_is_seen_again_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = observed(tmp_path / "old", ANSWERED), observed(tmp_path / "new", ANSWERED, ANSWERED)
    assert main(["diff", str(old), str(new)]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_changes_are_printed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = observed(tmp_path / "old", ANSWERED), observed(tmp_path / "new", REFUSED)
    assert main(["diff", "--json", str(old), str(new)]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"switch": SWITCH, "old": "ignore", "new": "refuse", "breaks_clients": True}
    ]


def with_a_mistake(path: Path, mistake: str) -> str:
    content = json.loads(observed(path, ANSWERED).read_bytes())
    if mistake == "another version":
        content["observed"]["version"] = 2
    elif mistake == "a status that is text":
        content["observed"]["switches"][SWITCH]["values"][0]["status"] = "200"
    whole = {"no JSON": "{", "an array": json.dumps([content])}
    path.write_text(whole.get(mistake, json.dumps(content)), "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("mistake", "trouble"),
    [
        ("no JSON", "is not JSON in UTF-8"),
        ("an array", "is no file of `observe`"),
        ("another version", "is no file of `observe`: observed.version: 1 was expected"),
        ("a status that is text", "values[0].status: '200' is not of type 'integer'"),
    ],
)
def test_a_file_that_is_no_observation_is_refused_with_the_place(
    mistake: str, trouble: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = observed(tmp_path / "old", ANSWERED)
    with pytest.raises(SystemExit) as ended:
        main(["diff", str(old), with_a_mistake(tmp_path / "new", mistake)])
    assert ended.value.code == 2
    assert trouble in capsys.readouterr().err
