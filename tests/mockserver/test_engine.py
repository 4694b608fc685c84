import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.state.clock import Clock
from mockserver.state.store import State
from mockserver.wire import Response
from tests.mockserver.asking import (
    AUTHORIZATION,
    BGE,
    HEADERS,
    MODELS,
    MULTIMODAL,
    OFFLINE,
    PRESETS,
    QWEN,
    REVISION,
    ask,
    fields,
    read,
    rerank,
)

RESPONSE: Any = jsonschema.Draft202012Validator(
    json.loads((REVISION / "response.json").read_bytes())
)
ERROR: Any = jsonschema.Draft202012Validator(json.loads((REVISION / "error.json").read_bytes()))

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DOCUMENTS = st.lists(TEXTS, min_size=1, max_size=8)
ONLINE = [model.id for model in MODELS.values() if model.state == "online"]

BAD_KEY = {**HEADERS, "authorization": "Bearer sk-wrong"}


@given(
    st.sampled_from(ONLINE),
    TEXTS.filter(bool),
    DOCUMENTS | TEXTS,
    st.fixed_dictionaries(
        {},
        optional={
            "top_n": st.integers(1, 10),
            "return_documents": st.booleans(),
            "instruction": TEXTS.filter(bool),
            "max_chunks_per_doc": st.integers(1, 2048),
            "overlap_tokens": st.integers(0, 80),
        },
    ),
)
def test_every_valid_request_gets_the_answer_of_the_contract(
    model: str, query: str, documents: list[str] | str, options: dict[str, Any]
) -> None:
    answer = rerank(State(), model=model, query=query, documents=documents, **options)
    RESPONSE.validate(answer)
    sent = [documents] if isinstance(documents, str) else documents
    results = answer["results"]
    indices = [result["index"] for result in results]
    scores = [result["relevance_score"] for result in results]
    ranked = {index for index, text in enumerate(sent) if text}
    assert len(set(indices)) == len(results) == min(options.get("top_n", 10), len(ranked))
    assert set(indices) <= ranked
    assert scores == sorted(scores, reverse=True)
    for result in results:
        echoed = result["document"] and result["document"]["text"]
        assert echoed == (sent[result["index"]] if options.get("return_documents") else None)


@given(DOCUMENTS, st.integers(1, 8))
def test_top_n_leaves_the_best_of_all(documents: list[str], top_n: int) -> None:
    everything = rerank(State(), documents=documents)["results"]
    assert rerank(State(), documents=documents, top_n=top_n)["results"] == everything[:top_n]


def test_ties_are_ordered_by_index() -> None:
    results = rerank(State(), documents=["same", "apple", "same", "same"])["results"]
    assert [result["index"] for result in results] == [1, 0, 2, 3]


def test_a_string_is_ranked_as_the_array_that_holds_it() -> None:
    alone, listed = (
        rerank(State(), documents=sent, return_documents=True)["results"]
        for sent in ("an apple", ["an apple"])
    )
    assert alone == listed


def score(model: str, document: str, **options: object) -> float:
    answer: dict[str, Any] = rerank(
        State(), model=model, query="deep learning", documents=document, **options
    )
    found: float = answer["results"][0]["relevance_score"]
    return found


def cut_by_chunks(model: str) -> str:
    """Return a document whose first two chunks part the words of `deep learning`."""
    size = MODELS[model].context_tokens - 2
    return "filler " * (size - 1) + "deep learning" + " filler" * 100


def test_max_chunks_per_doc_acts_on_models_that_support_it_alone() -> None:
    document = "filler " * 40_000 + "deep learning"
    assert score(BGE, document, max_chunks_per_doc=1) < score(BGE, document)
    assert score(QWEN, document, max_chunks_per_doc=1) == score(QWEN, document)


def test_overlap_tokens_act_on_models_that_support_them_alone() -> None:
    parted = cut_by_chunks(BGE)
    assert score(BGE, parted, overlap_tokens=80) > score(BGE, parted)
    parted = cut_by_chunks(QWEN)
    assert score(QWEN, parted, overlap_tokens=80) == score(QWEN, parted)


