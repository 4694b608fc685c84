import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scenarios.armed import UnmetError
from mockserver.scenarios.scenario import PLACES, Drip, Edit, Scenario, ScenarioError, Step
from mockserver.scenarios.shorthand import scenario_of
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.wire import Response
from tests.mockserver.asking import (
    BGE,
    CATALOGUE,
    CONTRACT,
    HEADERS,
    MULTIMODAL,
    QWEN,
    ask,
    fields,
    read,
    rerank,
)
from tests.mockserver.bounded import work_of
from tests.schemas.data import TABLE_SCHEMAS, TABLES, errors

ACCOUNT = "account-1"
OVERLOADED = Step(error="overloaded")


def armed(*steps: Step, **rest: Any) -> State:  # noqa: ANN401 - members of a scenario
    state = State()
    state.arm(ACCOUNT, Scenario("under test", steps, **rest))
    return state


def statuses(state: State, requests: int) -> list[int]:
    return [ask(state, fields()).status for _ in range(requests)]


def played(**step: Any) -> Response:  # noqa: ANN401 - members of a step
    return ask(armed(Step(**step)), fields())


def edited(**edit: Any) -> Any:  # noqa: ANN401 - members of an edit, and an answer
    return rerank(armed(Step(answer=Edit(**edit))), return_documents=True)


def ranked(answer: Any) -> list[tuple[int, float]]:  # noqa: ANN401 - an answer
    return [(result["index"], result["relevance_score"]) for result in answer["results"]]


# The order of things


def test_steps_are_consumed_in_order() -> None:
    state = armed(Step(error="rate_limited", times=2), Step(), OVERLOADED)
    assert statuses(state, 5) == [429, 429, 200, 503, 200]


def test_a_step_without_end_takes_all_that_come() -> None:
    assert statuses(armed(Step(error="busy", times=None), Step()), 20) == [503] * 20


def test_scenarios_are_consumed_in_the_order_of_arming() -> None:
    state = armed(OVERLOADED)
    state.arm(ACCOUNT, Scenario("second", (Step(error="forbidden"),)))
    assert statuses(state, 3) == [503, 403, 200]


def test_an_account_plays_its_own_scenarios_alone() -> None:
    state = armed(Step(error="overloaded", times=None))
    headers = {**HEADERS, "authorization": f"Bearer {state.open_account()}"}
    assert ask(state, fields(), headers=headers).status == 200
    assert ask(state, fields()).status == 503


def test_the_receipts_of_all_accounts_stand_in_the_order_of_arming() -> None:
    state = State(keys=["sk-one", "sk-other"])
    receipts = [state.arm(f"account-{n}", Scenario(str(n), (OVERLOADED,))) for n in (1, 2, 1)]
    assert state.receipts() == receipts


@pytest.mark.memory
def test_armed_scenarios_of_others_cost_a_request_no_work() -> None:
    state = armed(Step(times=None))
    rerank(state)
    before = work_of(partial(rerank, state))
    other = state.account_of(state.open_account())
    assert other
    for _ in range(100):
        state.arm(other.name, Scenario("another", (OVERLOADED,)))
    assert work_of(partial(rerank, state)) < before + 100


def test_only_rerank_requests_with_a_key_consume_a_step() -> None:
    state = armed(OVERLOADED)
    assert ask(state, b"", method="GET", path="/v1/models").status == 200
    assert ask(state, fields(), headers={}).status == 401
    assert ask(state, fields(), path="/rerank").status == 404
    assert ask(state, fields()).status == 503


def test_a_disarmed_scenario_is_played_no_more() -> None:
    state = armed(Step(error="overloaded", times=None))
    (receipt,) = state.disarm(ACCOUNT)
    assert statuses(state, 1) == [200]
    assert (receipt.steps, state.receipts()) == (["never"], [])


