"""`diff` of two observations says what changed, and what breaks clients."""

import json
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.exchanges import Answer, Exchange, Request
from contract_tests.report.builder import report_of
from contract_tests.report.writers import WRITERS
from tests.contract_tests.diff.diffing import difference, left_out, refusal, shown
from tests.contract_tests.exchanging import BODY, answer, new_run

ANSWERED = answer({"id": "a", "results": [], "meta": {}})
REFUSED = answer({"code": 20015, "message": "no", "data": None}, 400)
ELSEWHERE = answer("a", 302)
SWITCH = "unknown_fields"


def observed(path: Path, *answers: Answer, switch: str = SWITCH) -> Path:
    """Write what is observed of a target that gives these answers to the probe of a switch."""
    run, _ = new_run()
    for each in answers:
        run.probes.answered(switch, Exchange(Request(BODY), each))
    path.write_text(WRITERS["behaviour-json"].write(report_of(run)), "utf-8")
    return path


@pytest.mark.parametrize(
    ("answers", "change", "code"),
    [
        (((ANSWERED,), (REFUSED,)), "ignore -> refuse (breaks clients)", 1),
        (((REFUSED,), (ANSWERED,)), "refuse -> ignore (visible)", 0),
        (((ANSWERED,), (ANSWERED, REFUSED)), "ignore -> ignore or refuse (breaks clients)", 1),
        (((ANSWERED, REFUSED), (REFUSED,)), "ignore or refuse -> refuse (visible)", 0),
        (((ANSWERED,), (ELSEWHERE,)), "ignore -> another answer with status 302 (visible)", 0),
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
    assert capsys.readouterr().out.splitlines()[0] == f"{SWITCH}: {change}"


def test_a_feature_of_the_mock_is_harmless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (
        observed(tmp_path / name, each, switch="magic_inputs")
        for name, each in (("old", ANSWERED), ("new", answer({"code": 1, "message": "m"}, 503)))
    )
    content, code = difference(old, new, capsys)
    assert [(change["place"], change["effect"]) for change in content["changes"]] == [
        ("magic_inputs", "harmless")
    ]
    assert code == 0


def test_what_is_seen_again_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = observed(tmp_path / "old", ANSWERED), observed(tmp_path / "new", ANSWERED, ANSWERED)
    assert main(["diff", str(old), str(new)]) == 0
    assert capsys.readouterr().out == "no difference in 1 switch\n"


def test_answers_of_no_known_kind_are_alike_if_their_status_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = answer("b", 302)
    old, new = observed(tmp_path / "old", ELSEWHERE), observed(tmp_path / "new", other)
    content, code = difference(old, new, capsys)
    assert (content["changes"], content["compared"], code) == ([], 1, 0)


@pytest.mark.parametrize("answers", [((), (REFUSED,)), ((ANSWERED,), ())])
def test_what_was_seen_once_only_is_no_change(
    answers: tuple[tuple[Answer, ...], tuple[Answer, ...]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = (observed(tmp_path / name, *seen) for name, seen in zip("ab", answers, strict=True))
    content, code = difference(old, new, capsys)
    assert (content["changes"], content["compared"], code) == ([], 0, 3)
    unseen = new if answers[0] else old
    assert left_out(content) == {f"not seen in {unseen}": [SWITCH]}


def test_changes_are_printed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = observed(tmp_path / "old", ANSWERED), observed(tmp_path / "new", REFUSED)
    content, code = difference(old, new, capsys)
    assert shown(content) == [(SWITCH, "ignore", "refuse", "breaks_clients")]
    assert (content["kind"], content["breaks_clients"], code) == ("observations", True, 1)


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
        ("no JSON", "ends too early"),
        ("an array", "new is a recording: compare two of a kind"),
        ("another version", "is not a file of `observe`: observed.version: 1 was expected"),
        ("a status that is text", "values[0].status: '200' is not of type 'integer'"),
    ],
)
def test_a_file_that_is_no_observation_is_refused_with_the_place(
    mistake: str, trouble: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = observed(tmp_path / "old", ANSWERED)
    assert trouble in refusal(old, with_a_mistake(tmp_path / "new", mistake), capsys)
