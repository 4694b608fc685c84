"""The independent server conforms, and takes the freedoms that it is told to take."""

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.independent_server import VARIANTS, IndependentServer
from tests.independent_service import Freedoms
from tests.schemas.data import CONTRACT, Json, errors

KEY = "sk-of-this-test"
BODY: Json = {
    "model": "BAAI/bge-reranker-v2-m3",
    "query": "Apple",
    "documents": ["apple", "banana", "fruit", "vegetable"],
    "return_documents": True,
    "top_n": 4,
}
QWEN = {**BODY, "model": "Qwen/Qwen3-Reranker-8B"}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as client:
        yield client


def call(http: httpx.Client, server: IndependentServer, body: Json = BODY) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body)
    return http.post(f"{server.base_url}/rerank", content=content)


def call_once(http: httpx.Client, body: Json = BODY, **freedoms: Json) -> httpx.Response:
    with IndependentServer(KEY, **freedoms) as server:
        return call(http, server, body)


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> dict[str, Json]:
    return VARIANTS[request.param]


def test_every_freedom_has_a_variant() -> None:
    taken = {name for variant in VARIANTS.values() for name in variant}
    assert taken == {field.name for field in dataclasses.fields(Freedoms)}


def test_every_variant_ranks_as_the_page_says(http: httpx.Client, variant: dict[str, Json]) -> None:
    with IndependentServer(KEY, **variant) as server:
        answers = [call(http, server) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200
        assert errors(CONTRACT["response"], answer.json()) == []
        results = answer.json()["results"]
        scores = [result["relevance_score"] for result in results]
        assert scores == sorted(scores, reverse=True)
        assert sorted(result["index"] for result in results) == [0, 1, 2, 3]
        for result in results:
            assert result["document"]["text"] == BODY["documents"][result["index"]]
        assert results[0]["index"] == 0
    assert answers[0].json()["id"] != answers[1].json()["id"]
    traces = {answer.headers["x-siliconcloud-trace-id"] for answer in answers}
    assert len(traces) == 2


INVALID: list[Json] = [
    b"",
    b"{",
    b'{"query": "\xff"}',
    b"[]",
    b"[" * 100_000,
    json.dumps({**BODY, "surplus": math.nan}).encode(),
    {},
    *(
        {name: value for name, value in BODY.items() if name != left_out}
        for left_out in ("model", "query", "documents")
    ),
    *({**BODY, name: None} for name in ("model", "query", "documents")),
    {**BODY, "model": "bge-reranker-v2-m3"},
    {**BODY, "query": ""},
    {**BODY, "query": {"text": "Apple"}},
    {**BODY, "documents": []},
    {**BODY, "documents": ["apple", 1]},
    {**BODY, "documents": [{"text": "apple"}]},
    {**BODY, "documents": {}},
    *({**BODY, "top_n": wrong} for wrong in (0, -1, "2", True, 2.5, [2])),
    *({**BODY, "return_documents": wrong} for wrong in ("true", 1, 0)),
    *({**BODY, "max_chunks_per_doc": wrong} for wrong in (0, "2", True, 2.5)),
    *({**BODY, "overlap_tokens": wrong} for wrong in (-1, 81, "2", True, 2.5)),
    *({**QWEN, "instruction": wrong} for wrong in ("", 1, ["x"])),
    {**BODY, "model": "Qwen/Qwen3-VL-Reranker-8B", "documents": [{}]},
    {**BODY, "model": "Qwen/Qwen3-VL-Reranker-8B", "query": {"content": [{"type": "text"}]}},
]


@pytest.mark.parametrize("body", INVALID)
def test_an_invalid_request_is_refused(http: httpx.Client, body: Json) -> None:
    answer = call_once(http, body)
    assert answer.status_code == 400
    assert errors(CONTRACT["error"], answer.json()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"documents": "apple"},
        {"top_n": 1},
        {"top_n": 9},
        {"top_n": 2.0},
        {"top_n": None},
        {"overlap_tokens": 0},
        {"overlap_tokens": 80},
        {"max_chunks_per_doc": 1},
        {"instruction": "x"},
        {"surplus": 1},
        {"documents": ["", "\0", "\ud800", "x" * 100_000]},
        {"model": "Qwen/Qwen3-Reranker-8B", "instruction": "x", "overlap_tokens": 81},
        {
            "model": "Qwen/Qwen3-VL-Reranker-8B",
            "query": {"text": ""},
            "documents": ["", {"image": "https://example.org/a.png"}, {"text": "x", "video": "y"}],
        },
    ],
)
def test_a_valid_request_is_ranked(http: httpx.Client, change: dict[str, Json]) -> None:
    request = {**BODY, **change}
    answer = call_once(http, request)
    assert answer.status_code == 200
    assert errors(CONTRACT["response"], answer.json()) == []
    documents = request["documents"]
    sent: Json = [documents] if isinstance(documents, str) else documents
    assert len(answer.json()["results"]) == min(request["top_n"] or len(sent), len(sent))
    for result in answer.json()["results"]:
        document = sent[result["index"]]
        assert result["document"] == ({"text": document} if isinstance(document, str) else document)


