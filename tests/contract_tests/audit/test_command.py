"""The command `rerank-contract audit`: its report, its exit code, and what it says of bad input."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from contract_tests.__main__ import main
from contract_tests.audit import command
from contract_tests.audit.recordings import read
from contract_tests.contract import AnyJson
from mockserver.admin.dispatch import dispatch
from mockserver.state.store import State
from mockserver.wire import Request
from tests.contract_tests.audit.archiving import entry, written
from tests.contract_tests.exchanging import BODY
from tests.contract_tests.judged import Judged
from tests.schemas.data import TABLE_SCHEMAS, errors

HERE = Path(__file__).parent / "recordings"
FORMS = ("json", "html", "markdown", "sarif", "junit")
RIGHT = entry()
BREACH = entry({**BODY, "top_n": 0}, {"code": 20015, "message": "no", "data": None}, 400)
MISTAKE = entry({**BODY, "top_k": 1}, number=7)
WRONG = entry({**BODY, "top_n": 1}, number=8)


class InThisProcess:
    """The mock, without a process of its own."""

    def __init__(self, revision: str | None = None) -> None:
        assert revision is None
        self._state = State()

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advise(self, requests: Sequence[AnyJson]) -> list[AnyJson]:
        body = json.dumps({"requests": requests}).encode()
        response = dispatch(self._state, Request("POST", "/__admin/advise", "", {}, body))
        assert response.status == 200, response.body
        advice: list[AnyJson] = response.json()["advice"]
        return advice


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Mock", InThisProcess)


def audit(folder: Path, *arguments: str | Path) -> tuple[int, AnyJson]:
    """Audit; return the exit code, and the report as JSON."""
    path = folder / "report.json"
    code = main(["audit", *map(str, arguments), f"--report-json={path}"])
    report = json.loads(path.read_text("utf-8"))
    assert errors(TABLE_SCHEMAS["report"], report) == []
    return code, report


@pytest.mark.parametrize(
    ("rows", "arguments", "code", "verdict"),
    [
        ([RIGHT], [], 0, "conforms"),
        ([RIGHT, MISTAKE], [], 0, "conforms"),
        ([RIGHT, MISTAKE], ["--fail-on=mistake"], 1, "violates"),
        ([RIGHT, BREACH], [], 1, "violates"),
        ([RIGHT, BREACH], ["--fail-on=nothing"], 0, "conforms"),
        ([RIGHT, WRONG], [], 1, "violates"),
        ([RIGHT, WRONG], ["--target=https://other.example/v1"], 3, "inconclusive"),
        ([RIGHT], ["--target=https://api.example/v1/"], 0, "conforms"),
        ([entry(url="https://api.example/")], [], 3, "inconclusive"),
        ([], [], 3, "inconclusive"),
    ],
)
def test_answers_and_requests_decide_the_exit_code(
    rows: list[Any], arguments: list[str], code: int, verdict: str, tmp_path: Path
) -> None:
    got, report = audit(tmp_path, written(tmp_path, *rows), *arguments)
    assert (got, report["verdict"]) == (code, verdict)


def test_advice_is_counted_with_its_first_place(tmp_path: Path) -> None:
    run = written(tmp_path, RIGHT, MISTAKE, BREACH, MISTAKE)
    _, report = audit(tmp_path, run)
    assert [
        (found["id"], found["requests"], found["place"], found["fails"])
        for found in report["audit"]["advice"]
    ] == [
        ("top_n_below_one", 1, f"{run}, entry 3", True),
        ("unknown_field", 2, f"{run}, entry 2", False),
    ]


def test_how_much_was_read_and_skipped_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [RIGHT, entry(url="https://a/"), {"time": 1}, entry(status=503)]
    one, two = written(tmp_path, *rows), written(tmp_path, name="two.har")
    _, report = audit(tmp_path, one, two)
    assert report["audit"] | {"files": [], "advice": []} == {
        "files": [],
        "entries": 4,
        "judged": 1,
        "skipped": [
            {"because": "it is not for /rerank", "entries": 1},
            {"because": "it has no method", "entries": 1},
            {"because": "the service was busy", "entries": 1},
        ],
        "incomplete": [],
        "advice": [],
    }
    told = capsys.readouterr().out
    assert "4 entries in 2 files, 1 judged\n1 not judged: it is not for /rerank\n" in told


def test_a_file_that_is_cut_is_judged_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, RIGHT, RIGHT)
    path.write_bytes(path.read_bytes()[:-100])
    code, report = audit(tmp_path, path)
    trouble = f"{path} ends too early after entry 1"
    assert (code, report["audit"]["judged"]) == (3, 1)
    assert report["audit"]["incomplete"] == [trouble]
    assert f"INCONCLUSIVE {trouble}" in capsys.readouterr().out
    path = written(tmp_path, WRONG, RIGHT)
    path.write_bytes(path.read_bytes()[:-100])
    assert audit(tmp_path, path)[0] == 1


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("mitmproxy.har", ["body_not_json"]),
        ("schemathesis.har", []),
        ("schemathesis.yaml", []),
        ("vcrpy.json", ["field_rule", "unknown_field"]),
        ("vcrpy.yaml", ["field_rule", "unknown_field"]),
    ],
)
def test_recordings_of_other_tools_are_judged(name: str, advice: list[str], tmp_path: Path) -> None:
    _, report = audit(tmp_path, HERE / name)
    assert [found["id"] for found in report["audit"]["advice"]] == advice
    outcomes = {row["outcome"] for row in report["requirements"]}
    assert outcomes == {"passed", "skipped"}


def test_every_form_of_the_report_tells_all(tmp_path: Path) -> None:
    cut = written(tmp_path, RIGHT, MISTAKE, BREACH, WRONG, RIGHT)
    cut.write_bytes(cut.read_bytes()[:-100])
    paths = [tmp_path / f"report.{form}" for form in FORMS]
    main(["audit", str(cut), *(f"--report-{path.suffix[1:]}={path}" for path in paths)])
    for path in paths:
        text = path.read_text("utf-8").replace("\\", "")
        for told in (
            *("unknown_field", "top_n_below_one", "request.top_n.count"),
            *("ends too early after entry 4", "run.har, entry 4"),
        ):
            assert told in text, path
        assert "rerank-contract audit" in text or path.suffix == ".markdown"
        assert "effort smoke" not in text


def test_a_key_is_in_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "sk-secret-of-a-recording"
    sent = {"authorization": f"Bearer {key}"}
    leak = entry({**BODY, "query": key, "top_n": 1}, sent=sent, received={"x-echo": key})
    refused = entry({**BODY, "model": key}, {"message": key}, 401, sent=sent)
    run = written(tmp_path, leak, refused, entry(url=f"https://a/v1/rerank?key={key}", status=400))
    paths = [tmp_path / f"report.{form}" for form in FORMS]
    main(["audit", str(run), *(f"--report-{path.suffix[1:]}={path}" for path in paths)])
    told = [capsys.readouterr().out, *(path.read_text("utf-8") for path in paths)]
    assert all(key not in text for text in told)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.har"], "none.har does not exist"),
        (["."], ". is a folder; name the files in it"),
        (["/dev/null"], "/dev/null is not a plain file"),
        (
            ["run.har", "--report-html=run.har"],
            "--report-html: run.har is the file of the argument run.har too",
        ),
        (["run.har", "--report-html=no/a"], "--report-html: the folder no does not exist"),
        (["run.har", "--revision=1999-01"], "--revision: "),
        (["run.har", "--fail-on=breech"], "argument --fail-on"),
        ([], "name the files to audit, or follow a mock or an archive with --follow URL|FILE"),
    ],
)
def test_a_mistake_of_the_user_is_told_in_one_line(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, RIGHT)
    with pytest.raises(SystemExit) as told:
        main(["audit", *arguments])
    assert told.value.code == 2
    assert said in capsys.readouterr().err


def test_how_far_it_has_come_is_drawn_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    audit(tmp_path, written(tmp_path, RIGHT))
    drawn = capsys.readouterr().err
    assert "100 % of run.har" in drawn
    assert drawn.endswith("\r\x1b[2K")


def test_an_interrupted_audit_tells_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: AnyJson) -> AnyJson:
        for number, recorded in enumerate(read(*given)):
            if number == 2:
                raise KeyboardInterrupt
            yield recorded

    monkeypatch.setattr(command, "read", interrupted)
    path = written(tmp_path, RIGHT, MISTAKE, WRONG)
    code, report = audit(tmp_path, path, path)
    assert (code, report["audit"]["judged"]) == (3, 2)
    assert [found["id"] for found in report["audit"]["advice"]] == ["unknown_field"]
    assert report["audit"]["incomplete"] == [
        "interrupted: the report is about what was read until then"
    ]


def test_a_report_that_cannot_be_written_breaks_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    path = tmp_path / "report.html"
    assert main(["audit", str(HERE / "vcrpy.json"), f"--report-html={path}"]) == 4
    said = f"--report-html: {path} cannot be written: No space left on device"
    assert said in capsys.readouterr().out


def test_what_the_judge_records_can_be_audited(
    judged: Callable[..., Judged], tmp_path: Path
) -> None:
    path = tmp_path / "own.har"
    judged("--effort=smoke", "--only=request.top_n", f"--har={path}")
    code, report = audit(tmp_path, path, "--fail-on=nothing")
    assert code == 0
    passed = {row["id"] for row in report["requirements"] if row["outcome"] == "passed"}
    assert {"request.top_n.minimum", "request.top_n.count"} <= passed
