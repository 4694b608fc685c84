"""Each advice is raised by what it is for, and by nothing that is near to it."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.advice.bodies import DIALECTS, likely_field
from mockserver.advice.catalogue import (
    ON_BODIES,
    ON_HEADS,
    OVER_TIME,
    advise_on_request,
    advise_over_time,
)
from mockserver.advice.catalogue import RULES as ALL_RULES
from mockserver.engine import respond
from mockserver.recording import observe
from mockserver.scenarios.scenario import Scenario
from mockserver.state.clock import Clock
from mockserver.state.exchanges import Advice, Past
from mockserver.state.store import State
from mockserver.wire import Request
from tests.mockserver.asking import (
    AUTHORIZATION,
    BGE,
    CONTRACT,
    FORMS,
    HEADERS,
    MODELS,
    MULTIMODAL,
    PRESETS,
    QWEN,
    REVISION,
    ask,
    fields,
)

GUIDE = Path(__file__).parents[3] / "docs" / "journal-and-advice.md"
RULES = {rule.id: rule for rule in ALL_RULES}

LONG_KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789"


def with_key(value: str) -> dict[str, str]:
    return {**HEADERS, "authorization": value}


class Case(NamedTuple):
    """What is sent, and whether the advice has this in its hint; None: it is not given."""

    sent: dict[str, Any]
    hint: str | None


def body(**changes: object) -> dict[str, Any]:
    return {"body": fields(**changes)}


def without(name: str) -> dict[str, Any]:
    return {"body": {key: value for key, value in fields().items() if key != name}}


DATA_URI = "data:image/png;base64,aGk="
URL = "https://example.org/a.png"
IMAGE = {"image": DATA_URI}
CHAT = [{"content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]

PREFLIGHT = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}

CASES: dict[str, list[Case]] = {
    "path_with_v1_twice": [
        Case({**body(), "path": "/v1/v1/rerank"}, "append only /rerank"),
        Case(body(), None),
        Case({**body(), "path": "/v2/v1"}, None),
    ],
    "path_with_two_slashes": [
        Case({**body(), "path": "/v1//rerank"}, ": /v1/rerank"),
        Case({**body(), "path": "//v1///rerank"}, ": /v1/rerank"),
        Case({**body(), "path": "/v1//ranking"}, None),
        Case(body(), None),
    ],
    "path_with_trailing_slash": [
        Case({**body(), "path": "/v1/rerank/"}, "Use /v1/rerank: "),
        Case(body(), None),
    ],
    "path_without_rerank": [
        Case({**body(), "path": "/v1"}, "/v1/rerank"),
        Case({**body(), "path": "/"}, "/v1/rerank"),
        Case({"body": {}, "path": "/v1"}, None),
        Case({**body(), "path": "/v1/models"}, None),
    ],
    "path_without_v1": [
        Case({**body(), "path": "/rerank"}, ": /v1/rerank"),
        Case({"path": "/models", "method": "GET"}, ": /v1/models"),
        Case({**body(), "path": "/v1/rerank"}, None),
        Case({**body(), "path": "/ranking"}, None),
    ],
    "path_of_a_neighbour": [
        Case({**body(), "path": "/v2/rerank"}, "/v1/rerank"),
        Case({**body(), "path": "/v1/reranking"}, "/v1/rerank"),
        Case({**body(), "path": "/score"}, "/v1/rerank"),
        Case({**body(), "path": "/v1/v1/rerank"}, None),
        Case({**body(), "path": "/v1//rerank"}, None),
        Case({**body(), "path": "/rerank"}, None),
        Case({**body(), "path": "/v1/rerank/"}, None),
        Case({**body(), "path": "/v1/chat/completions"}, None),
    ],
    "rerank_model_elsewhere": [
        Case({"body": {"model": BGE, "messages": []}, "path": "/v1/chat/completions"}, BGE),
        Case({"body": {"model": QWEN, "input": "a"}, "path": "/v1/embeddings"}, QWEN),
        Case({"body": {"model": "gpt", "messages": []}, "path": "/v1/chat/completions"}, None),
        Case(body(), None),
    ],
    "browser_preflight": [
        Case({"method": "OPTIONS", "headers": PREFLIGHT}, "a server of your own"),
        Case({"method": "OPTIONS", "headers": {}}, None),
        Case({**body(), "headers": PREFLIGHT}, None),
    ],
    "wrong_method": [
        Case({"method": "OPTIONS", "headers": PREFLIGHT}, None),
        Case({"method": "GET"}, "accepts only POST (a redirect"),
        Case({"method": "POST", "path": "/v1/models"}, "accepts only GET"),
        Case({"method": "GET", "path": "/v1/models"}, None),
        Case({"method": "GET", "path": "/nowhere"}, None),
    ],
    "key_missing": [
        Case({"method": "OPTIONS", "headers": PREFLIGHT}, None),
        Case({**body(), "headers": {}}, "Send `Authorization: Bearer KEY`"),
        Case({**body(), "headers": {"x-api-key": "sk-mock"}}, "in x-api-key is ignored"),
        Case({**body(), "headers": with_key("Bearer ")}, "is the variable with the key empty?"),
        Case({**body(), "headers": with_key("sk-mock")}, None),
        Case({**body(), "headers": {**HEADERS, "x-api-key": "sk-mock"}}, None),
    ],
    "bearer_missing": [
        Case({**body(), "headers": with_key("sk-mock")}, "before the key"),
        Case({**body(), "headers": with_key("Token sk-mock")}, "before the key"),
        Case({**body(), "headers": with_key("bearer sk-mock")}, None),
        Case({**body(), "headers": {}}, None),
    ],
    "key_misshapen": [
        Case({**body(), "headers": with_key("Bearer Bearer sk-mock")}, "twice"),
        Case({**body(), "headers": with_key('Bearer "sk-mock"')}, "quotes"),
        Case({**body(), "headers": with_key("Bearer <YOUR KEY>")}, "placeholder"),
        Case({**body(), "headers": with_key("Bearer ${KEY}")}, "placeholder"),
        Case({**body(), "headers": with_key("Bearer  sk-mock ")}, None),
        Case({**body(), "headers": with_key("sk-mock")}, None),
    ],
    "key_unknown": [
        Case({**body(), "headers": with_key("Bearer sk-nobody")}, "separate accounts"),
        Case({**body(), "headers": with_key("Bearer sk-mock")}, None),
        Case({**body(), "headers": with_key("sk-nobody")}, None),
        Case({**body(), "headers": with_key("Bearer Bearer sk-mock")}, None),
        Case({**body(), "headers": {}}, None),
    ],
    "key_in_url": [
        Case({**body(), "query": "api_key=anything"}, "replace this key"),
        Case({**body(), "query": "x=sk-mock"}, "replace this key"),
        Case({**body(), "query": f"x={LONG_KEY}"}, "replace this key"),
        Case({**body(), "query": "x=sk%2Dmock"}, "replace this key"),
        Case({**body(), "path": "/v1/sk-mock/rerank"}, "replace this key"),
        Case({"method": "GET", "path": "/v1/models", "query": "type=text"}, None),
        Case({**body(), "query": "x=sk-short&key="}, None),
    ],
    "content_type_wrong": [
        Case({**body(), "headers": AUTHORIZATION}, "application/json"),
        Case({**body(), "headers": {**HEADERS, "content-type": "text/plain"}}, "application/json"),
        Case({**body(), "headers": {**HEADERS, "content-type": "Application/JSON; x=y"}}, None),
        Case({"method": "GET", "path": "/v1/models", "headers": AUTHORIZATION}, None),
    ],
    "no_timeout": [
        Case({**body(), "without_timeout": True}, "waits for ever"),
        Case(body(), None),
    ],
    "body_empty": [
        Case({"body": b""}, "Send a JSON object"),
        Case({"body": b"", "path": "/nowhere"}, None),
        Case({"body": b" "}, None),
    ],
    "body_not_json": [
        Case({"body": b"{'model': 'a'}"}, "json.dumps"),
        Case({"body": b"model=a&query=b"}, "json=, not data="),
        Case({"body": b"{"}, "Is not JSON"),
        Case({"body": gzip.compress(b"{}", mtime=0)}, "This is gzip"),
        Case({"body": json.dumps(fields()).encode("utf-16")}, "This is UTF-16"),
        Case({"body": json.dumps(fields()).encode("utf-16-le")}, "This is UTF-16"),
        Case({"body": json.dumps(fields()).encode("utf-16-be")}, "This is UTF-16"),
        Case({"body": json.dumps(fields()).encode("utf-8-sig")}, "utf-8-sig"),
        Case({"body": '{"query": "苹果"}'.encode("gbk")}, "This is GBK"),
        Case({"body": '{"query": "café"}'.encode("latin-1")}, "This is Latin-1"),
        Case({"body": b'{"top_n": NaN}'}, "neither NaN nor Infinity"),
        Case(body(), None),
        Case({"body": b"hello", "path": "/nowhere"}, None),
    ],
    "encoded_twice": [
        Case({"body": json.dumps(fields())}, "encode the object once"),
        Case({"body": "text"}, None),
    ],
    "documents_encoded": [
        Case(body(documents='["a", "b"]'), "send the array"),
        Case(body(documents="[a] and [b]"), None),
        Case(body(documents=["[1]"]), None),
    ],
    "unknown_field": [
        Case(body(instruct="a"), "`instruct`: did you mean `instruction`?"),
        Case(body(top_k=1), "`top_k`: did you mean `top_n`?"),
        Case(body(texts=["a"]), "`texts`: did you mean `documents`?"),
        Case(body(passages=["a"]), "`passages`: did you mean `documents`?"),
        Case(body(returnDocuments=True), "did you mean `return_documents`?"),
        Case(body(overlap_token=1), "did you mean `overlap_tokens`?"),
        Case(body(candidates=["a"]), "`candidates`: did you mean `documents`?"),
        Case({"body": {"model": BGE, "input": fields()}}, "`input`: the dialect of DashScope"),
        Case(body(parameters={"top_n": 1}), "`parameters`: the dialect of DashScope"),
        Case(body(max_tokens_per_doc=9), "`max_tokens_per_doc`: this API cannot truncate"),
        Case(body(truncation=True), "it has no effect; "),
        Case(body(temperature=1), "it has no effect; "),
        Case(body(top_n=1, return_documents=True), None),
        Case({"body": {"model": "a", "messages": []}, "path": "/v1/chat/completions"}, None),
    ],
    "null_field": [
        Case(body(top_n=None), "`top_n`: leave it out"),
        Case(body(query=None), None),
        Case(body(seed=None), None),
    ],
    "top_n_below_one": [
        Case(body(top_n=0), "`top_n` is 0"),
        Case(body(top_n=-1), "`top_n` is -1"),
        Case(body(top_n=1), None),
        Case(body(top_n=False), None),
    ],
    "top_n_beyond_documents": [
        Case(body(top_n=4), "`top_n` is 4, but there are only 3 documents: "),
        Case(body(top_n=2, documents="one"), "there is only 1 document: "),
        Case(body(top_n=3), None),
        Case(body(top_n=1, documents=[]), None),
    ],
    "unknown_model": [
        Case(body(model="bge-reranker-v2-m3"), f"did you mean `{BGE}`?"),
        Case(body(model="Qwen/Qwen3-Reranker-8b"), f"did you mean `{QWEN}`?"),
        Case(
            body(model=f"siliconflow/{BGE}"),
            f"prefix `siliconflow/`: the model is `{BGE}`",
        ),
        Case(body(model="cohere/bge-reranker-v2-m3"), f"`cohere/`: the model is `{BGE}`"),
        Case(body(model="Qwen3-Reranker-8"), "did you mean `Qwen/Qwen3-Reranker-"),
        Case(
            body(model="rerank-english-v3.0"),
            "GET /v1/models?type=text&sub_type=reranker lists the models",
        ),
        Case(body(), None),
        Case(without("model"), None),
    ],
    "gated_field": [
        Case(body(model=QWEN, overlap_tokens=1), f"supported only by {BGE}, Pro/{BGE}, netease"),
        Case(body(instruction="a"), "supported only by Qwen/Qwen3-Reranker-0.6B"),
        Case(body(model=QWEN, instruction="a"), None),
        Case(body(instruction=None), None),
        Case(body(overlap_tokens=1), None),
        Case(body(model="unknown", overlap_tokens=1), None),
    ],
    "text_as_object": [
        Case(body(documents=[{"text": "a"}]), "as strings"),
        Case(body(query={"text": "a"}), "as strings"),
        Case(body(model=MULTIMODAL, documents=[{"text": "a"}]), None),
        Case(body(documents=[IMAGE]), None),
    ],
    "field_rule": [
        Case(body(overlap_tokens=81), "`overlap_tokens`: Must be less than or equal to 80"),
        Case(body(top_n="3"), "`top_n`: Must be of type integer"),
        Case(body(return_documents="true"), "`return_documents`: "),
        Case(without("documents"), "`documents`: Must be present"),
        Case(body(documents=[]), "`documents`: Must have at least 1"),
        Case(body(query=""), "`query`: Must have at least 1"),
        Case(body(documents=[1]), "`documents.0`: "),
        Case({"body": [fields()]}, "`body`: Must be of type object"),
        Case({"body": b"null"}, "`body`: Must be of type object"),
        Case(body(top_n=None, overlap_tokens=80), None),
        Case(body(top_n=0), None),
        Case(body(documents=[{"text": "a"}]), None),
        Case({"body": b"{"}, None),
        Case({"body": [1], "path": "/nowhere"}, None),
    ],
    "empty_document": [
        Case(body(documents=["a", "", " \n"]), "At index 1, 2: "),
        Case(body(documents=[""] * 9), "0, 1, 2, 3, 4 and 4 more"),
        Case(body(documents=["a"]), None),
        Case(body(documents=[]), None),
    ],
    "duplicate_documents": [
        Case(body(documents=["a", "b", "a", "a"]), "At index 2, 3: "),
        Case(body(documents=["a", "A", "a "]), None),
        Case(body(model=MULTIMODAL, documents=[IMAGE, IMAGE]), None),
    ],
    "chat_style_content": [
        Case(body(model=MULTIMODAL, documents=CHAT), "without content parts"),
        Case(body(documents=[{"type": "text", "text": "a"}]), "without content parts"),
        Case(body(model=MULTIMODAL, query=CHAT[0]), "without content parts"),
        Case(body(model=MULTIMODAL, documents=[IMAGE]), None),
    ],
    "media_for_a_text_model": [
        Case(body(documents=[IMAGE]), f"accepts images and videos: {MULTIMODAL}"),
        Case(
            body(query={"video": "https://example.org/a.mp4"}),
            f"accepts images and videos: {MULTIMODAL}",
        ),
        Case(body(model=MULTIMODAL, documents=[IMAGE]), None),
        Case(body(documents=[{"image_url": {"url": URL}}]), f"images and videos: {MULTIMODAL}"),
        Case(body(documents=[{"text": "a"}]), None),
        Case(body(documents=CHAT), None),
    ],
    "media_as_text": [
        Case(body(model=MULTIMODAL, documents=[URL]), 'send {"image": URL'),
        Case(body(model=MULTIMODAL, query=DATA_URI), 'send {"image": URL'),
        Case(body(documents=["a", DATA_URI]), f"images and videos: {MULTIMODAL}"),
        Case(body(documents=[URL]), None),
        Case(body(model=MULTIMODAL, documents=[f"See {URL}", "data: none"]), None),
        Case(body(model=MULTIMODAL, documents=[IMAGE]), None),
    ],
    "media_as_object": [
        Case(body(model=MULTIMODAL, documents=[{"image": {"url": URL}}]), "without an object"),
        Case(body(model=MULTIMODAL, documents=[{"image": URL}]), None),
        Case(body(model=MULTIMODAL, documents=[{"video": {"url": URL}}]), None),
    ],
    "media_misnamed": [
        Case(body(model=MULTIMODAL, documents=[{"image_url": URL}]), "call it `image`"),
        Case(body(model=MULTIMODAL, documents=[{"text": "a", "video_url": URL}]), "it `video`"),
        Case(body(model=MULTIMODAL, documents=[{"text": "a", "title": URL}]), None),
    ],
    "media_without_prefix": [
        Case(body(model=MULTIMODAL, documents=[{"image": "aGVs" * 16}]), "before it"),
        Case(body(model=MULTIMODAL, documents=[{"image": "aGVs" * 4}]), None),
        Case(body(model=MULTIMODAL, documents=[IMAGE]), None),
    ],
    "media_not_base64": [
        Case(body(model=MULTIMODAL, documents=[{"image": f"{DATA_URI}="}]), "padding"),
        Case(body(model=MULTIMODAL, query={"image": "data:image/png;base64,a-_="}), "padding"),
        Case(body(model=MULTIMODAL, documents=[{"image": "data:image/png,aGk="}]), "base64"),
        Case(body(model=MULTIMODAL, documents=[IMAGE, {"image": URL}]), None),
    ],
    "media_is_no_url": [
        Case(body(model=MULTIMODAL, documents=[{"image": "/tmp/a.png"}]), "cannot read files"),
        Case(body(model=MULTIMODAL, documents=[{"video": "file:///a.mp4"}]), "cannot read files"),
        Case(body(model=MULTIMODAL, documents=[{"image": URL}, IMAGE]), None),
    ],
}


def given_on(state: State, **sent: Any) -> dict[str, str]:  # noqa: ANN401 - see `ask`
    """Send a request; return the hints that it is given, by id."""
    ask(state, **sent)
    return {advice.id: advice.hint for advice in state.journal[-1].advice}


@pytest.mark.parametrize(
    ("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases]
)
def test_an_advice_is_given_where_it_belongs_and_nowhere_else(name: str, case: Case) -> None:
    hint = given_on(State(), **case.sent).get(name)
    assert (hint is None) == (case.hint is None), hint
    assert hint is None or (case.hint and case.hint in hint)


def test_every_advice_on_a_request_has_a_case_that_raises_it_and_one_that_does_not() -> None:
    assert list(CASES) == [rule.id for rule in (*ON_HEADS, *ON_BODIES)]
    for cases in CASES.values():
        assert {case.hint is None for case in cases} == {True, False}


ODD = st.one_of(
    st.none(),
    st.integers(-1, 9),
    st.sampled_from(["", " ", "a", "[1]", "{}", DATA_URI, URL]),
    st.lists(st.sampled_from(["", "a", " a", "b", DATA_URI, URL]), max_size=3),
)


@pytest.mark.slow
@settings(max_examples=500)
@given(
    st.dictionaries(st.sampled_from([*sorted(CONTRACT.fields), "top_k"]), ODD, max_size=2),
    st.sampled_from([BGE, QWEN, MULTIMODAL, "unknown"]),
    st.sampled_from(["/v1/rerank", "/v1/rerank/", "/v1/models"]),
    st.sampled_from(["Bearer sk-mock", "Bearer sk-nobody", "sk-mock"]),
    st.booleans(),
)
def test_no_advice_is_lost_where_the_rules_are_not_tried(
    changes: dict[str, Any], model: str, path: str, key: str, without_timeout: bool
) -> None:
    body = json.dumps(fields(**{"model": model, **changes})).encode()
    state = State()
    answered = respond(state, Request("POST", path, "", with_key(key), body, without_timeout))
    exchange = observe(state, answered)
    rules = (*ON_HEADS, *ON_BODIES)
    found = [advice for rule in rules for advice in rule.advise(answered.received)]
    assert list(exchange.advice) == list(advise_on_request(answered.received)) == found


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    st.sampled_from([model.id for model in MODELS.values() if model.state == "online"]),
    TEXTS,
    st.lists(TEXTS.filter(str.strip), min_size=1, max_size=8, unique=True),
    st.sampled_from([{}, {"top_n": 1}, {"return_documents": True}]),
)
def test_a_request_that_keeps_the_contract_is_given_no_advice(
    model: str, query: str, documents: list[str], options: dict[str, Any]
) -> None:
    assert given_on(State(), **body(model=model, query=query, documents=documents, **options)) == {}


def test_the_example_of_the_page_is_given_no_advice() -> None:
    classic = json.loads((REVISION / "request.classic.json").read_bytes())
    example = {
        name: field["examples"][-1]
        for name, field in classic["properties"].items()
        if "examples" in field and name != "instruction"
    }
    assert given_on(State(), body=example) == {}


@pytest.mark.parametrize(
    "sent", [case.sent for cases in CASES.values() for case in cases], ids=lambda _: ""
)
def test_what_breaks_the_contract_and_is_refused_gets_advice(sent: dict[str, Any]) -> None:
    state = State(behaviour=PRESETS["strict"])
    response = ask(state, **sent)
    assert response.status == 200 or state.journal[0].advice or response.status in {401, 404}


@given(st.sampled_from(sorted(DIALECTS)))
def test_a_word_of_a_neighbour_is_no_word_of_ours(name: str) -> None:
    own = FORMS["classic"].fields
    assert name not in own
    assert DIALECTS[name] in {*own, None}
    assert likely_field(CONTRACT, name) == DIALECTS[name]


@given(st.sampled_from(sorted(FORMS["classic"].fields)), st.data())
def test_a_slip_of_the_pen_is_recognised(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    slip = name[:place] + name[place + 1 :]
    if len(name) > 6 and slip not in FORMS["classic"].fields and slip not in DIALECTS:
        assert likely_field(CONTRACT, slip) == name


class Life:
    """A mock with a clock in hand, and one client."""

    def __init__(self) -> None:
        self.state = State(clock=Clock(1_000_000.0), behaviour=PRESETS["observed"])
        self.state.behaviour = replace(self.state.behaviour, retry_after="present")
        self.state.open_account("sk-other")

    def sends(self, after: float = 0, **sent: Any) -> list[str]:  # noqa: ANN401 - see `ask`
        """Send a request so many seconds later; return the ids of the advice."""
        self.state.clock.advance(after)
        return list(given_on(self.state, **{**body(), **sent}))

    def limit(self, requests: int = 1) -> None:
        self.state.change_account("account-1", limits={"RPM": requests})

    def arm(self, **step: Any) -> None:  # noqa: ANN401 - a step as JSON has it
        self.state.arm("account-1", Scenario.from_json({"name": "one", "steps": [step]}))


@pytest.fixture
def life() -> Life:
    return Life()


BAD = body(top_n="a")


@pytest.mark.parametrize(
    "sent",
    [
        BAD,
        body(model="unknown"),
        {"headers": with_key("Bearer sk-wrong")},
        {"path": "/v1/nowhere"},
        body(model="netease-youdao/bce-reranker-base_v1"),
        body(query="rerank-mock:balance_insufficient_payment"),
    ],
    ids=["400", "400 model", "401", "404", "403", "402"],
)
def test_retried_refusal_is_given_to_the_same_request_soon_after(
    life: Life, sent: dict[str, Any]
) -> None:
    assert "retried_refusal" not in life.sends(**sent)
    assert "retried_refusal" in life.sends(after=5, **sent)
    assert "retried_refusal" not in life.sends(after=60, **sent)


def test_retried_refusal_is_given_where_the_retry_succeeds(life: Life) -> None:
    life.arm(error="parameter_invalid")
    assert life.sends() == []
    assert life.sends(after=5) == ["retried_refusal"]
    assert life.sends(after=5) == []


def test_retried_refusal_is_not_given_to_another_request_or_caller(life: Life) -> None:
    life.sends(**BAD)
    assert "retried_refusal" not in life.sends(**body(top_n="b"))
    assert "retried_refusal" not in life.sends(**BAD, headers=with_key("Bearer sk-other"))


def test_retried_refusal_is_not_given_once_the_circumstances_changed(life: Life) -> None:
    model = "netease-youdao/bce-reranker-base_v1"
    life.sends(**body(model=model))
    life.state.behaviour = replace(life.state.behaviour, offline_model="not_found")
    assert "retried_refusal" not in life.sends(**body(model=model))
    life.state.change_model(model, state="online")
    assert "retried_refusal" not in life.sends(**body(model=model))
    life.state.change_account("account-1", standing="forbidden")
    life.sends()
    life.state.change_account("account-1", standing="normal")
    assert life.sends() == []
    nobody: dict[str, Any] = {"headers": with_key("Bearer sk-new")}
    assert life.sends(**nobody) == ["key_unknown"]
    life.state.open_account("sk-new")
    assert life.sends(**nobody) == []


def test_retried_before_retry_after_is_given_until_the_time_is_over(life: Life) -> None:
    life.limit()
    life.sends()
    life.sends()
    assert life.sends(after=59) == ["retried_before_retry_after"]
    assert life.sends(after=1) == []


def test_retried_before_retry_after_is_given_where_it_was_a_date(life: Life) -> None:
    ten_seconds_later = "Mon, 12 Jan 1970 13:46:50 GMT"
    life.arm(error="overloaded", headers={"retry-after": ten_seconds_later})
    life.sends()
    assert life.sends(after=9) == ["retried_before_retry_after"]
    life.arm(error="overloaded", headers={"retry-after": ten_seconds_later})
    life.sends()
    assert life.sends(after=1) == []


def test_a_retry_after_that_says_nothing_is_none(life: Life) -> None:
    life.arm(error="overloaded", headers={"retry-after": "soon"})
    life.sends()
    assert life.sends() == ["retried_at_once"]


def test_retried_at_once_is_given_without_a_pause(life: Life) -> None:
    life.arm(error="overloaded", times=3)
    assert life.sends() == []
    assert life.sends(after=0.05) == ["retried_at_once"]
    assert life.sends(after=0.15) == []
    assert life.sends(**body(query="another")) == []


def test_paid_twice_is_given_to_what_costs_money(life: Life) -> None:
    costly = body(model=QWEN)
    assert life.sends(**costly) == []
    assert life.sends(after=5, **costly) == ["paid_twice"]
    assert life.sends(**costly, headers=with_key("Bearer sk-other")) == []
    assert life.sends(**body(model=QWEN, query="another")) == []
    free = body(model=BGE)
    assert [life.sends(**free) for _ in range(2)] == [[], []]


def test_redirect_ignored_is_given_to_who_asks_there_again(life: Life) -> None:
    slash: dict[str, Any] = {"path": "/v1/rerank/"}
    life.sends(**slash)
    assert "redirect_ignored" in life.sends(after=1, **slash)
    assert "redirect_ignored" not in life.sends(after=1, path="/v1/rerank")
    assert "redirect_ignored" not in life.sends(after=1, **slash)
    assert "redirect_ignored" not in life.sends(after=61, **slash)


def test_a_key_that_the_test_took_away_is_not_unknown(life: Life) -> None:
    life.state.change_account("account-1", keys=["sk-new"])
    assert life.sends() == []
    assert life.sends(**body(query="b"), headers=with_key("Bearer sk-new")) == []


def test_dead_key_is_given_to_other_requests_with_a_refused_key(life: Life) -> None:
    dead: dict[str, Any] = {"headers": with_key("Bearer sk-dead")}
    unknown = "key_unknown"
    assert life.sends(**dead) == [unknown]
    assert life.sends(**dead, **body(query="b")) == [unknown, "dead_key"]
    assert life.sends(**dead, **body(query="b")) == [unknown, "retried_refusal"]
    assert life.sends(**body(query="c")) == []
    assert life.sends(**body(query="d"), headers=with_key("Bearer sk-dead-2")) == [unknown]
    assert "dead_key" not in life.sends(**body(query="e"), headers={})
    assert "dead_key" not in life.sends(**body(query="f"), headers={})


def test_every_advice_over_time_has_its_tests() -> None:
    names = [name for name in globals() if name.startswith("test_")]
    for rule in OVER_TIME:
        assert any(name.startswith(f"test_{rule.id}_is_given_") for name in names)


def test_a_request_that_was_under_way_is_no_retry(life: Life) -> None:
    life.arm(error="overloaded")
    answered = respond(life.state, Request("POST", "/v1/rerank", "", HEADERS, b"{}"))
    first, sooner, later = (observe(life.state, answered) for _ in range(3))
    assert first.response.status == 503
    first.milliseconds = 50.0
    sooner.at, later.at = first.at + 0.04, first.at + 0.06
    past = Past(first, first)
    assert not advise_over_time(sooner, past)
    assert [advice.id for advice in advise_over_time(later, past)] == ["retried_at_once"]


def test_a_hint_has_no_key_in_it() -> None:
    state = State(keys=["sk-mock", "sk-very-secret"])
    for sent in (body(**{"sk-very-secret": 1}), body(model="sk-very-secret")):
        (hint,) = given_on(state, **sent).values()
        assert hint.startswith("`[redacted]`: ")


def test_the_header_has_each_id_once() -> None:
    response = ask(State(), fields(top_k=1, texts=["a"], top_n=None))
    assert response.headers["x-rerank-mock-advice"] == "unknown_field, null_field"


def test_a_request_without_advice_has_no_header() -> None:
    assert "x-rerank-mock-advice" not in ask(State(), fields()).headers


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_an_advice_is_a_sentence_and_a_hint_that_goes_on_from_it(rule: Any) -> None:  # noqa: ANN401 - of two kinds
    assert re.fullmatch(r"[A-Z`].*[^.]\.", rule.sentence)
    assert rule.severity in {"breach", "mistake", "remark"}


def test_the_guide_has_every_advice_in_its_table() -> None:
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:3] == "| `"]
    assert rows == [[f"`{rule.id}`", rule.severity, rule.sentence] for rule in RULES.values()]


def test_an_advice_turns_into_json() -> None:
    advice = Advice("a", "remark", "It was.", "Be.")
    assert advice.to_json() == {
        "id": "a",
        "severity": "remark",
        "sentence": "It was.",
        "hint": "Be.",
    }
