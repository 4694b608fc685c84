import contextlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request
from contract_tests.judging.connection import InconclusiveError
from contract_tests.judging.judge import Judge, ViolatedError
from contract_tests.judging.outcomes import Outcome
from contract_tests.judging.properties import examine_fault, examine_gate
from contract_tests.judging.run import Run
from contract_tests.strategies import Fault
from tests.contract_tests.exchanging import (
    ANSWER,
    BGE,
    BODY,
    Scripted,
    answer,
    honest,
    in_turn,
    new_run,
    refusing,
    spoilt,
)
from tests.contract_tests.newest import MODELS, NEWEST, STRATEGIES

MODEL = MODELS[BGE]
NUMBERS = st.integers(0, 1000)


def judge(
    target: Scripted, *requirements: str, run: Run | None = None, test: str = "a test"
) -> Judge:
    return Judge(run or new_run()[0], target, test, frozenset(requirements))


def asking(number: int) -> AnyJson:
    return {**BODY, "query": f"query {number}"}


def number_in(body: AnyJson) -> int:
    return int(body["query"].split()[-1])


def without_id(_: Request, conforming: Answer) -> Answer:
    return answer({"results": conforming.json["results"]}, headers=conforming.headers)


def test_a_target_that_conforms_passes() -> None:
    one = judge(honest(), "endpoint.rerank")
    one.examine(STRATEGIES.valid(MODEL), lambda body: one.ranks("endpoint.rerank", body))
    assert one.run.ledger.outcome("endpoint.rerank") is Outcome.PASSED
    assert one.run.ledger.outcome("response.results.sorted") is Outcome.PASSED


def test_a_counterexample_is_made_as_small_as_it_goes() -> None:
    target = refusing(lambda body: number_in(body) >= 7)
    one = judge(target, "endpoint.rerank", run=new_run(examples=100, shrinking=100)[0])
    with pytest.raises(ViolatedError) as caught:
        one.examine(NUMBERS, lambda number: one.accepts("endpoint.rerank", asking(number)))
    (violation,) = caught.value.violations
    assert str(caught.value) == "endpoint.rerank"
    assert violation.requirement == "endpoint.rerank"
    assert number_in(violation.exchanges[-1].request.body) == 7
    assert one.run.ledger.worst("endpoint.rerank") == [violation]


@pytest.mark.parametrize("shrinking", [1, 5, 20])
def test_shrinking_costs_no_more_than_it_may(shrinking: int) -> None:
    target = refusing(lambda body: number_in(body) >= 7)
    one = judge(target, "endpoint.rerank", run=new_run(examples=100, shrinking=shrinking)[0])
    with pytest.raises(ViolatedError):
        one.examine(NUMBERS, lambda number: one.accepts("endpoint.rerank", asking(number)))
    first_broken = one.run.ledger.first_broken["endpoint.rerank"]
    # What is told at last is tried once more.
    assert one.run.connection.budget.spent - first_broken <= shrinking + 1


def test_a_failure_leaves_what_the_tests_to_come_are_planned_to_send() -> None:
    target = refusing(lambda body: number_in(body) >= 7)
    run = new_run(examples=100, shrinking=100)[0]
    run.connection.budget.planned["a test to come"] = run.connection.budget.limit
    one = judge(target, "endpoint.rerank", run=run)
    with pytest.raises(ViolatedError):
        one.examine(NUMBERS, lambda number: one.accepts("endpoint.rerank", asking(number)))
    assert run.connection.budget.spent == run.ledger.first_broken["endpoint.rerank"]


def test_what_is_asked_again_while_shrinking_is_not_sent_again() -> None:
    target = refusing(lambda body: number_in(body) >= 7)
    one = judge(target, "endpoint.rerank", run=new_run(examples=100, shrinking=1000)[0])
    with pytest.raises(ViolatedError):
        one.examine(NUMBERS, lambda number: one.accepts("endpoint.rerank", asking(number)))
    queries = [body["query"] for body in target.bodies]
    # The one that is told is tried once more.
    assert len(queries) == len(set(queries)) + 1


def test_a_breach_that_does_not_show_again_is_told_as_such() -> None:
    target = in_turn(answer("no", 400), *(answer({**ANSWER, "id": f"id {n}"}) for n in range(9)))
    one = judge(target, "endpoint.rerank")
    with pytest.raises(ViolatedError):
        one.examine_once(lambda: one.accepts("endpoint.rerank", BODY))
    reason = one.run.ledger.reason("endpoint.rerank")
    assert reason == "the breach did not show again"