def test_the_scenarios_of_an_account_that_is_closed_are_forgotten() -> None:
    state = armed(OVERLOADED)
    state.close_account(ACCOUNT)
    assert state.receipts() == []


def test_many_threads_consume_each_step_exactly_once() -> None:
    state = armed(Step(error="overloaded", times=50), Step(times=30), Step(error="busy", times=20))

    def code(_: int) -> object:
        return read(ask(state, fields())).get("code")

    with ThreadPoolExecutor(8) as executor:
        codes = list(executor.map(code, range(200)))
    assert (codes.count(50505), codes.count(50603), codes.count(None)) == (50, 20, 130)
    (receipt,) = state.receipts()
    assert receipt.taken == [50, 30, 20]


STEPS = st.builds(
    Step, times=st.none() | st.integers(1, 4), error=st.sampled_from([None, "busy", "forbidden"])
)
SCENARIOS = st.builds(
    Scenario, st.just("drawn"), st.lists(STEPS, min_size=1, max_size=4).map(tuple)
)


@given(st.lists(SCENARIOS, max_size=3), st.integers(0, 12))
def test_any_scenarios_are_played_as_if_written_out(scenarios: list[Scenario], count: int) -> None:
    def written_out() -> Iterator[int]:
        for scenario in scenarios:
            for step in scenario.steps:
                times = count if step.times is None else step.times
                yield from [{None: 200, "busy": 503, "forbidden": 403}[step.error]] * times

    state = State()
    receipts = [state.arm(ACCOUNT, scenario) for scenario in scenarios]
    assert statuses(state, count) == [*written_out(), *[200] * count][:count]
    finite = sum(step.times or 10**9 for scenario in scenarios for step in scenario.steps)
    assert sum(sum(receipt.taken) for receipt in receipts) == min(count, finite)


# Requests that match


@pytest.mark.parametrize(
    ("when", "others", "matching"),
    [
        ({"model": QWEN}, {"model": BGE}, {"model": QWEN}),
        ({"query": "Pear"}, {"query": "pear"}, {"query": "Pear"}),
        ({"query": "Pear"}, {"query": None}, {"query": "Pear"}),
        ({"min_documents": 2}, {"documents": ["a"]}, {"documents": ["a", "b"]}),
        ({"min_documents": 2}, {"documents": "a"}, {"documents": ["a"] * 9}),
        ({"max_documents": 2}, {"documents": ["a"] * 3}, {"documents": ["a", "b"]}),
        ({"query": "Pear", "model": QWEN}, {"query": "Pear"}, {"query": "Pear", "model": QWEN}),
    ],
)
def test_a_step_waits_for_a_request_that_matches(
    when: dict[str, Any], others: dict[str, Any], matching: dict[str, Any]
) -> None:
    state = armed(Step(when=when, error="busy"), OVERLOADED)
    for _ in range(2):
        assert ask(state, fields(**others)).status in {200, 400}
    assert [ask(state, fields(**matching)).status for _ in range(3)] == [503, 503, 200]
    (receipt,) = state.receipts()
    assert receipt.met


def test_the_query_of_an_object_is_its_text() -> None:
    state = armed(Step(when={"query": "Pear"}, error="busy"))
    assert ask(state, fields(model=MULTIMODAL, query={"text": "Pear"})).status == 503


def test_a_scenario_that_waits_leaves_requests_to_the_next() -> None:
    state = armed(Step(when={"query": "Pear"}, error="busy"))
    state.arm(ACCOUNT, Scenario("second", (Step(error="forbidden"),)))
    assert statuses(state, 2) == [403, 200]
    assert ask(state, fields(query="Pear")).status == 503


def test_what_a_step_waits_for_is_kept_in_its_json() -> None:
    step = {"when": {"query": "a", "min_documents": 2}, "error": "busy"}
    assert Step.from_json(step).to_json() == step


# A share of the requests


