"""Hostile answers are legal, drawn from the seed, and leave alone what a test has scripted."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests import assert_conforms
from mockserver.scenarios.hostile import HOSTILE, HostileError, read_hostile, small_scores
from mockserver.scenarios.scenario import Scenario
from mockserver.state.store import State
from mockserver.wire import Response
from tests.mockserver.asking import ask, fields, read

SEEDS = pytest.mark.parametrize("seed", range(20))


def results_of(state: State, **changes: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(ask(state, fields(**changes)))["results"]
    return found


@SEEDS
def test_shapes_keep_the_contract(seed: int) -> None:
    state = State(hostile="shapes", seed=seed)
    for changes in ({}, {"top_n": 2}, {"return_documents": True}, {"documents": ["a", "", "b"]}):
        body = fields(**changes)
        response = ask(state, body)
        assert_conforms(body, (response.status, dict(response.headers), response.body))


@given(st.lists(st.floats(0.001, 0.999), min_size=1, unique=True), st.integers(0, 99))
def test_the_best_document_stays_and_the_others_change_places(
    scores: list[float], seed: int
) -> None:
    small = small_scores(scores, Random(seed))
    places = range(len(scores))
    ranked = sorted(places, key=small.__getitem__, reverse=True)
    assert ranked[0] == max(places, key=scores.__getitem__)
    assert len(scores) < 3 or ranked[1:] != sorted(ranked[1:])
    assert len({*small}) == len(small)
    assert all(0 < score < 1e-19 for score in small)


def test_small_scores_of_nothing_are_nothing() -> None:
    assert small_scores([], Random(0)) == []


def test_scores_are_written_with_an_exponent() -> None:
    answer = ask(State(hostile="shapes"), fields())
    assert answer.body.count(b'"relevance_score":') == answer.body.count(b"e-") == 3


def test_answers_differ_in_what_no_client_should_need() -> None:
    seen: Counter[str] = Counter()
    for seed in range(20):
        body = read(ask(State(hostile=["shapes"], seed=seed), fields()))
        seen["meta" if "meta" in body else "no meta"] += 1
        first = body["results"][0]
        seen["document null" if "document" in first else "document absent"] += 1
        seen["page" if body["id"].startswith("rerank-") else "uuid"] += 1
    assert len(seen) == 6
    assert min(seen.values()) > 2


def test_members_of_other_apis_rank_the_results_upside_down() -> None:
    results = results_of(State(hostile="shapes"))
    scores = [result["score"] for result in results]
    assert scores == sorted(scores)
    assert len({*scores}) == len(results) == 3


def test_an_empty_document_is_left_out() -> None:
    state = State(hostile="shapes", behaviour="page")
    assert {result["index"] for result in results_of(state, documents=["a", "", "b"])} == {0, 2}


@SEEDS
def test_each_request_gets_one_fault_whose_body_is_a_string(seed: int) -> None:
    state = State(hostile="faults", seed=seed)
    for query in ("a", "b"):
        fault = ask(state, fields(query=query))
        assert fault.status in {429, 503, 504}
        assert isinstance(read(fault), str)
        assert [ask(state, fields(query=query)).status for _ in range(3)] == [200] * 3
    outcomes = {entry.outcome for entry in state.journal}
    assert outcomes <= {"rate_limited", "overloaded", "gateway_timeout", "answered"}


def test_a_wrong_request_is_refused_at_once() -> None:
    assert ask(State(hostile=HOSTILE), fields(top_n=0)).status == 400


def test_the_seed_decides() -> None:
    def answers(seed: int) -> list[Response]:
        state = State(hostile=HOSTILE, seed=seed)
        state.clock.freeze(1_800_000_000)
        return [ask(state, fields(query=query)) for query in "aabb"]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_what_a_test_has_scripted_stays_as_it_is() -> None:
    state = State(hostile=HOSTILE)
    state.arm("account-1", Scenario.from_json({"name": "a", "steps": [{"error": "busy"}, {}]}))
    assert ask(state, fields()).status == 503
    usual = read(ask(state, fields()))
    assert usual["results"][0]["relevance_score"] > 1e-9
    assert "meta" in usual


@pytest.mark.memory
def test_pinned_scores_stay_as_they_are() -> None:
    state = State(hostile="shapes")
    state.pin("account-1", lambda _query, documents: [0.5] * len(documents))
    assert [result["relevance_score"] for result in results_of(state)] == [0.5] * 3


def test_a_rollback_forgets_the_faults() -> None:
    state = State(hostile="faults")
    assert [ask(state, fields()).status == 200 for _ in range(2)] == [False, True]
    state.reset()
    assert ask(state, fields()).status != 200


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("shape", "hostile takes shapes and faults, not 'shape'; did you mean 'shapes'?"),
        (["faults", 1], "hostile takes shapes and faults, not 1"),
        (True, "hostile must be a list of shapes and faults, not True"),
    ],
)
def test_an_unknown_way_to_be_hostile_is_reported(given: object, message: str) -> None:
    with pytest.raises(HostileError) as caught:
        read_hostile(given)
    assert str(caught.value) == message