def sequence(seed: int, test: str = "a test") -> list[AnyJson]:
    target = honest()
    one = judge(target, run=new_run(seed=seed)[0], test=test)
    one.examine(STRATEGIES.valid(MODEL), lambda body: one.ranks("endpoint.rerank", body))
    examine_gate(one, MODELS["Qwen/Qwen3-Reranker-8B"], "overlap_tokens")
    return target.bodies


def test_the_same_seed_sends_the_same_requests() -> None:
    assert sequence(7) == sequence(7)


def test_another_seed_or_test_sends_others() -> None:
    assert sequence(7) != sequence(8)
    assert sequence(7) != sequence(7, test="another test")


def test_what_another_test_has_found_is_told_once() -> None:
    run, _ = new_run()
    target = spoilt(without_id)
    first = judge(target, "endpoint.rerank", run=run, test="first")
    with pytest.raises(ViolatedError, match=r"response\.id\.required"):
        first.examine_once(lambda: first.accepts("endpoint.rerank", BODY))
    second = judge(target, "endpoint.rerank", run=run, test="second")
    second.examine_once(lambda: second.accepts("endpoint.rerank", BODY))
    named = judge(target, "response.id.required", run=run, test="third")
    with pytest.raises(ViolatedError, match=r"response\.id\.required"):
        named.examine_once(lambda: named.accepts("endpoint.rerank", BODY))
    assert set(run.ledger.violations["response.id.required"]) == {"first", "second", "third"}


def test_every_violation_reaches_the_ledger() -> None:
    body: AnyJson = {"id": 7, "results": [{"index": 9, "relevance_score": "1"}], "meta": []}
    one = judge(in_turn(answer(body, headers={})), "endpoint.rerank")
    with pytest.raises(ViolatedError):
        one.examine_once(lambda: one.accepts("endpoint.rerank", BODY))
    failed = {
        name for name in one.run.ledger.violations if one.run.ledger.outcome(name) is Outcome.FAILED
    }
    assert failed == {
        "response.id.type",
        "response.results.relevance_score.type",
        "response.meta.type",
        "response.header.trace_id",
    }


def test_a_difference_fails_nothing_unless_it_is_meant_to() -> None:
    run, _ = new_run()
    target = spoilt(
        lambda _, conforming: replace(
            conforming, headers={**conforming.headers, "content-type": "text/plain"}
        )
    )
    one = judge(target, "endpoint.rerank", run=run)
    one.examine_once(lambda: one.accepts("endpoint.rerank", BODY))
    assert run.ledger.outcome("response.header.content_type") is Outcome.DIFFERS
    run.ledger.strict = True
    with pytest.raises(ViolatedError, match=r"response\.header\.content_type"):
        one.examine_once(lambda: one.accepts("endpoint.rerank", BODY))


def test_a_test_that_tried_nothing_is_inconclusive_and_says_what_it_needs() -> None:
    run, _ = new_run()
    target = refusing(lambda _: True)
    first = judge(target, "endpoint.rerank", run=run, test="first")
    with pytest.raises(ViolatedError):
        first.examine_once(lambda: first.ranks("endpoint.rerank", BODY))
    one = judge(target, "response.results.sorted", run=run)
    with pytest.raises(InconclusiveError, match=r"it needs an answer .* breaks endpoint\.rerank"):
        one.examine_once(lambda: one.ranks("endpoint.rerank", BODY))


def test_what_ends_the_run_ends_the_test() -> None:
    target = honest()
    one = judge(target, "endpoint.rerank", run=new_run(limit=3)[0])
    with pytest.raises(InconclusiveError, match="the budget of 3 requests is spent"):
        one.examine(NUMBERS, lambda number: one.accepts("endpoint.rerank", asking(number)))
    assert len(target.asked) == 3


def test_a_breach_is_told_though_the_budget_ends_while_shrinking() -> None:
    target = refusing(lambda body: number_in(body) >= 1)
    one = judge(target, "endpoint.rerank", run=new_run(limit=4, examples=100)[0])
    with pytest.raises(ViolatedError):
        one.examine(NUMBERS, lambda number: one.accepts("endpoint.rerank", asking(number)))
    assert len(target.asked) == 4


