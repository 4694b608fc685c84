import asyncio
import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from mockserver.behaviour import Behaviour
from mockserver.serving import asgi as via_asgi
from mockserver.serving.asgi import Message, application
from mockserver.state.store import State
from mockserver.wire import Request, Response
from tests.mockserver.asking import HEADERS, fields

BODY = json.dumps(fields()).encode()


SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/v1/rerank",
    "query_string": b"",
    "headers": [(name.encode(), value.encode()) for name, value in HEADERS.items()],
}


def talk(state: State, scope: dict[str, Any], messages: Iterable[Message]) -> list[Message]:
    """Run the application on what it receives; return what it sends."""
    received, sent = iter(messages), list[Message]()
    never = asyncio.Event()

    async def receive() -> Message:
        for message in received:
            return message
        await never.wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(application(state)(scope, receive, send))
    return sent


def http(state: State, messages: Iterable[Message]) -> list[Message]:
    return talk(state, SCOPE, messages)


def request(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_head_and_body_are_sent_with_their_length() -> None:
    start, body = http(State(), [request(BODY)])
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert (b"content-length", b"%d" % len(body["body"])) in start["headers"]
    assert (body["type"], body["more_body"]) == ("http.response.body", False)


def test_a_body_in_pieces_is_put_together() -> None:
    start, _ = http(State(), [request(BODY[:9], more=True), request(BODY[9:])])
    assert start["status"] == 200


def test_a_client_that_leaves_in_mid_request_is_not_answered() -> None:
    state = State()
    assert http(state, [request(BODY[:9], more=True), {"type": "http.disconnect"}]) == []
    assert not state.journal


def test_an_upload_that_is_too_large_is_answered_first_and_read_to_its_end_after() -> None:
    state = State(behaviour=Behaviour(max_body_bytes=10))
    arriving = iter([*[request(b"x" * 8, more=True)] * 4, request(b"x")])
    start, body, end = http(state, arriving)
    assert not list(arriving)
    assert start["status"] == 413
    assert (b"connection", b"close") in start["headers"]
    assert body["more_body"]
    assert not end.get("more_body")
    assert state.journal[0].request.body == b"x" * 11


def test_an_upload_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(via_asgi, "LINGER", 0.01)
    state = State(behaviour=Behaviour(max_body_bytes=10))
    assert len(http(state, [request(b"x" * 11, more=True)])) == 3


def test_a_client_that_leaves_while_it_is_refused_ends_the_upload() -> None:
    state = State(behaviour=Behaviour(max_body_bytes=10))
    leaving = {"type": "http.disconnect"}
    assert http(state, [request(b"x" * 11, more=True), leaving])[0]["status"] == 413


def test_a_handler_may_wait_while_others_are_answered() -> None:
    async def both_at_once() -> list[int]:
        second_came = asyncio.Event()

        async def handle(_state: State, asked: Request, *, token: str | None) -> Response:
            assert token == "token"
            if asked.query == "second":
                second_came.set()
            await asyncio.wait_for(second_came.wait(), 5)
            return Response(200, {}, asked.query.encode())

        app = application(State(), "token", handle)

        async def ask(query: bytes) -> int:
            sent: list[Message] = []
            came = iter([request(b"")])

            async def receive() -> Message:
                return next(came, None) or await asyncio.Future[Message]()

            async def send(message: Message) -> None:
                sent.append(message)

            await app({**SCOPE, "query_string": query}, receive, send)
            status: int = sent[0]["status"]
            return status

        return [*await asyncio.gather(ask(b"first"), ask(b"second"))]

    assert asyncio.run(both_at_once()) == [200, 200]


def test_lifespan_events_are_confirmed() -> None:
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = talk(State(), {"type": "lifespan"}, events)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_other_protocols_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="websocket"):
        talk(State(), {"type": "websocket"}, [])


HOSTS = {
    "127.0.0.1:8787": 200,
    "localhost": 200,
    "LOCALHOST.:80": 200,
    "mock.localhost:8787": 200,
    "[::1]:8787": 200,
    "127.1.2.3": 200,
    "evil.example": 403,
    "evil.example:8787": 403,
    "localhost.evil.example": 403,
    "127.0.0.1.evil.example": 403,
    "10.0.0.1": 403,
    "[2001:db8::1]": 403,
}


@pytest.mark.parametrize(("host", "status"), HOSTS.items())
@pytest.mark.parametrize("token", [None, "token"])
def test_without_a_token_the_admin_is_reached_by_loopback_names_alone(
    host: str, status: int, token: str | None
) -> None:
    transport = httpx.ASGITransport(application(State(), token))
    headers = {"host": host, "authorization": f"Bearer {token}"}

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return (await client.get("/__admin/journal", headers=headers)).status_code

    assert asyncio.run(ask()) == (200 if token else status)