@pytest.mark.parametrize(
    ("freedoms", "change"),
    [
        ({"gated": "refused"}, {"instruction": "x"}),
        ({"unknown_fields": "refused"}, {"surplus": 1}),
        ({"null": "refused"}, {"top_n": None}),
        ({"integral_floats": "refused"}, {"top_n": 2.0}),
        ({"top_n_beyond_documents": "refused"}, {"top_n": 5}),
        ({"only_model": "Qwen/Qwen3-Reranker-8B"}, {}),
    ],
)
def test_what_a_service_may_refuse_is_refused_when_told(
    http: httpx.Client, freedoms: dict[str, Json], change: dict[str, Json]
) -> None:
    with IndependentServer(KEY, **freedoms) as server:
        assert call(http, server, {**BODY, **change}).status_code == 400
        only = freedoms.get("only_model", BODY["model"])
        assert call(http, server, {**BODY, "model": only}).status_code == 200


def test_document_is_null_or_absent_where_it_is_not_asked_for(http: httpx.Client) -> None:
    request = {**BODY, "return_documents": False}
    null = call_once(http, request, document="null").json()["results"][0]
    absent = call_once(http, request, document="absent").json()["results"][0]
    assert null["document"] is None
    assert "document" not in absent


def test_an_answer_takes_the_shape_that_it_is_told_to_take(http: httpx.Client) -> None:
    plain = call_once(http).json()
    assert plain.keys() == {"id", "results", "meta"}
    assert "meta" not in call_once(http, meta=False).json()
    extended = call_once(http, extra_members=True).json()
    assert extended.keys() > plain.keys()
    assert extended["results"][0].keys() > plain["results"][0].keys()
    assert len(plain["id"]) == 32
    assert call_once(http, id_shape="prefixed").json()["id"] == f"rerank-{plain['id']}"
    assert call_once(http, id_shape="number").json()["id"] == str(int(plain["id"], 16))
    assert "\n" not in call_once(http).text
    assert "\n" in call_once(http, pretty=True).text


def scores(answer: httpx.Response) -> list[float]:
    return [result["relevance_score"] for result in answer.json()["results"]]


def test_scores_take_the_shape_that_they_are_told_to_take(http: httpx.Client) -> None:
    assert all(0 < score < 1 for score in scores(call_once(http)))
    assert any(not 0 < score < 1 for score in scores(call_once(http, logits=True)))
    assert all(type(score) is int for score in scores(call_once(http, integer_scores=True)))
    tied = {**BODY, "query": "z", "top_n": None}
    assert len(set(scores(call_once(http, tied, ties=True)))) == 1