def test_a_share_strikes_about_so_many_and_the_same_ones_by_seed() -> None:
    def struck(seed: int) -> list[int]:
        return statuses(armed(Step(error="busy", share=0.3, times=None), seed=seed), 300)

    assert 60 <= struck(1).count(503) <= 120
    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_what_a_share_does_not_strike_is_counted_and_answered_as_usual() -> None:
    state = armed(Step(error="busy", share=0.5, times=10), OVERLOADED)
    codes = [read(ask(state, fields())).get("code") for _ in range(11)]
    (receipt,) = state.receipts()
    assert receipt.taken == [10, 1]
    assert receipt.struck == [codes.count(50603), 1]
    assert 0 < codes.count(50603) < 10
    assert codes[10] == 50505


# What a step does


@pytest.mark.parametrize("row", TABLES["errors"], ids=lambda row: row["id"])
def test_each_error_comes_with_its_status_and_body(row: dict[str, Any]) -> None:
    response = played(error=row["id"])
    message = row["message"].format(**PLACES)
    bodies = {
        "object": {"code": row["code"], "message": message, "data": None},
        "object_without_code": {"message": message, "data": None},
        "string": message,
    }
    assert response.status == row["status"]
    if row["id"] == "not_found":  # plain text, as the behaviour `observed` has it
        assert response.body.decode() == message
    else:
        assert read(response) == bodies[row["family"]]


def test_an_error_takes_what_fills_its_message_and_headers() -> None:
    response = played(error="rate_limited", places={"limit": "TPD"}, headers={"retry-after": "7"})
    assert read(response)["message"].endswith("Details:TPD limit reached.")
    assert response.headers["retry-after"] == "7"


def test_an_error_may_come_with_another_status() -> None:
    response = played(error="overloaded", status=200)
    assert (response.status, read(response)["code"]) == (200, 50505)


def test_a_body_is_sent_as_it_is() -> None:
    response = played(body="<html>", status=502, headers={"content-type": "text/html"})
    assert (response.status, response.body) == (502, b"<html>")
    assert response.headers["content-type"] == "text/html"
    assert played(body="").headers["content-type"] == "application/json"


def test_a_header_can_be_taken_away() -> None:
    assert "content-type" not in played(headers={"content-type": None}).headers


def test_every_answer_keeps_its_trace_id() -> None:
    assert "x-siliconcloud-trace-id" in played(error="overloaded").headers


def test_a_cut_body_is_a_part_of_the_whole_one() -> None:
    whole = ask(State(seed=1), fields()).body
    cut = played(cut=0.5).body
    assert len(cut) == len(whole) // 2
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(cut)


def test_a_redirect_is_played_too() -> None:
    response = played(status=307, body="", headers={"location": "/v1/rerank"})
    assert (response.status, response.headers["location"]) == (307, "/v1/rerank")


def test_a_request_that_is_answered_instead_is_not_read() -> None:
    assert ask(armed(OVERLOADED), b"{").status == 503


def test_a_refusal_of_a_bad_request_is_not_edited_but_delivered() -> None:
    state = armed(Step(answer=Edit(members={"meta": 1}), delay=2, headers={"x-seen": "1"}))
    response = ask(state, fields(query=""))
    assert (response.status, response.delivery.delay) == (400, 2)
    assert (read(response).get("meta"), response.headers["x-seen"]) == (None, "1")


# Edits


def test_scripted_scores_rank_the_documents() -> None:
    assert ranked(edited(scores=(0.1, 0.9, 0.5))) == [(1, 0.9), (2, 0.5), (0, 0.1)]


def test_scripted_scores_count_before_top_n() -> None:
    state = armed(Step(answer=Edit(scores=(0.1, 0.2, 0.999))))
    assert ranked(rerank(state, top_n=1)) == [(2, 0.999)]


def test_documents_without_a_scripted_score_keep_their_own() -> None:
    own = dict(ranked(rerank(State())))
    assert dict(ranked(edited(scores=(None, 0.25)))) == {**own, 1: 0.25}


