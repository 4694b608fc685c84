"""Advice on recorded requests is the advice that they would get, and it changes nothing."""

import base64
import json
from typing import Any

import pytest

from mockserver.admin.dispatch import dispatch
from mockserver.state.clock import Clock
from mockserver.state.store import State
from mockserver.wire import Request, Response
from tests.mockserver.asking import HEADERS, ask, fields

JSON = {"content-type": "application/json", "authorization": "Bearer sk-of-another-service"}


def sent(**more: object) -> dict[str, object]:
    return {"method": "POST", "path": "/v1/rerank", "headers": JSON, **more}


def call(state: State, *requests: object) -> Response:
    body = json.dumps({"requests": requests}).encode()
    return dispatch(state, Request("POST", "/__admin/advise", "", {}, body))


def advice(state: State, *requests: object) -> list[list[str]]:
    """The ids of the advice on each request; nothing has changed."""
    before = state.snapshot()
    response = call(state, *requests)
    assert response.status == 200
    assert state.snapshot() == before
    return [[found["id"] for found in of_one] for of_one in response.json()["advice"]]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (fields(), "/v1/rerank"),
        (fields(top_k=1), "/v1/rerank"),
        (fields(model="nobody/knows", top_n=0), "/v1/rerank"),
        (fields(documents=["", "a", "a"], return_documents=None), "/v1/rerank"),
        ([], "/v1/rerank"),
        (fields(), "/v1/v1/rerank"),
        (fields(), "/v1/rerank/"),
    ],
)
def test_a_recorded_request_gets_the_advice_of_one_that_is_sent(body: Any, path: str) -> None:  # noqa: ANN401
    state = State(clock=Clock(1_000_000.0))
    recorded = sent(path=path, body=json.dumps(body))
    (found,) = advice(state, recorded)
    ask(state, body, path=path, headers=HEADERS)
    assert found == [one.id for one in state.journal[0].advice]


def test_bytes_are_taken_in_base64() -> None:
    body = base64.b64encode(b"\xff").decode()
    assert advice(State(), sent(body=body, encoding="base64")) == [["body_not_json"]]


def test_a_retry_is_noticed_among_recorded_requests() -> None:
    again = {"body": json.dumps(fields()), "milliseconds": 10, "status": 503}
    found = advice(
        State(),
        sent(at=100, **again),
        sent(at=100.02, **again),
        sent(at=110, **again),
        sent(at=110.02, **{**again, "status": 200}, response_headers={"Retry-After": "9"}),
        sent(at=110.02, body=json.dumps(fields())),
    )
    assert found == [[], ["retried_at_once"], [], ["retried_at_once"], []]


def test_requests_of_two_callers_are_not_compared() -> None:
    refused = {"body": json.dumps(fields()), "status": 403, "milliseconds": 1}
    one, other = (sent(at=n, caller=f"{n}", **refused) for n in range(2))
    assert advice(State(), one, other) == [[], []]
    assert advice(State(), one, one | {"at": 2}) == [[], ["retried_refusal"]]


@pytest.mark.parametrize(
    ("authorization", "found"),
    [("Bearer sk-a", ["key_unknown"]), ("Bearer", ["key_missing"]), ("sk-a", ["bearer_missing"])],
)
def test_a_key_that_was_refused_is_unknown(authorization: str, found: list[str]) -> None:
    headers = {**JSON, "authorization": authorization}
    refused = sent(at=1, milliseconds=1, status=401, headers=headers, body=json.dumps(fields()))
    assert advice(State(), refused) == [found]
    (hint,) = [one["hint"] for one in call(State(), refused).json()["advice"][0]]
    assert "fixtures" not in hint


def test_a_key_of_an_account_is_in_no_hint() -> None:
    state = State(keys=["sk-very-secret-key"])
    response = call(state, sent(body=json.dumps(fields(model="sk-very-secret-key"))))
    assert response.json()["advice"][0]
    assert b"sk-very-secret-key" not in response.body


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"method": "POST"}, "$.requests[0]"),
        (sent(body="%", encoding="base64"), "$.requests[0].body"),
        (sent(status=1), "$.requests[0].status"),
    ],
)
def test_a_wrong_request_is_refused_with_its_place(request_: object, path: str) -> None:
    response = call(State(), request_)
    assert (response.status, response.json()["path"]) == (400, path)
