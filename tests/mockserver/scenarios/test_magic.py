import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scenarios.magic import PREFIX, magic_steps
from mockserver.scenarios.scenario import Scenario, Step
from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import CATALOGUE, CONTRACT, MULTIMODAL, PRESETS, ask, fields, read
from tests.schemas.data import TABLES

ERRORS = {row["id"]: row["status"] for row in TABLES["errors"]}


def post(mock: RerankMock, query: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    return httpx.post(f"{mock.base_url}/rerank", json=fields(query=query), headers=headers)


@pytest.mark.parametrize("name", ["rerank_mock", "rerank_server"])
def test_each_error_of_the_table_has_its_query(request: pytest.FixtureRequest, name: str) -> None:
    mock = request.getfixturevalue(name)
    assert {e: post(mock, f"rerank-mock:{e}").status_code for e in ERRORS} == ERRORS


def test_scenarios_of_one_step_have_theirs_and_longer_ones_have_none() -> None:
    assert magic_steps(CONTRACT).keys() - ERRORS.keys() == {
        n for n, m in CATALOGUE.items() if len(m.steps) == 1
    }
    unsorted = read(ask(State(), fields(query="rerank-mock:unsorted_results")))
    assert [result["index"] for result in unsorted["results"]] == [0, 1, 2]


def test_the_same_query_brings_the_same_each_time() -> None:
    state = State()
    assert [ask(state, fields(query="rerank-mock:busy")).status for _ in range(3)] == [503] * 3


@pytest.mark.parametrize("query", [{"text": "rerank-mock:busy"}, "rerank-mock:busy"])
def test_the_text_of_a_content_is_magic_too(query: object) -> None:
    assert ask(State(), fields(model=MULTIMODAL, query=query)).status == 503


def test_the_rest_of_the_request_need_not_be_right() -> None:
    assert ask(State(), {"query": "rerank-mock:busy"}).status == 503


def test_an_unknown_name_is_refused_with_a_hint() -> None:
    response = ask(State(), fields(query="rerank-mock:overload"))
    assert response.status == 400
    message = read(response)["message"]
    assert message == "query: Unknown magic query 'overload'; did you mean 'overloaded'?"


@pytest.mark.parametrize(
    "query",
    [
        "what does rerank-mock:busy do?",
        " rerank-mock:busy",
        "rerank-mock:busy\n",
        "rerank-mock: busy",
        "rerank-mock:",
        "Rerank-Mock:busy",
        "rerank-mock:Busy",
    ],
)
def test_a_query_that_only_speaks_of_magic_is_a_query(query: str) -> None:
    assert ask(State(), fields(query=query)).status == 200


@given(st.text(min_size=1) | st.text(min_size=1).map(lambda text: f"rerank-mock:{text} "))
def test_no_other_query_is_magic(query: str) -> None:
    assert ask(State(), fields(query=query)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"documents": ["rerank-mock:busy"]},
        {"instruction": "rerank-mock:busy"},
        {"user": "rerank-mock:busy"},
    ],
)
def test_magic_is_in_the_query_alone(changes: dict[str, Any]) -> None:
    assert ask(State(), fields(**changes)).status == 200


def test_a_body_that_is_no_json_is_refused_as_ever() -> None:
    assert ask(State(), b'{"query": "rerank-mock:busy"').status == 400
    assert ask(State(), json.dumps([f"{PREFIX}busy"]).encode()).status == 400


@pytest.mark.parametrize(("preset", "status"), [("observed", 503), ("strict", 503), ("page", 200)])
def test_the_page_knows_no_magic(preset: str, status: int) -> None:
    state = State(behaviour=PRESETS[preset])
    assert ask(state, fields(query="rerank-mock:busy")).status == status


def test_a_scenario_goes_before_magic() -> None:
    state = State()
    state.arm("account-1", Scenario("first", (Step(error="forbidden"),)))
    assert [ask(state, fields(query="rerank-mock:busy")).status for _ in range(2)] == [403, 503]


def test_magic_costs_and_counts_nothing() -> None:
    state = State()
    state.change_account("account-1", limits={"RPM": 1})
    assert [ask(state, fields(query="rerank-mock:busy")).status for _ in range(2)] == [503, 503]
    assert ask(state, fields()).status == 200