def test_ties_stand_in_the_order_of_the_documents() -> None:
    assert ranked(edited(scores=(0.5, 0.5, 0.5))) == [(0, 0.5), (1, 0.5), (2, 0.5)]


def test_documents_can_be_left_out() -> None:
    assert [index for index, _ in ranked(edited(leave_out=(1,), scores=(3, 2, 1)))] == [0, 2]


@pytest.mark.parametrize(
    ("order", "indices"), [("falling", [2, 0, 1]), ("rising", [1, 0, 2]), ("index", [0, 1, 2])]
)
def test_results_stand_in_the_order_that_is_asked_for(order: str, indices: list[int]) -> None:
    assert [index for index, _ in ranked(edited(order=order, scores=(2, 1, 3)))] == indices


def test_members_are_added_replaced_and_taken_away() -> None:
    answer = edited(members={"object": "list", "id": 7}, without=("meta",))
    assert (answer["object"], answer["id"], "meta" in answer) == ("list", 7, False)


def test_members_of_each_result_are_added_replaced_and_taken_away() -> None:
    answer = edited(result_members={"rank": 0}, result_without=("document",))
    assert all(r["rank"] == 0 and "document" not in r for r in answer["results"])
    assert [r["document"] for r in edited(result_members={"document": None})["results"]] == [
        None
    ] * 3


# Receipts


def test_a_receipt_shows_which_steps_were_reached() -> None:
    state = armed(OVERLOADED, Step(times=2), Step(error="busy"))
    (receipt,) = state.receipts(ACCOUNT)
    assert receipt.steps == ["never", "never", "never"]
    statuses(state, 2)
    assert (receipt.steps, receipt.met) == (["fully", "partly", "never"], False)
    statuses(state, 2)
    assert (receipt.steps, receipt.met) == (["fully", "fully", "fully"], True)
    receipt.assert_met()


def test_a_step_without_end_is_met_by_one_request() -> None:
    state = armed(Step(error="busy", times=None))
    (receipt,) = state.receipts()
    assert receipt.steps == ["never"]
    statuses(state, 1)
    assert receipt.steps == ["fully"]


def test_assert_met_lists_the_steps_that_are_left() -> None:
    state = armed(OVERLOADED, Step(error="busy", times=2))
    statuses(state, 2)
    (receipt,) = state.receipts()
    with pytest.raises(UnmetError) as caught:
        receipt.assert_met()
    assert str(caught.value) == (
        "scenario 'under test' of account-1 is not complete:\n"
        '  step 2 {"times":2,"error":"busy"}: partly reached, by 1 of 2 requests'
    )


def test_receipts_are_json_that_keeps_its_schema() -> None:
    state = armed(OVERLOADED, Step(times=None))
    statuses(state, 1)
    (receipt,) = state.receipts()
    row = json.loads(json.dumps(receipt.to_json()))
    assert errors(TABLE_SCHEMAS["receipt"], row) == []
    assert [(step["taken"], step["met"]) for step in row["steps"]] == [(1, "fully"), (0, "never")]


def test_a_rollback_brings_scenarios_back_to_where_they_stood() -> None:
    state = armed(OVERLOADED, Step(error="busy", times=2))
    statuses(state, 2)
    snapshot = json.loads(json.dumps(state.snapshot()))
    (receipt,) = state.receipts()
    later = state.arm(ACCOUNT, Scenario("later", (OVERLOADED,)))
    before = receipt.to_json()
    statuses(state, 2)
    state.rollback(snapshot)
    assert receipt.to_json() == before
    assert later not in state.receipts()
    assert [read(ask(state, fields())).get("code") for _ in range(2)] == [50603, None]
    elsewhere = State(keys=[DEFAULT_KEY])
    elsewhere.rollback(snapshot)
    assert [receipt.to_json() for receipt in elsewhere.receipts()] == [before]


