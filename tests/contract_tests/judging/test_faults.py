"""What always fails for one body while others pass is a fault of the target, and not its load."""

from collections.abc import Callable

import pytest

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request, member
from contract_tests.judging.connection import BusyError, seen
from contract_tests.judging.reliability import LOST
from contract_tests.judging.run import Run
from contract_tests.mutants.operators import Sender
from contract_tests.targets import UnreachableError
from tests.contract_tests.exchanging import BGE, BODY, Scripted, answer, honest, new_run
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import MODELS
from tests.schemas.data import TABLE_SCHEMAS, errors

MODEL = MODELS[BGE]
NUL: AnyJson = {**BODY, "query": "a\0b"}


def failing(how: Callable[[int], Answer | Exception], wrong: Callable[[AnyJson], bool]) -> Scripted:
    """Make a target that fails as ``how`` says, by the number of the request, where it is wrong."""
    conforming = honest()

    def reply(request: Request) -> Answer:
        if not wrong(request.body):
            return conforming.send(request)
        one = how(len(target.asked))
        if isinstance(one, Exception):
            raise one
        return one

    target = Scripted(reply)
    return target


def has_nul(body: AnyJson) -> bool:
    return "\0" in str(body["query"])


def opened(target: Scripted) -> tuple[Run, list[float]]:
    run, slept = new_run(hard=False)
    run.served.needs(target, MODEL)
    return run, slept


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_body_that_is_always_answered_as_if_busy_has_that_answer(status: int) -> None:
    target = failing(lambda _: answer("later", status), has_nul)
    run, slept = opened(target)
    assert run.connection.ask(target, Request(NUL)).answer.status == status
    assert slept == [1, 2]
    # Once that is known, no time is lost on the next one.
    assert run.connection.ask(target, Request({**NUL, "top_n": 1})).answer.status == status
    assert slept == [1, 2]
    assert sum(run.connection.reliability.asked_again.values()) == 0


def test_a_body_that_always_costs_the_connection_has_no_answer() -> None:
    target = failing(lambda _: UnreachableError("ReadError: cut"), has_nul)
    run, _ = opened(target)
    exchange = run.connection.ask(target, Request(NUL))
    assert seen(exchange.answer) == "no answer: ReadError: cut"
    assert run.connection.halted is None
    assert run.connection.ask(target, Request(BODY)).answer.status == 200


def test_a_target_that_fails_for_every_body_is_busy() -> None:
    is_down: list[bool] = []
    target = failing(lambda _: answer("later", 503), lambda _: bool(is_down))
    run, _ = opened(target)
    is_down.append(True)
    with pytest.raises(BusyError):
        run.connection.ask(target, Request(NUL))


def test_too_many_requests_are_never_a_fault() -> None:
    target = failing(lambda _: answer("TPM limit reached", 429), has_nul)
    run, _ = opened(target)
    with pytest.raises(BusyError):
        run.connection.ask(target, Request(NUL))


@pytest.mark.parametrize("good", [1, 3, 5])
def test_a_body_that_passes_after_some_failures_has_passed(good: int) -> None:
    fails = iter([True] * good)
    target = failing(
        lambda _: answer("later", 503), lambda body: has_nul(body) and next(fails, False)
    )
    run, _ = opened(target)
    assert run.connection.ask(target, Request(NUL)).answer.status == 200
    assert run.connection.reliability.asked_again[LOST] == 0


@pytest.mark.slow
def test_what_always_costs_the_connection_fails_and_does_not_end_the_run(
    judged: Callable[..., Judged],
) -> None:
    def instead(send: Sender, request: Request) -> Answer:
        if b"overlap_tokens" in (request.content or b""):
            raise UnreachableError("ReadError: cut")
        return send(request)

    run = judged("--effort=smoke", instead=instead)
    assert run.code == 1
    about = {name for name in run.that("failed") if name.startswith("request.overlap_tokens.")}
    assert "request.overlap_tokens.supported" in about == run.that("failed")
    (violation,) = run.row("request.overlap_tokens.supported")["violations"]
    assert "overlap_tokens" in violation["curl"]
    assert violation["received"] == "no answer: ReadError: cut"
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


@pytest.mark.slow
def test_a_wrong_body_that_always_costs_the_connection_is_not_refused(
    judged: Callable[..., Judged],
) -> None:
    def instead(send: Sender, request: Request) -> Answer:
        if isinstance(member(request.body, "query"), int):
            raise UnreachableError("ReadError: cut")
        return send(request)

    run = judged("--effort=standard", f"--model={BGE}", "--only=request.query", instead=instead)
    assert run.code == 1
    assert run.that("failed") == {"error.status.listed"}
    received = {row["received"] for row in run.row("error.status.listed")["violations"]}
    assert received == {"no answer: ReadError: cut"}
