"""Bad input has a defined answer, the same in-process as over a socket."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import HEADERS, MULTIMODAL, QWEN, ask, fields

pytestmark = pytest.mark.rerank_mock(fail_on="nothing")

VALID = json.dumps(fields()).encode()


def with_field(raw: str) -> bytes:
    """Return a valid body with one more member, written by hand."""
    return VALID[:-1] + b", " + raw.encode() + b"}"


# name: body, status, what the message says (for status 200: how many results come back)
TABLE: dict[str, tuple[bytes, int, object]] = {
    "no body": (b"", 400, "Is not JSON"),
    "text": (b"hello", 400, "Is not JSON"),
    "unfinished": (VALID[:-1], 400, "Is not JSON"),
    "broken UTF-8": (VALID.replace(b"Apple", b"\xff"), 400, "Is not JSON"),
    "byte order mark": (b"\xef\xbb\xbf" + VALID, 400, "Is not JSON"),
    "UTF-16": (VALID.decode().encode("utf-16"), 400, "Is not JSON"),
    "NaN": (with_field('"top_n": NaN'), 400, "Is not JSON"),
    "infinity": (with_field('"top_n": Infinity'), 400, "Is not JSON"),
    "beyond a double": (with_field('"top_n": 1e400'), 400, "Is not JSON"),
    "integer of 5,000 digits": (with_field(f'"top_n": {"9" * 5000}'), 400, "Is not JSON"),
    "integer of 65 bits": (with_field(f'"top_n": {2**64}'), 200, 3),
    "the same, unknown field": (with_field(f'"seed": {2**64}'), 200, 3),
    "equal keys": (with_field('"documents": ["a", "b"]'), 200, 2),
    "depth bomb": (b"[" * 100_000, 400, "Is not JSON"),
    "closed depth bomb": (b"[" * 100_000 + b"]" * 100_000, 400, "Is not JSON"),
    "deep unknown field": (with_field('"x": ' + "[" * 500 + "]" * 500), 400, "Is nested deeper"),
    "array": (b"[]", 400, "body: Must be of type object"),
    "string": (b'"a"', 400, "body: Must be of type object"),
    "number": (b"1", 400, "body: Must be of type object"),
    "null": (b"null", 400, "body: Must be of type object"),
    "lone surrogate": (VALID.replace(b"Apple", b"\\ud800"), 400, "Is not JSON"),
    "escaped pair": (VALID.replace(b"Apple", b"\\ud83d\\ude00"), 200, 3),
    "escaped NUL": (VALID.replace(b"Apple", b"\\u0000"), 200, 3),
    "bare NUL": (VALID.replace(b"Apple", b"\x00"), 400, "Is not JSON"),
    "white space around": (b" \n" + VALID + b"\t ", 200, 3),
    "something after": (VALID + b"{}", 400, "Is not JSON"),
    "model is a list": (json.dumps(fields(model=["a"])).encode(), 400, "model: "),
    "model is null": (json.dumps(fields(model=None)).encode(), 400, "model: "),
    "half a number": (with_field('"top_n": 1.5'), 400, "top_n: Must be of type integer"),
    "truth for a number": (with_field('"top_n": true'), 400, "top_n: Must be of type integer"),
    "text for a number": (with_field('"top_n": "1"'), 400, "top_n: Must be of type integer"),
    "chat-style content": (
        json.dumps(fields(model=MULTIMODAL, documents=[{"content": "hi"}])).encode(),
        400,
        "documents.0: Must have one of the shapes",
    ),
}


@pytest.fixture(params=["rerank_mock", "rerank_server"])
def mock(request: pytest.FixtureRequest) -> RerankMock:
    found: RerankMock = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as client:
        yield client


def post(
    client: httpx.Client,
    mock: RerankMock,
    content: bytes | Iterator[bytes],
    headers: Mapping[bytes, bytes] = MappingProxyType({}),
) -> httpx.Response:
    authorization = {b"Authorization": f"Bearer {mock.api_key}".encode()}
    response = client.post(
        f"{mock.base_url}/rerank", content=content, headers={**authorization, **headers}
    )
    assert response.headers["x-siliconcloud-trace-id"]
    return response


@pytest.mark.parametrize("name", TABLE)
def test_each_bad_body_has_its_answer(client: httpx.Client, mock: RerankMock, name: str) -> None:
    body, status, said = TABLE[name]
    response = post(client, mock, body)
    assert response.status_code == status
    if status == 200:
        assert len(response.json()["results"]) == said
    else:
        assert response.json()["code"] == 20015
        assert str(said) in response.json()["message"]


@pytest.mark.parametrize(
    "content_type", [b"text/plain", b"application/json; charset=utf-16", b"\xff;;=", b""]
)
def test_a_wrong_content_type_is_not_looked_at(
    client: httpx.Client, mock: RerankMock, content_type: bytes
) -> None:
    headers = {b"Content-Type": content_type, b"X-Any": b"\xff\xfe"}
    assert post(client, mock, VALID, headers).status_code == 200


def test_a_missing_content_type_is_not_looked_at(client: httpx.Client, mock: RerankMock) -> None:
    response = post(client, mock, VALID)
    assert "content-type" not in response.request.headers
    assert response.status_code == 200


def test_a_body_may_come_in_chunks(client: httpx.Client, mock: RerankMock) -> None:
    pieces = (VALID[start : start + 7] for start in range(0, len(VALID), 7))
    assert post(client, mock, pieces).status_code == 200


def test_50_megabytes_are_refused_and_the_mock_lives_on(
    client: httpx.Client, mock: RerankMock
) -> None:
    for content in (bytes(50_000_000), iter([bytes(1_000_000)] * 50)):
        response = post(client, mock, content)
        assert (response.status_code, response.json()["code"]) == (413, 20042)
    assert post(client, mock, VALID).status_code == 200


def test_a_wrong_key_is_refused_whatever_is_uploaded(
    client: httpx.Client, mock: RerankMock
) -> None:
    response = post(client, mock, bytes(50_000_000), {b"Authorization": b"Bearer sk-wrong"})
    assert response.status_code == 401


BROKEN = st.tuples(
    st.sampled_from([body for body, _, _ in TABLE.values() if 0 < len(body) < 10_000]),
    st.integers(0, 10_000),
    st.binary(max_size=8),
).map(lambda t: t[0][: t[1] % len(t[0])] + t[2] + t[0][t[1] % len(t[0]) + len(t[2]) :])
NAMES = st.sampled_from(
    ["model", "query", "documents", "top_n", "instruction", "return_documents", "x"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([QWEN, MULTIMODAL]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["text", "image", "video", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
MISSHAPEN = st.dictionaries(NAMES, VALUES).map(
    lambda changes: json.dumps(fields(**changes)).encode()
)


@given(st.binary() | BROKEN | MISSHAPEN)
def test_any_body_is_answered_or_refused_in_full(body: bytes) -> None:
    response = ask(State(), body)
    assert response.status in {200, 400}
    assert response.headers["x-siliconcloud-trace-id"]
    answer = json.loads(response.body)
    assert "results" in answer if response.status == 200 else answer["message"]


HEADER_NAMES = st.sampled_from(["authorization", "content-type", "content-length", "x-any"])


@given(
    st.text(max_size=8),
    st.text(max_size=20) | st.sampled_from(["/v1/rerank", "/v1/models", "/v1/user/info"]),
    st.text(max_size=20),
    st.dictionaries(HEADER_NAMES, st.text(max_size=20)),
)
def test_any_head_is_answered_or_refused_in_full(
    method: str, path: str, query: str, headers: dict[str, str]
) -> None:
    response = ask(State(), VALID, method=method, path=path, query=query, headers=headers)
    assert response.status in {401, 404}
    known = ask(State(), method="GET", path="/v1/models", query=query, headers=HEADERS)
    assert known.status == 200