# As data


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
MEMBERS = st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=2)
NAMES = st.lists(st.text(max_size=3), max_size=2).map(tuple)
EDITS = st.builds(
    Edit,
    scores=st.lists(st.none() | st.floats(-5, 5), max_size=3).map(tuple),
    leave_out=st.lists(st.integers(0, 3), max_size=2).map(tuple),
    order=st.sampled_from(["falling", "rising", "index"]),
    members=MEMBERS,
    without=NAMES,
    result_members=MEMBERS,
    result_without=NAMES,
)
ANY_STEP = st.builds(
    Step,
    times=st.none() | st.integers(1, 9),
    share=st.floats(0.1, 1),
    answer=EDITS,
    status=st.none() | st.integers(200, 203) | st.integers(400, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after", "x-a"]), st.none() | st.just("1")),
    cut=st.none() | st.floats(0, 0.9),
    delay=st.floats(0, 100),
    drip=st.none() | st.builds(Drip, st.integers(1, 5), st.floats(0, 5)),
    close=st.sampled_from([None, "refused", "before_answer", "reset", "in_body"]),
)


@pytest.mark.slow
@given(st.builds(Scenario, st.text(min_size=1), st.lists(ANY_STEP, min_size=1).map(tuple)))
def test_a_scenario_is_the_same_as_data(scenario: Scenario) -> None:
    row = json.loads(json.dumps(scenario.to_json()))
    assert errors(TABLE_SCHEMAS["scenario"], row) == []
    assert Scenario.from_json(row) == scenario


def test_whole_numbers_may_be_written_as_floats() -> None:
    drip = {"pieces": 2.0, "pause": 1}
    scenario = scenario_of({"name": "x", "steps": [{"times": 2.0, "drip": drip}]})
    assert repr(scenario.steps[0].times) == "2"
    assert scenario.steps[0].drip == Drip(2, 1)


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"tims": 2}, "$.steps[0]: unknown member 'tims'; did you mean 'times'?"),
        ({"when": {"documents": 2}}, "$.steps[0].when: unknown member 'documents'"),
        ({"when": {"query": 1}}, "$.steps[0].when.query: 1 is not of type"),
        ({"times": 0}, "$.steps[0].times: 0 is less than the minimum of 1"),
        ({"share": 0}, "$.steps[0].share: 0 is less than or equal to the minimum of 0"),
        ({"error": "overload"}, "$.steps[0].error: unknown error 'overload'; did you mean"),
        ({"error": "busy", "body": ""}, "$.steps[0].body: not allowed together"),
        ({"error": "busy", "answer": {}}, "$.steps[0].answer: not allowed together"),
        ({"body": "", "answer": {}}, "$.steps[0].answer: not allowed together"),
        ({"places": {"limit": "RPM"}}, "$.steps[0]: the member 'error' is missing"),
        (
            {"error": "busy", "places": {"limit": "RPM"}},
            "$.steps[0].places: the message of busy has no placeholder 'limit'",
        ),
        ({"status": 204}, "$.steps[0].status: "),
        ({"headers": {"content-length": "1"}}, "$.steps[0].headers: "),
        ({"headers": {"Content-Length": "1"}}, "$.steps[0].headers: "),
        ({"headers": {"x": "a\r\nb"}}, "$.steps[0].headers.x: "),
        ({"cut": 1}, "$.steps[0].cut: "),
        ({"delay": -1}, "$.steps[0].delay: -1 is less than the minimum of 0"),
        ({"drip": {"pieces": 2}}, "$.steps[0].drip: the member 'pause' is missing"),
        ({"close": "later"}, "$.steps[0].close: "),
        ({"answer": {"order": "best"}}, "$.steps[0].answer.order: "),
        ({"answer": {"scores": ["1"]}}, "$.steps[0].answer.scores[0]: "),
    ],
)
def test_a_wrong_step_is_named_with_what_is_wrong(step: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario_of({"name": "wrong", "steps": [step]})
    assert str(caught.value).startswith(complaint)


WRONG: list[tuple[object, str]] = [
    (7, "expected a status from 400 to 599, or 200, got 7"),
    (302, "expected a status from 400 to 599, or 200, got 302"),
    (True, "expected a scenario, the name of a ready-made one, the id or the status of an error,"),
    (None, "expected a scenario, "),
    ([], "expected a scenario, "),
    (b"busy", "expected a scenario, "),
    ({"tims": 2}, "$.steps[0]: unknown member 'tims'; did you mean 'times'?"),
    ({"name": "x"}, "the member 'steps' is missing"),
    ([429, "overload"], "$[1]: unknown scenario 'overload'; did you mean 'overloaded'?"),
    ({"name": "x", "steps": []}, "$.steps: "),
    ("overload", "unknown scenario 'overload'; did you mean 'overloaded'?"),
]


@pytest.mark.parametrize(("named", "complaint"), WRONG)
def test_what_is_no_scenario_is_refused(named: object, complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario_of(named)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    "step",
    [
        Step(times=0),
        Step(delay=float("nan")),
        Step(answer=Edit(scores=(float("inf"),))),
        Step(body="\ud800"),
        Step(answer=Edit(members={"x": b""})),  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType] # wrong by design
    ],
)
def test_a_scenario_in_python_is_held_to_the_same(step: Step) -> None:
    with pytest.raises(ScenarioError, match=r"^\$\.steps\[0\]|cannot be written as JSON"):
        Scenario("wrong", (step,))