def test_chunks_do_not_overlap_unless_asked_to() -> None:
    parted = cut_by_chunks(BGE)
    assert score(BGE, parted) == score(BGE, parted, overlap_tokens=0)


def test_an_instruction_acts_on_models_that_support_it_alone() -> None:
    def scores(model: str, **options: object) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = rerank(State(), model=model, **options)["results"]
        return results

    assert scores(QWEN, instruction="Rank fruit") != scores(QWEN)
    assert scores(BGE, instruction="Rank fruit") == scores(BGE)


def test_an_integral_number_counts_as_the_integer() -> None:
    assert len(rerank(State(), top_n=2.0, overlap_tokens=-0.0)["results"]) == 2


@pytest.mark.parametrize("top_n", [2**64, 1e300])
def test_a_top_n_beyond_all_measure_returns_all(top_n: float) -> None:
    assert len(rerank(State(), top_n=top_n)["results"]) == 3


def test_multimodal_content_is_echoed_as_it_was_sent() -> None:
    documents = ["an apple", {"text": "pear", "x": [1]}, {"image": "data:image/png;base64,aGk="}]
    answer = rerank(
        State(),
        model=MULTIMODAL,
        query={"text": "apple"},
        documents=documents,
        return_documents=True,
    )
    echoes = {result["index"]: result["document"] for result in answer["results"]}
    assert echoes == {0: {"text": "an apple"}, 1: documents[1], 2: documents[2]}
    assert answer["meta"]["tokens"]["image_tokens"] > 0


def test_tokens_and_billed_units_agree() -> None:
    meta = rerank(State())["meta"]
    assert meta["tokens"]["input_tokens"] == meta["billed_units"]["input_tokens"] > 0
    assert meta["tokens"]["output_tokens"] == 0


def refused(response: Response, status: int, **members: object) -> None:
    body = read(response)
    ERROR.validate(body)
    assert response.status == status
    assert members.items() <= {"text": body, **(body if isinstance(body, dict) else {})}.items()


def test_a_request_without_a_key_is_refused() -> None:
    refused(ask(State(), fields(), headers={}), 401, text="Invalid token")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "Invalid token"),
        ("Bearer", "Invalid token"),
        ("Basic sk-mock", "Invalid token"),
        ("sk-mock", "Invalid token"),
        ("Bearer sk-mock sk-mock", "Api key is invalid"),
        ("Bearer sk-mocK", "Api key is invalid"),
    ],
)
def test_a_header_that_holds_no_valid_key_is_refused(header: str, message: str) -> None:
    refused(ask(State(), fields(), headers={"authorization": header}), 401, text=message)


def test_the_scheme_may_be_written_in_any_case() -> None:
    assert ask(State(), fields(), headers={"authorization": "bearer  sk-mock "}).status == 200


def test_an_unknown_model_is_refused() -> None:
    refused(ask(State(), fields(model="bge-reranker-v2-m3")), 400, code=20012)


def test_an_offline_model_is_refused_until_it_is_online() -> None:
    state = State()
    refused(ask(state, fields(model=OFFLINE)), 403, code=30003, message="Model disabled.")
    state.change_model(OFFLINE, state="online")
    assert ask(state, fields(model=OFFLINE)).status == 200


def test_the_form_of_the_named_model_is_the_one_that_counts() -> None:
    content = {"query": {"text": "apple"}}
    assert ask(State(), fields(model=MULTIMODAL, **content)).status == 200
    refused(ask(State(), fields(**content)), 400, message="query: Must be of type string")
    refused(ask(State(), fields(model="unknown", **content)), 400, code=20015)