def test_a_fault_of_the_suite_is_not_a_violation() -> None:
    one = judge(honest(), "endpoint.rerank")
    with pytest.raises(ZeroDivisionError):
        one.examine_once(lambda: 1 / 0)


@pytest.mark.parametrize("fault", STRATEGIES.faults(MODEL), ids=str)
def test_a_fault_that_is_refused_passes_and_one_that_is_not_fails(fault: Fault) -> None:
    one = judge(honest(), fault.requirement)
    examine_fault(one, MODEL, fault)
    assert one.run.ledger.outcome(fault.requirement) is Outcome.PASSED
    careless = Scripted(lambda _: answer())
    other = judge(careless, fault.requirement)
    with pytest.raises(ViolatedError, match=fault.requirement):
        examine_fault(other, MODEL, fault)


def test_a_fault_that_is_refused_otherwise_differs() -> None:
    fault = STRATEGIES.faults(MODEL)[0]
    one = judge(in_turn(answer("no", 422)), fault.requirement)
    examine_fault(one, MODEL, fault)
    assert one.run.ledger.outcome(fault.requirement) is Outcome.PASSED
    assert one.run.ledger.outcome("error.status.bad_request") is Outcome.DIFFERS


@pytest.mark.parametrize("status", [500, 501])
def test_a_failure_of_the_target_is_no_refusal(status: int) -> None:
    one = judge(in_turn(answer("boom", status)), "authorization.required")
    with pytest.raises(ViolatedError, match=r"error\.status\.listed"):
        one.examine_once(lambda: one.refuses("authorization.required", Request(BODY)))
    assert one.run.ledger.outcome("authorization.required") is Outcome.INCONCLUSIVE
    reason = one.run.ledger.reason("authorization.required")
    assert reason == f'it needs an answer other than status {status}, "boom"'


GATE = "request.instruction.gated"


@pytest.mark.parametrize(
    "failure", [answer("boom", 500), Answer(0, {}, b"", cut="ReadError: cut")], ids=["500", "lost"]
)
def test_a_gated_field_that_the_target_fails_on_is_neither_ignored_nor_refused(
    failure: Answer,
) -> None:
    one = judge(
        spoilt(lambda request, answer: failure if "instruction" in request.body else answer), GATE
    )
    with contextlib.suppress(ViolatedError, InconclusiveError):
        examine_gate(one, MODEL, "instruction")
    assert GATE not in one.run.ledger.violations
    assert one.run.ledger.outcome(GATE) is Outcome.INCONCLUSIVE
    assert one.run.ledger.hindered[GATE].answer == failure


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (honest(), "ignore: It is ignored."),
        (refusing(lambda body: "instruction" in body), "refuse: The request is refused."),
    ],
)
def test_a_gated_field_may_be_ignored_or_refused(reply: Scripted, found: str) -> None:
    one = judge(reply, GATE)
    examine_gate(one, MODEL, "instruction")
    assert one.run.ledger.observed[GATE] == {found}
    assert one.run.ledger.outcome(GATE) is Outcome.PASSED


def obeying(request: Request, conforming: Answer) -> Answer:
    if "instruction" not in request.body or conforming.status != 200:
        return conforming
    results = [
        {**result, "relevance_score": result["relevance_score"] / 2}
        for result in conforming.json["results"]
    ]
    return answer({**conforming.json, "results": results}, headers=conforming.headers)


def test_a_gated_field_may_not_be_obeyed() -> None:
    one = judge(spoilt(obeying), GATE)
    with pytest.raises(ViolatedError, match=GATE) as caught:
        examine_gate(one, MODEL, "instruction")
    (violation,) = caught.value.violations
    assert len(violation.exchanges) == 2


@pytest.mark.parametrize("name", ["id", "trace"])
def test_an_id_that_comes_again_is_found_with_both_exchanges(name: str) -> None:
    count = itertools.count()

    def reply(_: Request) -> Answer:
        number = next(count)
        trace = "ti_1" * 1000 if name == "trace" else f"ti_{number}"
        body = {**ANSWER, "id": "id_1" * 1000 if name == "id" else f"id_{number}"}
        return answer(body, headers={"x-siliconcloud-trace-id": trace})

    requirement = {"id": "response.id.unique", "trace": "response.header.trace_id.unique"}[name]
    one = judge(Scripted(reply), requirement)
    with pytest.raises(ViolatedError) as caught:
        one.examine_once(lambda: [one.accepts("endpoint.rerank", BODY) for _ in range(2)])
    (violation,) = caught.value.violations
    assert violation.requirement == requirement
    assert violation.received.endswith("… (4000 characters) again")
    earlier, later = violation.exchanges
    assert earlier.number == 1 < later.number