def test_an_error_that_the_contract_does_not_have_is_refused_when_it_is_armed() -> None:
    with pytest.raises(ScenarioError, match=r"^\$\.steps\[0\]\.error: unknown error 'none'"):
        scenario_of(Scenario("wrong", (Step(error="none"),)))


# Ready-made


def test_a_name_finds_a_ready_made_scenario_or_an_error() -> None:
    assert scenario_of("overloaded_forever") is CATALOGUE["overloaded_forever"]
    assert scenario_of("busy") == Scenario("busy", (Step(error="busy"),))
    assert not CATALOGUE.keys() & {row["id"] for row in TABLES["errors"]}


SHORT: list[tuple[object, tuple[Step, ...]]] = [
    (429, (Step(error="rate_limited"),)),
    ("429", (Step(error="rate_limited"),)),
    (401, (Step(error="key_invalid"),)),
    (503, (Step(error="overloaded"),)),
    (500, (Step(body="", status=500, headers={"content-type": None}),)),
    (Step(delay=1), (Step(delay=1),)),
    ({"delay": 1}, (Step(delay=1),)),
    ({"steps": [{"delay": 1}]}, (Step(delay=1),)),
    ([429, 429, 200], (Step(error="rate_limited"), Step(error="rate_limited"), Step())),
    (
        ["busy", Step(delay=1), Scenario("two", (Step(), Step()))],
        (Step(error="busy"), Step(delay=1), Step(), Step()),
    ),
    ({"headers": {"Retry-After": 2}}, (Step(headers={"retry-after": "2"}),)),
    ({"body": {"code": 1}}, (Step(body='{"code": 1}'),)),
]


@pytest.mark.parametrize(("given", "steps"), SHORT)
def test_a_scenario_may_be_given_in_short(given: object, steps: tuple[Step, ...]) -> None:
    assert scenario_of(given).steps == steps


@pytest.mark.parametrize("status", sorted({error.status for error in CONTRACT.errors.values()}))
def test_a_status_stands_for_an_error_that_has_it(status: int) -> None:
    (step,) = scenario_of(status).steps
    assert step.error is not None
    assert CONTRACT.errors[step.error].status == status


def test_times_is_how_often_the_only_fault_comes() -> None:
    assert scenario_of(429, times=3).steps == (Step(error="rate_limited", times=3),)
    made = scenario_of("rate_limit_then_success", times=5)
    assert made.steps == (Step(error="rate_limited", times=5), Step())


