import json
from collections.abc import Callable

import httpx
import pytest

from contract_tests.exchanges import NEAR_KEYS, Answer, Credential, Request
from contract_tests.targets import HttpTarget, UnreachableError

KEY = "sk-of-these-tests"


def send(
    reply: Callable[[httpx.Request], httpx.Response],
    request: Request | None = None,
    key: str = KEY,
    base_url: str = "http://127.0.0.1:1/v1",
) -> Answer:
    with httpx.Client(transport=httpx.MockTransport(reply)) as client:
        return HttpTarget(client, base_url, key).send(request or Request({"query": "a"}))


def sent(request: Request, base_url: str = "http://127.0.0.1:1/v1") -> httpx.Request:
    seen: list[httpx.Request] = []

    def reply(got: httpx.Request) -> httpx.Response:
        got.read()
        seen.append(got)
        return httpx.Response(200)

    send(reply, request, base_url=base_url)
    return seen[0]


def test_a_request_goes_out_as_it_is() -> None:
    got = sent(Request({"query": "苹果"}))
    assert (got.method, str(got.url)) == ("POST", "http://127.0.0.1:1/v1/rerank")
    assert got.headers["authorization"] == f"Bearer {KEY}"
    assert got.headers["content-type"] == "application/json"
    assert json.loads(got.content) == {"query": "苹果"}


def test_method_path_and_missing_content_type_are_kept() -> None:
    got = sent(Request(None, method="GET", path="/models", content_type=None))
    assert (got.method, got.url.path, got.content) == ("GET", "/v1/models", b"")
    assert "content-type" not in got.headers


def test_a_slash_at_the_end_of_the_base_url_is_not_doubled() -> None:
    assert sent(Request({}), "http://127.0.0.1:1/v1/").url.path == "/v1/rerank"


@pytest.mark.parametrize(
    ("credential", "header"),
    [
        (Credential.KEY, f"Bearer {KEY}"),
        (Credential.KEY_WITHOUT_SCHEME, KEY),
        (Credential.INVALID, "Bearer sk-rerank-contract-invalid-key"),
        (Credential.KEY_CUT, f"Bearer {KEY[:-1]}"),
        (Credential.KEY_EXTENDED, f"Bearer {KEY}x"),
        (Credential.KEY_IN_OTHER_CASE, f"Bearer {KEY.swapcase()}"),
        (Credential.EMPTY, "Bearer"),
        (Credential.NONE, None),
    ],
)
def test_each_credential_has_its_header(credential: Credential, header: str | None) -> None:
    assert sent(Request({}, credential=credential)).headers.get("authorization") == header


@pytest.mark.parametrize("status", [200, 307, 400, 503])
def test_every_status_is_an_answer(status: int) -> None:
    answer = send(lambda _: httpx.Response(status, headers={"Location": "/b"}, content=b"body"))
    assert (answer.status, answer.body, answer.headers["location"]) == (status, b"body", "/b")
    assert not answer.repeats_key


def test_the_key_is_blotted_out_of_headers_and_body() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        authorization = request.headers["authorization"]
        return httpx.Response(401, headers={"x-sent": authorization}, json={"you": authorization})

    answer = send(reply)
    assert answer.repeats_key
    assert KEY not in repr(answer)
    assert answer.json == {"you": "Bearer [key]"}
    assert answer.headers["x-sent"] == "Bearer [key]"


@pytest.mark.parametrize("header", [True, False])
def test_a_key_in_one_place_is_noticed(header: bool) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"x": KEY} if header else {}, text="" if header else KEY)

    assert send(reply).repeats_key


@pytest.mark.parametrize("key", ["x", "1", "test", "EMPTY", "apple"])
def test_a_key_that_is_a_common_word_does_not_spoil_the_answer(key: str) -> None:
    text = json.dumps({"results": [{"index": 1, "text": f"{key} and more"}]})
    answer = send(lambda _: httpx.Response(200, text=text), key=key)
    assert answer.body == text.encode()
    assert not answer.repeats_key


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout(""),
        httpx.RemoteProtocolError(f"cut after Bearer {KEY}"),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"),
    ],
)
def test_what_brings_no_answer_is_unreachable_and_does_not_tell_the_key(error: Exception) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(UnreachableError) as caught:
        send(reply)
    assert str(caught.value).startswith(f"{type(error).__name__}: ")
    assert len(str(caught.value)) > len(f"{type(error).__name__}: ")
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("credential", NEAR_KEYS)
def test_a_key_that_is_nearly_valid_is_blotted_out_too(credential: Credential) -> None:
    def reply(got: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json=f"not valid: {got.headers['authorization']}")

    answer = send(reply, Request({}, credential=credential))
    assert answer.json == "not valid: Bearer [key]"
    assert answer.repeats_key


def test_a_body_in_chunks_goes_out_without_its_length() -> None:
    got = sent(Request({"query": "苹果" * 100}, chunked=True))
    assert got.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in got.headers
    assert json.loads(got.content) == {"query": "苹果" * 100}


def test_a_header_goes_out_and_its_secret_does_not_come_back() -> None:
    secret = "the secret of a gateway"

    def reply(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-tenant"] == "a"
        return httpx.Response(200, text=request.headers["x-gateway"])

    with httpx.Client(transport=httpx.MockTransport(reply)) as client:
        target = HttpTarget(client, "http://127.0.0.1:1/v1", KEY, secrets={"GATEWAY": secret})
        answer = target.send(Request({}, headers=(("x-tenant", "a"), ("x-gateway", "$GATEWAY"))))
    assert (answer.text, answer.repeats_key) == ("[key]", True)