def test_a_reference_is_asked_for_once() -> None:
    target = honest()
    one = judge(target, "endpoint.rerank")
    for _ in range(2):
        one.examine_once(lambda: one.reference(BODY))
    assert len(target.asked) == 1
    assert one.run.ledger.outcome("response.id.unique") is Outcome.PASSED


@pytest.mark.parametrize(
    "results",
    [
        [],
        [{"index": 3, "relevance_score": 1}],
        [{"index": -1, "relevance_score": 1}],
        [{"index": "0", "relevance_score": 1}],
    ],
)
def test_a_ranking_that_cannot_be_compared_ends_the_example(results: list[AnyJson]) -> None:
    run, _ = new_run()
    target = in_turn(*(answer({**ANSWER, "id": f"id {n}", "results": results}) for n in range(9)))
    one = judge(target, "endpoint.rerank", run=run)
    after: list[str] = []

    def prove() -> None:
        one.reference(BODY)
        one.ranks("endpoint.rerank", BODY)
        after.append("a ranking came back")

    with contextlib.suppress(ViolatedError):
        one.examine_once(prove)
    assert not run.ledger.violations["endpoint.rerank"]
    run.served.needs(target, MODEL)
    with pytest.raises(InconclusiveError):
        judge(target, "response.results.own", run=run).examine_once(
            lambda: one.reference(STRATEGIES.plainest(MODEL))
        )
    assert after == []


def test_requests_can_be_sent_at_the_same_time() -> None:
    target = honest()
    one = judge(target)
    answered = one.send_together([Request(asking(number)) for number in range(3)])
    assert [exchange.request.body for exchange in answered] == [asking(n) for n in range(3)]
    assert sorted(map(str, target.bodies)) == [str(asking(number)) for number in range(3)]


def test_of_an_unlisted_model_what_every_model_has_is_judged() -> None:
    one = judge(honest(), "endpoint.rerank")
    one.examine(
        STRATEGIES.valid(NEWEST.model_named("someone/else")),
        lambda body: one.ranks("endpoint.rerank", body),
    )
    assert one.run.ledger.outcome("endpoint.rerank") is Outcome.PASSED


def test_nothing_is_held_against_the_refusal_of_a_probe() -> None:
    asked = judge(in_turn(answer(b"<html>", 405, {})))
    asked.examine_once(lambda: asked.probe(Request(BODY)))
    assert asked.run.ledger.violations == {}


def test_the_key_in_the_refusal_of_a_probe_is_noticed() -> None:
    asked = judge(in_turn(replace(answer(b"no", 405, {}), repeats_key=True)))
    asked.examine_once(lambda: asked.probe(Request(BODY)))
    assert asked.run.ledger.violations.keys() == {"error.key_hidden"}


def test_a_valid_request_that_may_be_refused_may_not_end_in_a_failure() -> None:
    refused = judge(in_turn(answer(b"<html>", 413, {})))
    refused.examine_once(lambda: refused.tries(Request(BODY)))
    assert refused.run.ledger.violations == {}
    failed = judge(in_turn(answer({"message": "no"}, 500)))
    with pytest.raises(ViolatedError):
        failed.examine_once(lambda: failed.tries(Request(BODY)))


def test_an_answer_to_a_probe_is_held_against_everything() -> None:
    asked = judge(spoilt(without_id))
    with pytest.raises(ViolatedError, match=r"response\.id\.required"):
        asked.examine_once(lambda: asked.probe(Request(BODY)))


def without_trace_id(_: Request, conforming: Answer) -> Answer:
    return replace(conforming, headers={"content-type": "application/json"})


def test_what_could_not_be_tried_names_what_was_missing_in_its_answers() -> None:
    target, requirement = spoilt(without_trace_id), "response.header.trace_id.unique"
    first = judge(target, requirement)
    with contextlib.suppress(ViolatedError):
        first.examine_once(lambda: first.accepts("endpoint.rerank", BODY))
    second = judge(target, requirement, run=first.run, test="another")
    with pytest.raises(
        InconclusiveError, match=r"^it needs answers that keep response\.header\.trace_id$"
    ):
        second.examine_once(lambda: second.accepts("endpoint.rerank", BODY))