@pytest.mark.parametrize("given", [[429, 503], 200])
def test_times_is_refused_where_it_does_not_say_which_fault_it_means(given: object) -> None:
    with pytest.raises(ScenarioError, match=r"^times needs a scenario with one fault"):
        scenario_of(given, times=2)


def test_headers_and_bodies_of_a_step_are_kept_as_they_are_sent() -> None:
    body: Any = {"a": [1]}
    headers: Any = {"Retry-After": 2, "X": None}
    step = Step(headers=headers, body=body)
    assert step == Step(headers={"retry-after": "2", "x": None}, body='{"a": [1]}')


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_ready_made_scenario_is_data_that_says_why(name: str) -> None:
    scenario = CATALOGUE[name]
    assert scenario.name == name
    assert scenario.why.endswith((".", "?"))
    assert errors(TABLE_SCHEMAS["scenario"], json.loads(json.dumps(scenario.to_json()))) == []


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_ready_made_scenario_shows_in_the_answers(name: str) -> None:
    def seen(state: State) -> list[object]:
        documents = ["banana", "an apple", *map(str, range(24))]
        body = fields(documents=documents, return_documents=True)
        answers = [ask(state, body) for _ in range(10)]
        bodies = [re.sub(rb"[0-9a-f]{32}", b"an id", answer.body) for answer in answers]
        heads = [(a.status, a.delivery, a.headers.get("content-type")) for a in answers]
        return [*heads, *bodies]

    state = State(seed=1)
    state.arm(ACCOUNT, CATALOGUE[name])
    assert seen(state) != seen(State(seed=1))


def ready_made_in_the_guide() -> list[tuple[str, str, str]]:
    guide = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    row = r"^\| `(\w+)` \| (.*) \| (.*) \|$"
    return re.findall(row, guide.split("## Steps")[0], re.MULTILINE)


def test_the_guide_has_every_ready_made_scenario_with_its_reason() -> None:
    rows = [(name, why) for name, why, _ in ready_made_in_the_guide()]
    assert rows == [(name, scenario.why) for name, scenario in CATALOGUE.items()]


@pytest.mark.parametrize(
    ("name", "comes"), [(n, comes) for n, _, comes in ready_made_in_the_guide() if "%" not in comes]
)
def test_the_guide_says_what_a_ready_made_scenario_answers_with(name: str, comes: str) -> None:
    told: list[str] = []
    for times, answer, always in re.findall(
        r"(?:(\d) x )?(\b\d{3}\b|no answer)( every time| from then on)?", comes
    ):
        told += [answer] * (5 if always else int(times or 1))
    state = State()
    receipt = state.arm(ACCOUNT, CATALOGUE[name])
    many = fields(documents=[f"apple {number}" for number in range(26)])
    answers = [ask(state, many) for _ in told]
    lost = {"before_answer", "reset", "refused", "timed_out"}
    assert told == ["no answer" if a.delivery.close in lost else str(a.status) for a in answers]
    assert receipt.met


def test_the_guide_has_every_member_of_a_step_and_of_its_edit() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]*`) \|", guide.split("## Steps")[1], re.MULTILINE)
    told = set(re.findall(r"`(\w+)`", " ".join(cells)))
    definitions = TABLE_SCHEMAS["scenario"]["$defs"]
    assert told >= {*definitions["step"]["properties"], *definitions["edit"]["properties"]}


def test_a_step_that_took_more_requests_than_its_own_is_over() -> None:
    state = armed(OVERLOADED, Step(error="forbidden"))
    snapshot = state.snapshot()
    snapshot["scenarios"]["receipts"][0]["steps"][0] |= {"taken": 9, "struck": 9}
    state.rollback(snapshot)
    assert statuses(state, 1) == [403]
    assert state.receipts()[0].met
