"""What several processes have learnt is put together to what one would have learnt."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.checks.violations import Violation
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Exchange, Request
from contract_tests.judging.causes import traits
from contract_tests.judging.merging import learnt, merge
from contract_tests.judging.outcomes import Outcome
from contract_tests.judging.run import Run
from contract_tests.report import json_report
from contract_tests.report.builder import report_of
from tests.contract_tests.exchanging import ANSWER, BGE, BODY, answer, exchange, in_turn, new_run
from tests.contract_tests.newest import MODELS

TESTS = [f"test_{letter}" for letter in "abcdef"]
REQUIREMENTS = ["request.top_n.type", "response.id.format", "endpoint.wrong_method"]
SWITCH = "wrong_method"

#: Something that a test does to what its process knows; the number is that of a request.
Event = Callable[[Run, str, int], None]


def violates(requirement: str, size: int) -> Event:
    def happen(run: Run, test: str, number: int) -> None:
        found = replace(exchange(b"x" * size), number=number)
        run.ledger.record(test, Violation(requirement, "this", "that", (found,)))

    return happen


def keeps_a_reason(kind: str, requirement: str) -> Event:
    def happen(run: Run, _: str, __: int) -> None:
        getattr(run.ledger, kind).setdefault(requirement, f"it is {kind}")

    return happen


def tries(requirement: str, seen: str) -> Event:
    def happen(run: Run, _: str, __: int) -> None:
        run.ledger.tried.add(requirement)
        run.ledger.observed[requirement].add(seen)

    return happen


def answers(seconds: float, trouble: str | None) -> Event:
    def happen(run: Run, _: str, __: int) -> None:
        run.connection.reliability.answer(trouble)
        run.connection.reliability.latencies.append(seconds)

    return happen


def shows(status: int) -> Event:
    def happen(run: Run, _: str, number: int) -> None:
        run.probes.now = partial(float, number)
        run.probes.answered(SWITCH, replace(exchange(BODY, {}, status), number=number))

    return happen


def limits(documents: int) -> Event:
    def happen(run: Run, _: str, number: int) -> None:
        run.probes.now = partial(float, number)
        run.probes.tried("max_documents", documents, replace(exchange(), number=number))

    return happen


def refuses(fault: int) -> Event:
    def happen(run: Run, _: str, __: int) -> None:
        run.served.models[BGE] = None
        run.coverage.refuse(BGE, run.strategies.faults(MODELS[BGE])[fault])

    return happen


def accepts(changed: AnyJson) -> Event:
    def happen(run: Run, _: str, __: int) -> None:
        run.served.models[BGE] = None
        run.coverage.accept("request.top_n.minimum", {**BODY, **changed})
        run.ledger.accepted.update(traits(Request({**BODY, **changed})))

    return happen


def hinders(requirement: str) -> Event:
    def happen(run: Run, _: str, number: int) -> None:
        run.ledger.unmet.setdefault(requirement, "it is unmet")
        refused = exchange({**BODY, "top_n": number}, {"message": "no"}, 400)
        run.ledger.hindered.setdefault(requirement, replace(refused, number=number))

    return happen


def breaks(*, fault: bool) -> Event:
    def happen(run: Run, _: str, __: int) -> None:
        run.ledger.fault = run.ledger.fault or ("it broke" if fault else None)

    return happen


REQUIREMENT = st.sampled_from(REQUIREMENTS)
REASONS = st.sampled_from(["inconclusive", "unmet", "skipped", "unsteady", "broken"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(violates, REQUIREMENT, st.integers(1, 9)),
    st.builds(keeps_a_reason, REASONS, REQUIREMENT),
    st.builds(tries, REQUIREMENT, st.sampled_from(["one thing", "another"])),
    st.builds(answers, st.floats(0, 9), st.sampled_from([None, "status 500"])),
    st.builds(shows, st.sampled_from([404, 405, 418])),
    st.builds(limits, st.integers(1, 3)),
    st.builds(refuses, st.integers(0, 9)),
    st.builds(accepts, st.sampled_from([{"top_n": 1}, {"overlap_tokens": 0}, {"documents": "a"}])),
    st.builds(hinders, REQUIREMENT),
    st.builds(breaks, fault=st.booleans()),
)


def report(run: Run) -> str:
    run.ledger.sort(TESTS)
    return json_report.write(report_of(run))


@given(
    st.lists(st.tuples(st.sampled_from(TESTS), EVENTS), max_size=20),
    st.lists(st.integers(0, 2), min_size=len(TESTS), max_size=len(TESTS)),
)
def test_the_report_of_several_processes_is_that_of_one(
    happened: list[tuple[str, Event]], shares: list[int]
) -> None:
    one, *several = (new_run()[0] for _ in range(4))
    controller, _ = new_run()
    where = dict(zip(TESTS, shares, strict=True))
    for number, (test, event) in enumerate(happened, 1):
        for run in (one, several[where[test]]):
            run.ledger.tests[test] = frozenset(REQUIREMENTS[:1])
            event(run, test, number)
    for run in several:
        merge(controller, learnt(run))
    assert report(controller) == report(one)


def identified(run: Run, *, number: int, name: str = "the same") -> Exchange:
    """Let a process see an answer with that id, as the judge does."""
    seen = replace(exchange(BODY, {**ANSWER, "id": name}), number=number)
    run.ids["response.id.unique", name] = seen
    return seen


def test_an_id_that_two_processes_have_seen_is_not_unique() -> None:
    controller, first, second = (new_run()[0] for _ in range(3))
    first.ledger.tests["test_ids"] = frozenset(["response.id.unique"])
    earlier, later = identified(first, number=1), identified(second, number=2)
    merge(controller, learnt(first))
    merge(controller, learnt(second), same_target=False)
    assert controller.ledger.outcome("response.id.unique") is Outcome.OFF
    merge(controller, learnt(second))
    assert controller.ledger.outcome("response.id.unique") is Outcome.FAILED
    (found,) = controller.ledger.worst("response.id.unique")
    assert (found.exchanges, found.test) == ((earlier, later), "test_ids")
    assert found.received == "the same again"


def test_what_was_handed_out_to_two_processes_is_no_answer_of_two_requests() -> None:
    controller, _ = new_run()
    controller.served.needs(in_turn(answer()), MODELS[BGE])
    workers = [new_run()[0] for _ in range(2)]
    for worker in workers:
        merge(worker, learnt(controller))
        (shown,) = worker.served.shown.values()
        worker.ids["response.id.unique", str(ANSWER["id"])] = shown
    for worker in workers:
        merge(controller, learnt(worker))
    assert controller.ledger.outcome("response.id.unique") is Outcome.OFF


def test_what_is_known_of_the_models_is_not_asked_again() -> None:
    controller, worker = new_run()[0], new_run()[0]
    controller.served.needs(in_turn(answer()), MODELS[BGE])
    merge(worker, learnt(controller))
    unasked = in_turn(answer())
    assert worker.served.needs(unasked, MODELS[BGE]).ranking
    assert unasked.asked == []
    assert worker.connection.answered
    assert worker.connection.controls.keys() == {BGE}


def test_what_a_process_hands_over_has_neither_contract_nor_strategies_nor_connection() -> None:
    run, _ = new_run()
    run.served.needs(in_turn(answer()), MODELS[BGE])
    handed_over = learnt(run)
    with pytest.raises(pickle.UnpicklingError, match="persistent"):
        pickle.loads(handed_over)
    assert len(handed_over) < 5_000
