"""How often a target answers only when it is asked again, and how fast."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from contract_tests.exchanges import Answer, Request
from contract_tests.judging.reliability import LOST, Reliability
from contract_tests.mutants.operators import Sender
from contract_tests.targets import UnreachableError
from tests.contract_tests.exchanging import BODY, answer, in_turn, new_run
from tests.contract_tests.judged import Judged
from tests.schemas.data import TABLE_SCHEMAS, errors

ASK = Request(BODY)
GOOD = answer()


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (answer("no", 500), "status 500"),
        (answer("no", 429), "status 429"),
        (UnreachableError("cut"), LOST),
    ],
)
def test_what_is_answered_only_when_asked_again_is_counted_once(
    first: Answer | Exception, kind: str
) -> None:
    run, _ = new_run()
    target = in_turn(GOOD, first, first if kind == "status 429" else GOOD, GOOD)
    for _ in range(2):
        run.connection.ask(target, ASK)
    told = run.connection.reliability
    assert told.answered == 2
    assert dict(told.asked_again) == {"status 500": 0, LOST: 0, kind: 1}


def test_a_failure_that_comes_after_a_busy_answer_is_asked_again_too() -> None:
    run, _ = new_run()
    target = in_turn(answer("busy", 503), answer("no", 500), answer())
    assert run.connection.ask(target, Request(BODY)).answer.status == 200


def test_latencies_are_told_as_percentiles() -> None:
    told = Reliability(latencies=[0.1 * second for second in range(100, 0, -1)])
    assert {share: round(seconds, 6) for share, seconds in told.percentiles().items()} == {
        50: 5.0,
        90: 9.0,
        99: 9.9,
        100: 10.0,
    }
    assert Reliability().percentiles() == {}


def test_the_clock_is_read_around_each_answer() -> None:
    run, _ = new_run()
    ticks = iter([10.0, 10.5, 20.0, 21.0])
    run.connection.clock = lambda: next(ticks)
    for _ in range(2):
        run.connection.ask(in_turn(GOOD), ASK)
    assert run.connection.reliability.latencies == [0.5, 1.0]


@pytest.mark.slow
def test_a_flaky_target_conforms_and_is_told_to_be_flaky(judged: Callable[..., Judged]) -> None:
    numbers = itertools.count(1)

    def flaky(send: Sender, request: Request) -> Answer:
        # Taken at once: some are sent together.
        number = next(numbers)
        original = send(request)
        # Seven in a hundred, and never twice in a row.
        return replace(original, status=500) if number % 14 == 7 else original

    run = judged("--effort=smoke", instead=flaky)
    assert (run.code, run.verdict) == (0, "conforms")
    told = run.report["reliability"]
    again = {row["because"]: row["requests"] for row in told["asked_again"]}
    sent = next(numbers) - 1
    assert again == {"status 500": sent - told["answered"], LOST: 0}
    assert again["status 500"] == len([n for n in range(1, sent + 1) if n % 14 == 7]) > 5
    assert set(told["latency_ms"]) == {"50", "90", "99", "100"}
    assert errors(TABLE_SCHEMAS["report"], run.report) == []