# Each request has a fault, and where it can the fault of the next one too.
FAULTS: list[tuple[dict[str, Any], int, dict[str, object]]] = [
    ({"path": "/v1/nowhere", "headers": BAD_KEY}, 404, {}),
    ({"headers": BAD_KEY, "body": b"x" * 100}, 401, {}),
    ({"body": b"x" * 3_000_000}, 413, {"code": 20042}),
    ({"body": b"{"}, 400, {"code": 20015}),
    ({"body": {"model": "unknown"}}, 400, {"code": 20015}),
    ({"body": fields(model="unknown", overlap_tokens=1)}, 400, {"code": 20012}),
    ({"body": fields(model=OFFLINE, instruction="a")}, 403, {"code": 30003}),
    ({"body": fields(model=QWEN, overlap_tokens=1)}, 400, {"code": 20015}),
]


@pytest.mark.parametrize(("sent", "status", "members"), FAULTS)
def test_decisions_fall_in_the_order_of_the_design(
    sent: dict[str, Any], status: int, members: dict[str, object]
) -> None:
    page = replace(PRESETS["page"], max_body_bytes=2_000_000)
    refused(ask(State(behaviour=page), **sent), status, **members)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "sent", [{"body": fields()}, {"path": "/v1/rerank/"}, *(f[0] for f in FAULTS)]
)
def test_every_answer_has_a_trace_id_of_its_own(preset: str, sent: dict[str, Any]) -> None:
    state = State(behaviour=PRESETS[preset], clock=Clock(0.0))
    traces = {ask(state, **sent).headers["x-siliconcloud-trace-id"] for _ in range(3)}
    assert len(traces) == 3


def test_a_page_in_a_browser_is_answered_where_it_may_be() -> None:
    state = State(behaviour=replace(PRESETS["observed"], cors="present"))
    asked = {
        "origin": "https://example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    preflight = ask(state, b"", method="OPTIONS", headers=asked)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    assert ask(state, b"", method="OPTIONS", path="/v1/none", headers=asked).status == 404
    for key, status in (("sk-mock", 200), ("sk-none", 401)):
        headers = {**HEADERS, "origin": "https://example.com", "authorization": f"Bearer {key}"}
        answer = ask(state, fields(), headers=headers)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, "*")
    assert "access-control-allow-origin" not in ask(state, fields()).headers
    assert state.journal[0].advice_ids == ""


def test_a_trailing_slash_is_redirected_and_a_wrong_method_gets_allow() -> None:
    assert ask(State(), path="/v1/rerank/").headers["location"] == "/v1/rerank"
    strict = State(behaviour=PRESETS["strict"])
    assert ask(strict, method="GET").headers["allow"] == "POST"
    assert ask(strict, path="/v1/models").headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", True),
        ("type=text&sub_type=reranker", True),
        ("sub_type=reranker", True),
        ("sub_type=embedding", False),
        ("type=image", False),
    ],
)
def test_models_that_are_online_are_listed_under_their_types(query: str, listed: bool) -> None:
    response = ask(State(), method="GET", path="/v1/models", query=query, headers=AUTHORIZATION)
    answer = read(response)
    assert answer["object"] == "list"
    assert [model["id"] for model in answer["data"]] == (ONLINE if listed else [])
    assert all(model["object"] == "model" for model in answer["data"])


def test_user_info_has_money_as_strings() -> None:
    answer = read(ask(State(), method="GET", path="/v1/user/info", headers=AUTHORIZATION))
    assert (answer["code"], answer["status"]) == (20000, True)
    assert answer["data"]["status"] == "normal"
    assert answer["data"]["totalBalance"] == answer["data"]["chargeBalance"] == "100.00"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/user/info"])
def test_companion_endpoints_need_a_key(path: str) -> None:
    refused(ask(State(), method="GET", path=path, headers=BAD_KEY), 401, text="Api key is invalid")


def test_no_answer_repeats_the_key() -> None:
    state = State(keys=["sk-very-secret"])
    headers = {"authorization": "Bearer sk-very-secret"}
    for method, path in [("POST", "/v1/rerank"), ("GET", "/v1/models"), ("GET", "/v1/user/info")]:
        response = ask(state, fields(), method=method, path=path, headers=headers)
        assert response.status == 200
        assert "sk-very-secret" not in repr(response)
