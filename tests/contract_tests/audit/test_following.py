"""`rerank-contract audit --follow`: a journal is judged while it grows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.__main__ import main
from contract_tests.audit import command, following
from contract_tests.audit.following import DROPPED, Followed
from contract_tests.audit.recordings import RecordingError, Tally, read
from mockserver.admin.dispatch import dispatch
from mockserver.scenarios.scenario import Edit, Scenario, Step
from mockserver.state.store import State
from mockserver.wire import Request
from tests.contract_tests.audit.archiving import entry, written
from tests.contract_tests.audit.test_command import InThisProcess
from tests.mockserver.asking import ask, fields
from tests.schemas.data import TABLE_SCHEMAS, errors

URL = "http://127.0.0.1:8787/v1"


def serving(state: State, token: str | None = None) -> httpx.MockTransport:
    """Answer from a state, as a mock at a socket does."""

    def handle(asked: httpx.Request) -> httpx.Response:
        headers = dict(asked.headers)
        query = asked.url.query.decode()
        response = dispatch(state, Request("GET", asked.url.path, query, headers, b""), token)
        return httpx.Response(response.status, headers=response.headers, content=response.body)

    return httpx.MockTransport(handle)


class Turns:
    """What happens between two questions."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        self._turns = iter(turns)

    def __call__(self, seconds: float) -> None:
        assert seconds == following.PAUSE
        next(self._turns)()


def gone(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, Any]]:
    """Return what follows a state in turns: the exit code and the report."""

    def run(state: State, *turns: Callable[[], object]) -> tuple[int, Any]:
        def followed(url: str, token: str | None) -> Followed:
            return Followed(url, token, Turns(*turns), serving(state))

        monkeypatch.setattr(command, "Followed", followed)
        monkeypatch.setattr(command, "Mock", InThisProcess)
        report = tmp_path / "report.json"
        code = main(["audit", "--follow", URL, f"--report-json={report}"])
        found = json.loads(report.read_text("utf-8"))
        assert errors(TABLE_SCHEMAS["report"], found) == []
        return code, found

    return run


def test_what_comes_is_judged_until_the_user_has_enough(
    follow: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    state = State()
    ask(state, fields())
    told: list[str] = []

    def look() -> None:
        told.append(capsys.readouterr().out)

    code, report = follow(
        state,
        look,
        lambda: ask(state, fields(top_n=0)),
        look,
        lambda: ask(state, fields(top_n=0)),
        look,
        interrupt,
    )
    assert told[0] == ""
    assert told[1].startswith("FAILED top_n_below_one (exchange 2): ")
    assert told[2] == ""
    assert (code, report["verdict"]) == (1, "violates")
    assert (report["audit"]["entries"], report["audit"]["judged"]) == (3, 3)
    assert "3 entries in the journal, 3 judged" in capsys.readouterr().out


def test_an_answer_that_is_wrong_is_printed_at_once(
    follow: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    state = State()
    state.arm("account-1", Scenario("rising", (Step(answer=Edit(order="rising")),)))
    code, _ = follow(state, lambda: ask(state, fields()), interrupt)
    assert code == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("FAILED response.results.sorted (exchange 1): expected ")


def test_it_ends_with_the_mock() -> None:
    state, tally = State(), Tally()
    asked = 0

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked > 2:
            return gone(request)
        return serving(state).handle_request(request)

    followed = Followed(URL, None, lambda _: None, httpx.MockTransport(handle))
    ask(state, fields())
    assert [len(new) for new in followed.read(tally)] == [1, 0]


def test_what_the_journal_has_dropped_is_counted() -> None:
    state, tally = State(), Tally()

    def more() -> None:
        for _ in range(1001):
            ask(state, b"{")
        ask(state, fields())

    ask(state, fields())
    followed = Followed(URL, None, Turns(more), serving(state))
    new = followed.read(tally)
    rows = len(next(new)) + len(next(new))
    assert tally.skipped[DROPPED] + rows == 1003
    assert tally.skipped[DROPPED] > 0


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        (serving(State(), "secret"), "requires a token: name it with --admin-token-env"),
        (httpx.MockTransport(lambda _: httpx.Response(404)), "is not a mock: it has no journal"),
        (httpx.MockTransport(lambda _: httpx.Response(200, json=[])), "is not a mock: it has no"),
        (httpx.MockTransport(lambda _: httpx.Response(200, text="x")), "is not a mock: it has no"),
        (httpx.MockTransport(gone), "does not answer: refused"),
    ],
)
def test_what_is_no_mock_is_one_sentence(transport: httpx.MockTransport, reason: str) -> None:
    with pytest.raises(RecordingError) as refused:
        next(Followed(URL, None, lambda _: None, transport).read(Tally()))
    assert str(refused.value).startswith(f"{URL} {reason}")


def test_a_token_is_sent() -> None:
    followed = Followed(URL, "secret", lambda _: None, serving(State(), "secret"))
    assert next(followed.read(Tally())) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "name the files to audit, or follow a mock or an archive with --follow URL|FILE"),
        (
            ["--follow", "here"],
            "--follow must be the URL of a mock or an HTTP archive that exists, not here",
        ),
        (["--follow", URL, "a.har"], "name the files to audit, or follow a mock"),
        (["--follow", URL, "--admin-token-env", "NONE_1"], "--admin-token-env names is not set"),
    ],
)
def test_wrong_options_are_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_what_the_mock_answers_for_the_service_is_not_held_against_it(tmp_path: Path) -> None:
    rows = [{**entry(), "_source": source} for source in ("mock", "upstream", "recording")]
    found = [*read(written(tmp_path, *rows), Tally(), lambda _: None)]
    assert [one.unjudged for one in found] == [
        "the mock answered in place of the service",
        "",
        "",
    ]
