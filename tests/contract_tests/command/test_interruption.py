"""Ctrl-C, as the exception that it raises: the run ends with its verdict and its reports."""

import contextlib
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from contract_tests import launch
from contract_tests.__main__ import main
from contract_tests.command.interruption import (
    BEFORE,
    MEANWHILE,
    Interruption,
    raising_on_sigterm,
)
from contract_tests.exchanges import Answer, Request
from contract_tests.mutants.operators import Sender
from tests.contract_tests.exchanging import answer
from tests.contract_tests.judged import Judged

SMOKE = ("--effort=smoke", "--only=request.top_n")
ELSEWHERE = "--target=http://127.0.0.1:9/v1"


class Stops:
    """Takes why the run was stopped."""

    def __init__(self) -> None:
        self.why: object = None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.why = session.shouldstop


def at_request(number: int) -> Callable[[Sender, Request], Answer]:
    left = iter(range(number))

    def answered(send: Sender, request: Request) -> Answer:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return send(request)

    return answered


def test_a_run_that_is_interrupted_reports_what_was_judged(judged: Callable[..., Judged]) -> None:
    stops, before = Stops(), signal.getsignal(signal.SIGINT)
    run = judged(*SMOKE, instead=at_request(8), plugins=[Interruption(), stops])
    assert (run.code, run.verdict, stops.why) == (3, "inconclusive", MEANWHILE)
    assert len(run.requests) == 9
    assert run.that("passed")
    assert "the run ended before" in run.row("request.top_n.most_relevant")["reason"]
    assert signal.getsignal(signal.SIGINT) == before


def test_a_run_that_is_interrupted_after_a_failure_violates(judged: Callable[..., Judged]) -> None:
    def wrong(_: Sender, request: Request) -> Answer:
        return answered(lambda _: answer({"results": 5}), request)

    answered = at_request(5)
    run = judged(*SMOKE, instead=wrong, plugins=[Interruption()])
    assert (run.code, run.verdict) == (1, "violates")


def test_a_run_that_is_interrupted_before_its_first_test_is_reported_too(
    judged: Callable[..., Judged],
) -> None:
    stops = Stops()
    run = judged(*SMOKE, ELSEWHERE, instead=at_request(0), plugins=[Interruption(), stops])
    assert (run.code, run.verdict, stops.why) == (3, "inconclusive", BEFORE)
    assert "the run ended before" in run.row("request.top_n.minimum")["reason"]


def test_a_signal_whose_exception_is_caught_on_its_way_ends_the_run_too(
    judged: Callable[..., Judged],
) -> None:
    # Only one: of requests that are sent at once, another would come when the run has ended.
    signals = iter([signal.SIGINT])

    def answered(send: Sender, request: Request) -> Answer:
        with contextlib.suppress(KeyboardInterrupt):
            for number in signals:
                signal.raise_signal(number)
        return send(request)

    stops, before = Stops(), signal.getsignal(signal.SIGINT)
    run = judged(*SMOKE, instead=answered, plugins=[Interruption(), stops])
    assert (run.code, run.verdict, stops.why) == (3, "inconclusive", MEANWHILE)
    assert len(run.requests) < 5
    assert signal.getsignal(signal.SIGINT) == before


class Taken:
    """A lock as httpcore has them, in Python; Ctrl-C comes when it has been taken."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        self.lock.acquire()
        signal.raise_signal(signal.SIGINT)

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_a_signal_while_a_lock_is_taken_leaves_it_free() -> None:
    interruption, taken = Interruption(), Taken()
    interruption.pytest_configure()
    try:
        with pytest.raises(KeyboardInterrupt), taken:
            threading.Event().wait(60)
    finally:
        interruption.pytest_unconfigure()
    assert interruption.came
    assert not taken.lock.locked()


def test_an_error_that_the_signal_leads_to_is_no_error_of_the_suite(
    judged: Callable[..., Judged],
) -> None:
    def answered(send: Sender, request: Request) -> Answer:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise AssertionError from None
        return send(request)

    run = judged(*SMOKE, instead=answered, plugins=[Interruption()])
    assert (run.code, run.verdict) == (3, "inconclusive")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no terminals to close")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGQUIT"])
def test_what_a_terminal_sends_ends_a_run_as_sigterm_does(name: str) -> None:
    number = signal.Signals[name]
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, raising_on_sigterm():
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no terminals to close")
def test_a_run_under_nohup_goes_on() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raising_on_sigterm():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupted_selftest_ends_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setattr("contract_tests.judging.judge.Judge.examine", interrupted)
    assert main(["selftest", "--effort=smoke", "--combinations=0"]) == 3
    assert capsys.readouterr().err == "interrupted\n"


def test_a_run_that_ends_where_a_mutant_is_noticed_was_not_interrupted(
    judged: Callable[..., Judged],
) -> None:
    interruption = Interruption()
    run = judged(*SMOKE, "--mutant=accepts top_n 0", plugins=[interruption])
    assert (run.verdict, interruption.came) == ("violates", False)


@pytest.mark.parametrize("place", ["__main__.main", "audit.command.main"])
def test_an_interruption_before_there_is_a_report_is_one_word(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object = None) -> NoReturn:
        raise KeyboardInterrupt

    (tmp_path / "run.har").write_text("{}", "utf-8")
    monkeypatch.setattr(f"contract_tests.{place}", interrupted)
    monkeypatch.setattr("sys.argv", ["rerank-contract", "audit", str(tmp_path / "run.har")])
    assert launch.main() == 3
    assert capsys.readouterr().err == "interrupted\n"
