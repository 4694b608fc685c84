"""`/__admin`: each call does what its state would, and a wrong one nothing at all."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from mockserver.admin.bodies import OF_FIELDS
from mockserver.admin.dispatch import dispatch
from mockserver.admin.openapi import document, summary
from mockserver.admin.routes import ROUTES, Route
from mockserver.serving.asgi import application
from mockserver.state.clock import LAST, Clock
from mockserver.state.store import State
from mockserver.testing.calls import Calls
from mockserver.validation import InputError, check
from mockserver.wire import Request, Response
from tests.mockserver.asking import BGE, CATALOGUE, HEADERS, PRESETS, QWEN, ask, fields, read

if TYPE_CHECKING:
    from mockserver.testing.fixtures import RerankMock

GUIDE = Path(__file__).parents[3] / "docs" / "admin.md"
NOON = 1_000_000.0
DOCUMENT = json.loads(json.dumps(document()))


def frozen() -> State:
    return State(clock=Clock(NOON), keys=["sk-one", "sk-two"])


def send(
    state: State,
    method: str,
    path: str,
    body: object = None,
    *,
    query: str = "",
    headers: Mapping[str, str] = HEADERS,
    token: str | None = None,
) -> Response:
    """Call `/__admin`; the answer keeps the schema that the document has for it."""
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    request = Request(method, f"/__admin{path}", query, headers, sent)
    response = dispatch(state, request, token)
    for route in ROUTES:
        if (route.method, route.match(path) is None) == (method, False):
            keeps(route, response)
            break
    return response


def keeps(route: Route, response: Response) -> None:
    operation = DOCUMENT["paths"][f"/__admin{route.path}"][route.method.lower()]
    schema = operation["responses"][str(response.status)]["content"]["application/json"]["schema"]
    validator: Any = jsonschema.Draft202012Validator({**DOCUMENT, **schema})
    validator.validate(read(response))


def call(state: State, method: str, path: str, body: object = None, **how: Any) -> Any:  # noqa: ANN401 - tests pick the answer apart
    """Call `/__admin` with success; return the answer."""
    response = send(state, method, path, body, **how)
    assert response.status in {200, 201}, response.body
    return read(response)


def rerank(state: State, key: str = "sk-one", **changes: object) -> Response:
    headers = {**HEADERS, "authorization": f"Bearer {key}"}
    return ask(state, fields(**changes), headers=headers)


def test_health_shows_counts_and_clock() -> None:
    state = frozen()
    rerank(state)
    assert call(state, "GET", "/health") == {
        "status": "ok",
        "accounts": 2,
        "exchanges": 1,
        "clock": {"now": NOON, "frozen": True},
    }


def test_an_account_is_opened_used_changed_and_closed() -> None:
    state = frozen()
    opened = call(state, "POST", "/accounts", {"name": "mine", "charged_balance": "1.5"})
    key = opened["key"]
    assert opened["account"]["charged_balance"] == "1.5"
    assert rerank(state, key).status == 200
    call(state, "PATCH", "/accounts/mine", {"standing": "forbidden"})
    assert rerank(state, key).status == 403
    assert call(state, "GET", "/accounts/mine")["standing"] == "forbidden"
    assert [a["name"] for a in call(state, "GET", "/accounts")["accounts"]][-1] == "mine"
    call(state, "DELETE", "/accounts/mine")
    assert rerank(state, key).status == 401
    assert send(state, "GET", "/accounts/mine").status == 404


def test_a_key_is_returned_only_if_it_was_generated() -> None:
    state = frozen()
    opened = call(state, "POST", "/accounts", {"keys": ["sk-three", "sk-four"]})
    assert "key" not in opened
    assert opened["account"]["name"] == "account-3"
    assert [rerank(state, key).status for key in ("sk-three", "sk-four")] == [200, 200]


def test_a_name_may_hold_a_slash() -> None:
    state = frozen()
    call(state, "POST", "/accounts", {"name": "a/b c"})
    assert call(state, "GET", "/accounts/a/b c")["name"] == "a/b c"


def test_it_is_shown_how_full_limits_are_until_their_windows_close() -> None:
    state = frozen()
    call(state, "PATCH", "/accounts/account-1", {"limits": {"RPM": 3, "TPD": 1000, "RPH": None}})
    call(state, "PATCH", "/accounts/account-2", {"limits": {}})
    for key in ("sk-one", "sk-two", "sk-one"):
        assert rerank(state, key).status == 200
    state.clock.advance(59.5)
    minute = {"account": "account-1", "model": BGE, "limit": "RPM", "most": 3}
    day = {"account": "account-1", "model": BGE, "limit": "TPD", "most": 1000}
    tokens = 2 * state.journal[0].usage.input_tokens
    shown = call(state, "GET", "/limits", query="account=account-1")
    assert shown == call(state, "GET", "/limits")
    assert shown["uses"] == [
        {**minute, "used": 2, "resets_in": 0.5},
        {**day, "used": tokens, "resets_in": 86340.5},
    ]
    state.clock.advance(0.5)
    assert call(state, "GET", "/limits")["uses"] == [{**day, "used": tokens, "resets_in": 86340.0}]
    assert call(state, "GET", "/limits", query="account=account-2") == {"uses": []}
    call(state, "PATCH", "/accounts/account-1", {"limits": {"TPD": None}})
    assert call(state, "GET", "/limits") == {"uses": []}


def test_models_change_now_and_later() -> None:
    state = frozen()
    call(state, "PATCH", "/models", {"model": BGE, "state": "offline"})
    assert rerank(state).status == 403
    planned = call(state, "PATCH", "/models", {"model": BGE, "state": "online", "at": NOON + 60})
    assert planned["planned_changes"] == [{"at": NOON + 60, "model": BGE, "state": "online"}]
    call(state, "POST", "/clock/advance", {"seconds": 60})
    assert rerank(state).status == 200
    models = call(state, "GET", "/models")
    assert models["planned_changes"] == []
    assert {model["id"]: model["state"] for model in models["models"]}[BGE] == "online"


def test_the_clock_stops_moves_and_runs() -> None:
    state = State()
    assert call(state, "POST", "/clock/freeze", {"at": 5}) == {"now": 5, "frozen": True}
    assert call(state, "POST", "/clock/advance", {"seconds": 2.5})["now"] == 7.5
    assert call(state, "POST", "/clock/resume")["frozen"] is False
    assert call(state, "POST", "/clock/freeze")["now"] >= 7.5
    assert call(state, "GET", "/clock")["frozen"] is True


def test_a_scenario_is_armed_played_and_reported() -> None:
    state = frozen()
    step = {"error": "overloaded", "times": 2}
    scenario = {"name": "twice", "steps": [step]}
    armed = call(state, "POST", "/scenarios", {"account": "account-1", "scenario": scenario})
    assert (armed["number"], armed["met"], armed["steps"][0]["met"]) == (1, False, "never")
    assert [rerank(state).status for _ in range(3)] == [503, 503, 200]
    assert call(state, "GET", "/scenarios/1")["met"] is True
    call(state, "POST", "/scenarios", {"account": "account-2", "scenario": "flaky"})
    call(state, "POST", "/scenarios", {"account": "account-2", "scenario": "busy"})
    found = call(state, "GET", "/scenarios", query="account=account-2")["receipts"]
    assert [receipt["number"] for receipt in found] == [2, 3]
    forgotten = call(state, "DELETE", "/scenarios", query="account=account-2")["receipts"]
    assert forgotten == found
    assert [receipt["number"] for receipt in call(state, "GET", "/scenarios")["receipts"]] == [1]


def test_ready_made_scenarios_are_listed_and_can_be_armed() -> None:
    state = frozen()
    listed = call(state, "GET", "/scenarios/ready-made")["scenarios"]
    assert [scenario["name"] for scenario in listed] == list(CATALOGUE)
    for scenario in listed:
        call(state, "POST", "/scenarios", {"account": "account-1", "scenario": scenario})


def test_scores_are_pinned_shown_and_forgotten() -> None:
    state = frozen()
    pins = [{"scores": {"banana": 0.9}}]
    call(state, "POST", "/pins", {"account": "account-1", "pins": pins})
    assert read(rerank(state, documents=["banana"]))["results"][0]["relevance_score"] == 0.9
    assert call(state, "GET", "/pins", query="account=account-1")["pins"] == pins
    assert call(state, "DELETE", "/pins", query="account=account-1")["pins"] == pins
    assert call(state, "GET", "/pins", query="account=account-1")["pins"] == []


def test_the_journal_is_searched_and_cleared() -> None:
    state = frozen()
    for key, model in [("sk-one", BGE), ("sk-two", QWEN), ("sk-one", "none"), ("sk-one", QWEN)]:
        rerank(state, key, model=model)
    found = call(state, "GET", "/journal", query="account=account-1&after=1&limit=1")
    assert (found["seen"], found["found"]) == (4, 2)
    assert [entry["number"] for entry in found["entries"]] == [3]
    assert call(state, "GET", "/journal", query="outcome=model_not_found")["found"] == 1
    assert call(state, "GET", "/journal", query=f"model={QWEN.replace('/', '%2F')}")["found"] == 2
    assert call(state, "DELETE", "/journal", query="account=account-1") == {"forgotten": 3}
    assert call(state, "DELETE", "/journal") == {"forgotten": 1}
    assert call(state, "GET", "/journal")["entries"] == []


def test_the_account_may_be_left_out_where_there_is_one() -> None:
    state = State()
    assert call(state, "POST", "/scenarios", {"scenario": 503})["account"] == "account-1"
    assert len(call(state, "DELETE", "/scenarios")["receipts"]) == 1
    pins = call(state, "POST", "/pins", {"pins": [{"scores": {"banana": 0.9}}]})
    assert call(state, "GET", "/pins") == call(state, "DELETE", "/pins") == pins


def verify(state: State, **asked: object) -> Any:  # noqa: ANN401 - as `call`
    return call(state, "POST", "/journal/verify", asked)


def test_what_a_client_sent_is_verified_as_in_python() -> None:
    state = frozen()
    rerank(state, query="pear", top_n=1)
    rerank(state, query="apple", top_k=2)
    calls = Calls(state.journal, fields=state.contract.fields)
    for assertion in OF_FIELDS:
        for expected in ({"query": "apple"}, {"query": "pear", "top_n": 2}, {"top": 1}, {}):
            with catching() as caught:
                getattr(calls, f"assert_{assertion}")(**expected)
            told = verify(state, assertion=assertion, fields=expected)
            assert told.pop("nearest", None) is None or caught
            assert told == {"verified": not caught, "calls": 2, "message": "".join(caught)}


@contextmanager
def catching() -> Generator[list[str]]:
    """Catch what an assertion says."""
    caught: list[str] = []
    try:
        yield caught
    except AssertionError as error:
        caught.append(str(error))


def test_a_call_that_differs_is_shown_with_its_hint() -> None:
    state = frozen()
    rerank(state, query="pear", top_k=1)
    told = verify(state, fields={"query": "apple", "top_n": 1})
    assert told["message"].splitlines() == [
        "the call did not match:",
        "  call 1: POST /v1/rerank -> 200 answered",
        '    query: expected "apple", got "pear"',
        "    top_n: expected 1, but it was missing",
        "    hint: `top_k`: did you mean `top_n`?",
    ]
    assert told["nearest"] == {
        "number": 1,
        "differences": [
            {"field": "query", "expected": "apple", "actual": "pear"},
            {"field": "top_n", "expected": 1},
        ],
    }


@pytest.mark.parametrize(
    ("assertion", "nearest"), [("called_with", 3), ("any_call", 2), ("called_once_with", 2)]
)
def test_the_nearest_call_is_shown_as_data(assertion: str, nearest: int) -> None:
    state = frozen()
    rerank(state, query="pear", documents=["c"])
    rerank(state, query="apple", documents=["c", None])
    rerank(state, query="plum", documents=["d"])
    fields = {"query": "apple", "documents": ["c", "b"]}
    told = verify(state, assertion=assertion, fields=fields, after=1)["nearest"]
    assert told["number"] == nearest
    if nearest == 2:
        assert told["differences"] == [{"field": "documents[1]", "expected": "b", "actual": None}]
    assert "nearest" not in verify(state, assertion=assertion, fields=fields, after=3)


def test_calls_are_verified_by_account_and_number() -> None:
    state = frozen()
    for key in ("sk-one", "sk-two", "sk-nobody"):
        rerank(state, key)
    assert verify(state, assertion="called")["calls"] == 3
    assert verify(state, assertion="called_once", account="account-2", after=1)["calls"] == 2
    assert verify(state, assertion="not_called", after=3) == {
        "verified": True,
        "calls": 0,
        "message": "",
    }
    missing = "expected at least 1 call, but no request reached the mock"
    assert verify(state, after=3) == {"verified": False, "calls": 0, "message": missing}


def test_verification_repeats_no_key() -> None:
    state = State(keys=["sk-abcdefghij"])
    rerank(state, "sk-abcdefghij", query="sk-abcdefghij")
    told = verify(state, fields={"query": "sk-abcdefghij!", "documents": [{"sk-abcdefghij": 1}]})
    assert "sk-abcdefghij" not in json.dumps(told)
    assert "[redacted]" in told["message"]
    assert told["nearest"]["differences"][0]["actual"] == "[redacted]"


def test_a_body_that_was_not_kept_whole_is_not_guessed_at() -> None:
    state = frozen()
    rerank(state, documents=["a" * 70_000])
    rerank(state)
    for assertion in OF_FIELDS[1:]:
        asked = {"fields": {"query": "Pear"}, "assertion": assertion}
        response = send(state, "POST", "/journal/verify", asked)
        assert response.status == 409
        assert "kept only 65,536 of" in read(response)["reason"]


def test_the_journal_of_an_account_that_is_gone_may_be_searched_and_cleared() -> None:
    state = frozen()
    rerank(state, "sk-one")
    call(state, "DELETE", "/accounts/account-1")
    assert call(state, "GET", "/journal", query="account=account-1")["found"] == 1
    assert call(state, "GET", "/journal", query="account=account-1&after=1")["found"] == 0
    assert call(state, "DELETE", "/journal", query="account=account-1") == {"forgotten": 1}


def test_the_behaviour_is_replaced_and_changed() -> None:
    state = frozen()
    call(state, "PUT", "/behaviour", {"base": "page", "magic_inputs": "on"})
    assert state.behaviour.gated_fields == "refuse"
    call(state, "PATCH", "/behaviour", {"gated_fields": "ignore"})
    shown = call(state, "GET", "/behaviour")
    assert (shown["gated_fields"], shown["magic_inputs"], shown["id_format"]) == (
        "ignore",
        "on",
        "page",
    )
    call(state, "PUT", "/behaviour", {})
    assert state.behaviour == PRESETS["observed"]


def test_a_snapshot_brings_everything_back() -> None:
    state = frozen()
    rerank(state, model=QWEN)
    snapshot = call(state, "GET", "/snapshot")
    call(state, "POST", "/accounts", {})
    call(state, "POST", "/clock/advance", {"seconds": 1})
    rerank(state, model=QWEN)
    assert call(state, "GET", "/snapshot") != snapshot
    call(state, "PUT", "/snapshot", snapshot)
    assert call(state, "GET", "/snapshot") == snapshot
    assert len(snapshot["journal"]["entries"]) == 1


def test_a_reset_goes_back_to_the_beginning() -> None:
    state = frozen()
    beginning = call(state, "GET", "/snapshot")
    rerank(state)
    call(state, "PATCH", "/accounts/account-1", {"keys": []})
    assert call(state, "POST", "/reset")["exchanges"] == 0
    assert call(state, "GET", "/snapshot") == beginning


def test_one_account_never_touches_another() -> None:
    def life_of_two(state: State) -> list[Any]:
        """Return all that the second account sees."""
        return [
            rerank(state, "sk-two", model=QWEN).status,
            call(state, "GET", "/accounts/account-2"),
            call(state, "GET", "/scenarios", query="account=account-2"),
            call(state, "GET", "/pins", query="account=account-2"),
            [
                (entry["status"], entry["charge"])
                for entry in call(state, "GET", "/journal", query="account=account-2")["entries"]
            ],
        ]

    alone, shared = frozen(), frozen()
    for path, body in [
        ("/scenarios", {"account": "account-1", "scenario": "overloaded_forever"}),
        ("/pins", {"account": "account-1", "pins": [{"scores": {"banana": 1}}]}),
    ]:
        call(shared, "POST", path, body)
    call(shared, "PATCH", "/accounts/account-1", {"standing": "forbidden", "limits": {"RPM": 0}})
    rerank(shared, model=QWEN)
    assert life_of_two(shared) == life_of_two(alone)
    call(shared, "DELETE", "/journal", query="account=account-1")
    call(shared, "DELETE", "/accounts/account-1")
    assert life_of_two(shared) == life_of_two(alone)


def test_calls_are_no_exchanges() -> None:
    state = frozen()
    call(state, "GET", "/health")
    assert not state.journal
    assert dispatch(state, Request("GET", "/__administer", "", HEADERS, b"")).status == 404
    assert len(state.journal) == 1


# call: method, path, query, body; refusal: status, path, and a part of the reason.
WRONG: list[tuple[tuple[str, str, str, object], tuple[int, str, str]]] = [
    (("POST", "", "", None), (404, "/", "no such path")),
    (("GET", "/zzz", "", None), (404, "/zzz", "see /__admin/openapi.json")),
    (("GET", "/account", "", None), (404, "/account", "did you mean '/accounts'?")),
    (("GET", "/accounts/", "", None), (404, "/accounts/", "no such path")),
    (("GET", "/journal", "account=acount-1", None), (400, "?account", "did you mean 'account-1'?")),
    (("GET", "/journal", "outcome=overload", None), (400, "?outcome", "mean 'overloaded'?")),
    (("GET", "/journal.har", "account=zzz", None), (400, "?account", "no account 'zzz'")),
    (("DELETE", "/journal", "account=zzz", None), (400, "?account", "no account 'zzz'")),
    (("GET", "/scenarios", "account=zzz", None), (400, "?account", "no account 'zzz'")),
    (
        ("POST", "/journal/verify", "", {"assertion": "called_whit"}),
        (
            400,
            "$.assertion",
            "must be one of called_with, any_call, called_once_with, called_once, called,"
            " not_called, not \"called_whit\"; did you mean 'called_with'?",
        ),
    ),
    (("GET", "/limits", "account=zzz", None), (400, "?account", "no account 'zzz'")),
    (("PUT", "/clock", "", None), (405, "/clock", "accepts only GET")),
    (("POST", "/accounts/account-1", "", {}), (405, "/accounts/{account}", "DELETE, GET, PATCH")),
    (("GET", "/accounts/account-9", "", None), (404, "/accounts/{account}", "did you mean 'acc")),
    (("DELETE", "/accounts/zzz", "", None), (404, "/accounts/{account}", "no account 'zzz'")),
    (("POST", "/accounts", "", b"{"), (400, "$", "Is not JSON")),
    (("POST", "/accounts", "", b'{"name": "a", "name": "b"}'), (400, "$", "'name' twice")),
    (("POST", "/accounts", "", []), (400, "$", "is not of type")),
    (("POST", "/accounts", "", {"nmae": "a"}), (400, "$", "did you mean 'name'?")),
    (("POST", "/accounts", "", {"limits": {"RPM": -1}}), (400, "$.limits.RPM", "minimum")),
    (("POST", "/accounts", "", {"charged_balance": 1}), (400, "$.charged_balance", "string")),
    (("POST", "/accounts", "", {"name": "account-1"}), (409, "$.name", "already")),
    (
        ("POST", "/accounts", "", {"keys": ["sk-one"]}),
        (400, "$.keys[0]", "already belongs to 'account-1'"),
    ),
    (("PATCH", "/accounts/account-1", "", {"name": "x"}), (400, "$", "unknown member 'name'")),
    (("PATCH", "/models", "", {"model": BGE}), (400, "$", "")),
    (("PATCH", "/models", "", {"model": "a/b", "state": "online"}), (400, "$.model", "no model")),
    (("PATCH", "/models", "", {"model": BGE, "state": "gone"}), (400, "$.state", "offline")),
    (("POST", "/clock/freeze", "", {"at": "noon"}), (400, "$.at", "number")),
    (("POST", "/clock/freeze", "", {"at": -1}), (400, "$.at", "minimum")),
    (("POST", "/clock/advance", "", {}), (400, "$", "'seconds' is missing")),
    (("POST", "/clock/advance", "", {"seconds": -1}), (400, "$.seconds", "minimum")),
    (("POST", "/clock/advance", "", {"seconds": LAST}), (400, "$.seconds", "must be from 0")),
    (("POST", "/clock/resume", "", {"at": 1}), (400, "$", "unknown member 'at'")),
    (
        ("POST", "/scenarios", "", {"account": "account-1", "scenario": "flakey"}),
        (400, "$.scenario", "did you mean 'flaky'?"),
    ),
    (
        ("POST", "/scenarios", "", {"account": "account-1", "scenario": {"name": "a"}}),
        (400, "$.scenario", "'steps' is missing"),
    ),
    (
        (
            "POST",
            "/scenarios",
            "",
            {"account": "account-1", "scenario": {"name": "a", "steps": [{"error": "busi"}]}},
        ),
        (400, "$.scenario.steps[0].error", "did you mean 'busy'?"),
    ),
    (
        ("POST", "/scenarios", "", {"account": "nobody", "scenario": "flaky"}),
        (400, "$.account", "no account 'nobody'"),
    ),
    (("GET", "/scenarios/7", "", None), (404, "/scenarios/{number}", "no receipt '7'")),
    (("DELETE", "/scenarios", "", None), (400, "?account", "is missing, and there are 2 accounts")),
    (("DELETE", "/scenarios", "account=nobody", None), (400, "?account", "no account")),
    (
        ("POST", "/pins", "", {"account": "account-1", "pins": [{"scores": {"a": "1"}}]}),
        (400, "$.pins[0].scores.a", "number"),
    ),
    (("POST", "/pins", "", {"account": "nobody", "pins": []}), (400, "$.account", "no account")),
    (("POST", "/pins", "", {"pins": []}), (400, "$.account", "is missing, and there are 2")),
    (("GET", "/pins", "", None), (400, "?account", "is missing")),
    (("POST", "/advise", "", {"requests": [{"path": "/"}]}), (400, "$.requests[0]", "method")),
    (("POST", "/journal/verify", "", {"field": {}}), (400, "$", "did you mean 'fields'?")),
    (("POST", "/journal/verify", "", {"fields": []}), (400, "$.fields", "object")),
    (("POST", "/journal/verify", "", {"account": "nobody"}), (400, "$.account", "no account")),
    (("POST", "/journal/verify", "", {"assertion": "called_wiht"}), (400, "$.assertion", "called")),
    (
        ("POST", "/journal/verify", "", {"assertion": "not_called", "fields": {"top_n": 1}}),
        (400, "$.fields", "not_called takes no fields"),
    ),
    (("DELETE", "/pins", "account=nobody", None), (400, "?account", "no account 'nobody'")),
    (
        ("GET", "/journal", "limit=many", None),
        (400, "?limit", "whole number of at least 0, not 'many'"),
    ),
    (
        ("GET", "/journal", "after=-1", None),
        (400, "?after", "whole number of at least 0, not '-1'"),
    ),
    (("GET", "/journal", "acount=a", None), (400, "?acount", "did you mean 'account'?")),
    (("GET", "/journal", "account=a&account=b", None), (400, "?", "twice")),
    (("PUT", "/behaviour", "", {"base": "pages"}), (400, "$.base", "page")),
    (("PATCH", "/behaviour", "", {"base": "page"}), (400, "$", "unknown member 'base'")),
    (("PATCH", "/behaviour", "", {"gated_fields": "drop"}), (400, "$.gated_fields", "ignore")),
    (("PATCH", "/behaviour", "", {"max_body_bytes": 0}), (400, "$.max_body_bytes", "minimum")),
    (("PATCH", "/behaviour", "", {"gated_field": 1}), (400, "$", "'gated_fields'?")),
    (("PUT", "/snapshot", "", {}), (400, "$", "'version' is missing")),
    (("PUT", "/snapshot", "", {"version": 1, "clock": {}}), (400, "$.clock", "missing")),
    (
        ("PUT", "/snapshot", "", {"version": 1, "pins": {"nobody": []}}),
        (400, "$.pins", "no account 'nobody'"),
    ),
    (("POST", "/reset", "", {"all": True}), (400, "$", "unknown member 'all'")),
]


@pytest.mark.parametrize(("sent", "refusal"), WRONG)
def test_a_wrong_call_gets_path_and_reason_and_changes_nothing(
    sent: tuple[str, str, str, object], refusal: tuple[int, str, str]
) -> None:
    state = frozen()
    rerank(state)
    before = state.snapshot()
    method, path, query, body = sent
    response = send(state, method, path, body, query=query)
    told = read(response)
    assert (response.status, told["path"]) == refusal[:2], told
    assert refusal[2] in told["reason"]
    assert state.snapshot() == before


def test_every_call_that_takes_anything_has_a_wrong_one() -> None:
    taken = {(route.method, route.path) for route in ROUTES if route.takes or route.query}
    wrong = {
        (route.method, route.path)
        for (method, path, _, _), _ in WRONG
        for route in ROUTES
        if route.method == method and route.match(path) is not None
    }
    assert taken <= wrong


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["account", "name", "keys", "at", "seconds", "model", "scenario"])
            | st.sampled_from(["steps", "pins", "version", "clock", "journal", "base", "limits"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(ROUTES), JSON, st.sampled_from(["", "account=account-1", "x", "limit=1"]))
def test_any_call_is_answered_in_full(route: Route, body: object, query: str) -> None:
    state = frozen()
    before = state.snapshot()
    path = route.path.replace("{account}", "account-1").replace("{number}", "1")
    response = send(state, route.method, path, body, query=query)
    assert response.status in {200, 201, 400, 404, 409}
    if response.status >= 400:
        assert state.snapshot() == before


def test_a_body_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.admin.dispatch.CALL_BYTES", 30)
    response = send(frozen(), "POST", "/accounts", {"name": "a" * 30})
    assert (response.status, read(response)["path"]) == (413, "$")


def test_no_behaviour_locks_the_admin_out() -> None:
    state = frozen()
    call(state, "PATCH", "/behaviour", {"max_body_bytes": 1})
    call(state, "PATCH", "/behaviour", {"max_body_bytes": 1000})
    assert state.behaviour.max_body_bytes == 1000


def test_no_answer_is_longer_than_a_body_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    state = frozen()
    monkeypatch.setattr("mockserver.admin.dispatch.CALL_BYTES", 300)
    response = send(state, "GET", "/snapshot")
    assert (response.status, read(response)["path"]) == (413, "$")
    assert "delete entries" in read(response)["reason"]
    assert send(state, "GET", "/health").status == 200


def test_no_answer_repeats_a_key() -> None:
    state = frozen()
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("/accounts", {"keys": ["sk-one"]}),
        ("/accounts", {"keys": "sk-one"}),
        ("/accounts", {"keys": ["sk-one", "sk-one"]}),
        ("/accounts", {"keys": ["sk one"]}),
        ("/scenarios", {"account": "sk-one", "scenario": "busy"}),
        ("/pins", {"account": "sk-one", "pins": []}),
    ]
    for path, body in wrong:
        response = send(state, "POST", path, body)
        assert response.status == 400
        assert b"sk-one" not in response.body
        assert b"sk one" not in response.body
    response = send(state, "GET", "/accounts/sk-one")
    assert (response.status, read(response)["reason"]) == (
        404,
        "expected the name of an account, got a key of 'account-1'",
    )
    rerank(state)
    for path in ("/accounts", "/snapshot", "/journal"):
        assert b"sk-one" not in send(state, "GET", path).body


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(""), {"authorization": "right"}])
def test_a_token_is_asked_for_if_there_is_one(headers: dict[str, str]) -> None:
    state = frozen()
    response = send(state, "GET", "/health", headers=headers, token="right")
    assert (response.status, read(response)["path"]) == (401, "/")
    assert b"right" not in response.body
    assert call(state, "GET", "/health", headers=bearer("right"), token="right")
    assert rerank(state).status == 200


def test_a_token_of_any_letters_is_compared() -> None:
    assert send(frozen(), "GET", "/health", headers=bearer("\xff"), token="right").status == 401


def test_a_page_of_another_origin_needs_a_token() -> None:
    page = {"origin": "https://example.org"}
    response = send(frozen(), "POST", "/reset", headers=page)
    assert (response.status, read(response)["path"]) == (403, "/")
    call(frozen(), "POST", "/reset", headers={**page, **bearer("right")}, token="right")


def test_the_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_document_is_served_and_has_every_call() -> None:
    response = dispatch(frozen(), Request("GET", "/__admin/openapi.json", "", {}, b""))
    assert read(response) == DOCUMENT
    described = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    assert described == {(route.method, f"/__admin{route.path}") for route in ROUTES}


def test_every_call_has_a_sentence_and_a_name_of_its_own() -> None:
    operations = [o for path in DOCUMENT["paths"].values() for o in path.values()]
    assert all(operation["summary"].endswith(".") for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(ROUTES)


@pytest.mark.parametrize("name", ["rerank_mock", "rerank_server"])
def test_it_is_there_in_process_and_over_a_socket(
    request: pytest.FixtureRequest, name: str
) -> None:
    mock: RerankMock = request.getfixturevalue(name)
    root = mock.base_url.removesuffix("/v1")
    account = httpx.get(f"{root}/__admin/accounts").json()["accounts"][-1]
    arming = {"account": account["name"], "scenario": "overloaded"}
    assert httpx.post(f"{root}/__admin/scenarios", json=arming).status_code == 201
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    sent = [httpx.post(f"{mock.base_url}/rerank", json=fields(), headers=headers) for _ in "ab"]
    assert [response.status_code for response in sent] == [503, 200]


def test_an_application_may_ask_for_a_token() -> None:
    app = httpx.ASGITransport(application(frozen(), admin_token="right"))

    async def ask_for_health() -> list[int]:
        async with httpx.AsyncClient(transport=app, base_url="http://mock") as client:
            sent = [await client.get("/__admin/health", headers=h) for h in ({}, bearer("right"))]
        return [response.status_code for response in sent]

    assert anyio.run(ask_for_health) == [401, 200]


def test_the_guide_has_every_call_in_its_table() -> None:
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in lines
        if line.startswith("| `") and "/__admin" in line
    ]
    assert [row[:2] for row in rows] == [
        [f"`{r.method} /__admin{r.path}`", summary(r)] for r in ROUTES
    ]
    for route, (_, _, body) in zip(ROUTES, rows, strict=True):
        assert bool(body) == (route.takes is not None), route
        if body:
            check(route.schema, json.loads(body.strip("`")), InputError)