def test_noise_moves_scores_a_little_and_a_seed_repeats_it(http: httpx.Client) -> None:
    def two_calls(noise: float, seed: int) -> list[list[float]]:
        with IndependentServer(KEY, seed=seed, noise=noise) as server:
            return [scores(call(http, server)) for _ in range(2)]

    first, second = two_calls(1e-6, seed=1)
    assert first != second
    assert first == pytest.approx(second, abs=2e-6)
    assert two_calls(1e-6, seed=1) == [first, second]
    assert two_calls(1e-6, seed=2) != [first, second]
    still = two_calls(0.0, seed=1)
    assert still[0] == still[1]


def test_header_names_take_the_case_that_they_are_told_to_take(http: httpx.Client) -> None:
    for case in ("lower", "upper", "title"):
        names = [name for name, _ in call_once(http, header_case=case).headers.raw]
        expected = getattr(b"x-siliconcloud-trace-id", case)()
        assert expected in names


def test_a_chunked_answer_says_the_same(http: httpx.Client) -> None:
    chunked, whole = call_once(http, chunked=True), call_once(http)
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in chunked.headers
    assert chunked.json() == whole.json()


def test_a_chunked_request_is_read(http: httpx.Client) -> None:
    text = json.dumps(BODY).encode()
    with IndependentServer(KEY) as server:
        for _ in range(2):
            answer = http.post(
                f"{server.base_url}/rerank", content=iter([text[:10], text[10:90], text[90:]])
            )
            assert answer.status_code == 200


@pytest.mark.parametrize("authorization", [None, "Bearer sk-wrong", KEY, f"Basic {KEY}"])
def test_without_the_key_nothing_is_ranked(authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    for status, body, kind in ((401, "string", str), (403, "object", dict)):
        with (
            IndependentServer(KEY, unauthorized_status=status, unauthorized_body=body) as server,
            httpx.Client(headers=headers) as stranger,
        ):
            answer = call(stranger, server)
        assert answer.status_code == status
        assert type(answer.json()) is kind
        assert errors(CONTRACT["error"], answer.json()) == []
        assert KEY not in answer.text


def test_refusals_take_the_shape_that_they_are_told_to_take(http: httpx.Client) -> None:
    wrong = {**BODY, "top_n": 0}
    assert call_once(http, wrong).json()["code"] == 20015
    assert "code" not in call_once(http, wrong, error_code=False).json()
    assert call_once(http, wrong, refusal_status=422).status_code == 422


@pytest.mark.parametrize(
    ("freedom", "status"), [("rate_limited_every", 429), ("overloaded_every", 503)]
)
def test_every_so_many_th_call_fails_when_told(
    http: httpx.Client, freedom: str, status: int
) -> None:
    with IndependentServer(KEY, **{freedom: 3}) as server:
        answers = [call(http, server) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, status] * 2
    assert ("retry-after" in answers[2].headers) == (status == 429)


@pytest.mark.parametrize(("plain", "kind"), [(True, "text/plain"), (False, "application/json")])
def test_an_unknown_path_is_not_found(http: httpx.Client, plain: bool, kind: str) -> None:
    with IndependentServer(KEY, plain_not_found=plain) as server:
        answer = http.post(f"{server.base_url}/unknown", json=BODY)
        wrong_method = http.get(f"{server.base_url}/rerank")
    assert (answer.status_code, answer.headers["content-type"]) == (404, kind)
    assert (answer.text == "404 page not found") == plain
    assert wrong_method.status_code == 405


def test_a_connection_is_kept_after_a_refusal(http: httpx.Client) -> None:
    bodies: list[Json] = [BODY, {}, b"{", BODY]
    with IndependentServer(KEY) as server:
        streams = [call(http, server, body).extensions["network_stream"] for body in bodies]
    assert len({stream.get_extra_info("client_addr") for stream in streams}) == 1


def test_the_server_can_be_run_alone(http: httpx.Client) -> None:
    command = [sys.executable, "-m", "tests.independent_server", "--port", "0", "--key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            base_url = process.stdout.readline().strip()
            assert http.post(f"{base_url}/rerank", json=BODY).status_code == 200
        finally:
            process.kill()
