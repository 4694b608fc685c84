"""A mock that forwards: what upstream gets, what the client gets, and what is kept of it."""

import asyncio
import gzip
import json
import socket
import ssl
import subprocess
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from mockserver.behaviour import presets
from mockserver.scenarios.scenario import Edit, Scenario, Step
from mockserver.serving import upstream as upstream_module
from mockserver.serving.forwarding import Forwarder
from mockserver.serving.server import ThreadedServer, listen
from mockserver.serving.upstream import Upstream
from mockserver.state.store import State
from tests.archives import complaints
from tests.contract_tests.secured import OPENSSL, needs_openssl, serving
from tests.mockserver.asking import CONTRACT, fields
from tests.mockserver.serving.upstreams import (
    Script,
    StandIn,
    answer,
    standing_in,
    until_gone,
    wait,
)

Json = Any

KEY = "sk-of-the-caller-0123456789"
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
#: UTF-8, as a header carries it.
FOREIGN = "grüße".encode().decode("latin-1")
RANKED = {"id": "up", "results": [{"index": 1, "relevance_score": 0.75}]}


@contextmanager
def proxying(base_url: str, **options: Any) -> Generator[ThreadedServer]:  # noqa: ANN401
    with ThreadedServer(
        State(), listen(), forwarder=Forwarder(Upstream(base_url=base_url, **options))
    ) as server:
        yield server


@contextmanager
def between(script: Script | bytes, **options: Any) -> Generator[tuple[ThreadedServer, StandIn]]:  # noqa: ANN401
    """Run a proxy in front of a stand-in."""
    with standing_in(script) as stand_in, proxying(stand_in.base_url, **options) as server:
        yield server, stand_in


def call(method: str, url: str, timeout: float = 30, **options: Any) -> httpx.Response:  # noqa: ANN401
    """Send a request; nothing here needs the certificates that httpx reads for each client."""
    with httpx.Client(verify=False, timeout=timeout) as client:
        return client.request(method, url, **options)


def ask(server: ThreadedServer, body: Json = None, **headers: str) -> httpx.Response:
    sent = fields() if body is None else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call("POST", f"{server.base_url}/rerank", json=sent, headers={**HEADERS, **named})


def artefacts(server: ThreadedServer) -> str:
    """Return all that can be read of a proxy."""
    root = server.base_url.removesuffix("/v1")
    paths = ("journal", "journal.har", "snapshot", "accounts", "health")
    return "".join(call("GET", f"{root}/__admin/{path}").text for path in paths)


def test_request_and_answer_pass_unchanged() -> None:
    body = b'{"id" : "a",\n "results": []}'
    headers = ("Content-Type: application/json; a=b", "X-SiliconCloud-Trace-Id: ti", "Server: up")
    with between(answer(body, *headers, "Date: now", status="200 Fine")) as (server, stand_in):
        sent = b'{"model":  "m", "\\u00fc": 1.0}'
        url = f"{server.base_url}/rerank?a=1&b=%20"
        response = call(
            "POST",
            url,
            content=sent,
            headers=httpx.Headers({**HEADERS, "x-own": FOREIGN}, "latin-1"),
        )
    assert stand_in.body == sent
    head = stand_in.head
    assert head[""] == ["POST /v1/rerank?a=1&b=%20 HTTP/1.1"]
    assert head["authorization"] == [f"Bearer {KEY}"]
    assert head["x-own"] == [FOREIGN]
    assert head["host"] == [f"127.0.0.1:{stand_in.port}"]
    assert response.content == body
    assert response.status_code == 200
    assert {name: response.headers[name] for name in ("server", "date", "content-type")} == {
        "server": "up",
        "date": "now",
        "content-type": "application/json; a=b",
    }
    assert response.headers["x-siliconcloud-trace-id"] == "ti"
    assert response.headers["x-rerank-mock-source"] == "upstream"


def test_headers_of_one_connection_are_not_passed_on() -> None:
    answered = answer(b"{}", "Connection: x-hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-End: 2")
    dropped = {
        "connection": "keep-alive, X-Mine",
        "x-mine": "1",
        "te": "trailers",
        "proxy-authorization": "Basic abc",
        "keep-alive": "1",
        "upgrade": "h2c",
        "trailer": "x",
        "proxy-connection": "close",
    }
    with between(answered, name="rerank-mock-7") as (server, stand_in):
        url = f"{server.base_url}/rerank"
        headers = {**HEADERS, **dropped, "via": "1.0 front", "accept-encoding": "gzip, br"}
        response = call("POST", url, json=fields(), headers=headers)
    assert not {*dropped} & stand_in.head.keys() - {"connection"}
    assert stand_in.head.get("connection", ["keep-alive"]) == ["keep-alive"]
    assert stand_in.head["via"] == ["1.0 front, 1.1 rerank-mock-7"]
    assert stand_in.head["accept-encoding"] == ["identity"]
    assert response.headers["x-end"] == "2"
    assert not {"x-hop", "keep-alive"} & response.headers.keys()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("429 Too Many", ("Retry-After: 7",), b'{"message": "slow"}'),
        ("503 Busy", (), b""),
        ("401 No", ("WWW-Authenticate: Bearer",), b'"Invalid token"'),
        ("307 Over there", ("Location: http://127.0.0.1:1/elsewhere",), b""),
        ("204 Nothing", ("Content-Length: 0",), b""),
        ("200 OK", ("Content-Encoding: gzip",), b"\x1f\x8bbroken"),
        ("200 OK", ("Content-Encoding: br",), b"\xff\xfe"),
    ],
)
def test_failures_of_upstream_are_passed_on_as_they_are(
    status: str, headers: tuple[str, ...], body: bytes
) -> None:
    with between(answer(body, *headers, status=status)) as (server, _):
        with (
            httpx.Client(verify=False) as client,
            client.stream(
                "POST", f"{server.base_url}/rerank", json=fields(), headers=HEADERS
            ) as response,
        ):
            raw = b"".join(response.iter_raw())
        (entry,) = server.state.journal
    assert (response.status_code, raw) == (int(status[:3]), body)
    for line in headers:
        name, _, value = line.partition(": ")
        if name != "Content-Length":
            assert response.headers[name] == value
    assert response.headers["x-rerank-mock-source"] == entry.source == "upstream"


def test_a_packed_answer_is_unpacked_for_all() -> None:
    body = json.dumps(RANKED).encode()
    for coding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
        with between(answer(packed, f"Content-Encoding: {coding}")) as (server, _):
            response = ask(server)
            assert response.content == body
            assert "content-encoding" not in response.headers
            assert server.state.journal[0].response.body == body


def chunked(client: socket.socket, _: bytes) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{} \r\n")
    client.sendall(b"1;x=y\r\n \r\n0\r\nX-Trailer: 1\r\n\r\n")


def test_an_answer_in_chunks_is_passed_on_whole() -> None:
    with between(chunked) as (server, _):
        response = ask(server)
    assert response.content == b"{}  "
    assert response.headers["content-length"] == "4"


def test_what_is_encoded_in_a_path_stays_so() -> None:
    with between(answer()) as (server, stand_in):
        call("GET", f"{server.base_url}/models/a%2Fb%2fc/%E8%8B%B9%7E%25?d=%2F")
        assert call("GET", f"{server.base_url}/models/..%2F..%2Fadmin").status_code == 404
    assert stand_in.head[""] == ["GET /v1/models/a%2Fb%2fc/%E8%8B%B9%7E%25?d=%2F HTTP/1.1"]


def test_white_space_around_a_header_is_not_passed_on() -> None:
    with between(answer()) as (server, stand_in):
        url = httpx.URL(server.base_url)
        with socket.create_connection((url.host, url.port or 80)) as client:
            client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \r\n\r\n")
            assert b"200 OK" in client.recv(10_000)
    assert stand_in.head["authorization"] == ["Bearer"]


@pytest.mark.parametrize("authorization", [None, "sk-bare", "Bearer", "Bearer {KEY}"])
def test_a_caller_is_not_advised_about_a_key_that_is_replaced(authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    for options, is_advised in (({"api_key": "sk-of-upstream-1234567890"}, False), ({}, True)):
        with between(answer(), **options) as (server, _):
            call("POST", f"{server.base_url}/rerank", json=fields(), headers=headers)
            (entry,) = server.state.journal
            assert bool(entry.advice) is is_advised


def test_a_key_that_upstream_refuses_is_unknown_if_it_is_that_of_the_caller() -> None:
    for options, ids in (({"api_key": "sk-of-upstream-1234567890"}, ""), ({}, "key_unknown")):
        with between(answer(b'"Api key is invalid"', status="401 No"), **options) as (server, _):
            ask(server)
            (entry,) = server.state.journal
            assert entry.advice_ids == ids


def closing(client: socket.socket, _: bytes) -> None:
    client.shutdown(socket.SHUT_RDWR)


def cut(client: socket.socket, request: bytes) -> None:
    client.sendall(answer(b"{", "Content-Length: 10"))
    closing(client, request)


def cut_in_chunks(client: socket.socket, request: bytes) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{")
    closing(client, request)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (closing, "upstream closed the connection without an answer"),
        (cut, "upstream closed the connection in the middle of its answer"),
        (cut_in_chunks, "upstream closed the connection in the middle of its answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the answer of upstream is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nA header: 1\r\n\r\n", "the answer of upstream is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "the answer of upstream is no HTTP"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "upstream answered with the status 999"),
        (answer(b"x" * 1001), "the answer of upstream is longer than "),
        (
            answer(gzip.compress(b"x" * 1001, mtime=0), "Content-Encoding: gzip"),
            "the answer of upstream is longer than ",
        ),
    ],
)
def test_where_no_answer_comes_the_proxy_says_so_itself(
    monkeypatch: pytest.MonkeyPatch, script: Script | bytes, reason: str
) -> None:
    monkeypatch.setattr(upstream_module, "LONGEST", 1000)
    with between(script) as (server, _):
        response = ask(server)
        assert response.status_code == 502
        assert response.json()["message"].startswith(f"rerank-mock: {reason}")
        assert response.headers["x-rerank-mock-source"] == "mock"
        (entry,) = server.state.journal
        assert (entry.source, entry.outcome) == ("mock", "status_502")


def test_a_service_that_is_not_there_is_a_502() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with proxying(f"http://127.0.0.1:{port}/v1") as server:
        response = ask(server)
    assert response.status_code == 502
    assert response.json()["message"] == (
        "rerank-mock: upstream cannot be reached: connection refused"
    )


def drip(client: socket.socket, _: bytes) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    client.settimeout(0.02)
    while True:
        client.sendall(b"x")
        try:
            if not client.recv(1):
                return
        except TimeoutError:
            continue


@pytest.mark.parametrize("script", [until_gone, drip])
def test_a_service_that_takes_too_long_is_a_504(script: Script) -> None:
    with between(script, timeout=0.3) as (server, stand_in):
        response = ask(server)
        assert response.status_code == 504
        assert response.json()["message"] == (
            "rerank-mock: upstream did not answer to the end within 0.3 s"
        )
        assert wait(stand_in.left)


def test_a_call_ends_when_its_client_has_gone() -> None:
    with between(until_gone) as (server, stand_in):
        with pytest.raises(httpx.ReadTimeout):
            call("POST", f"{server.base_url}/rerank", json=fields(), headers=HEADERS, timeout=0.3)
        assert wait(stand_in.left)
        ask_health = call("GET", f"{server.base_url.removesuffix('/v1')}/__admin/journal").json()
    assert [entry["status"] for entry in ask_health["entries"]] == [499]


def test_calls_run_side_by_side() -> None:
    together = Barrier(8, timeout=30)

    def meet(client: socket.socket, _: bytes) -> None:
        together.wait()
        client.sendall(answer())

    async def ask_all(base_url: str) -> list[int]:
        async with httpx.AsyncClient(headers=HEADERS, timeout=30) as client:
            calls = [client.post(f"{base_url}/rerank", json=fields()) for _ in range(8)]
            return [found.status_code for found in await asyncio.gather(*calls)]

    with between(meet) as (server, _):
        assert asyncio.run(ask_all(server.base_url)) == [200] * 8


def test_a_long_request_is_passed_on() -> None:
    body = fields(documents=["x" * 2_000_000])
    with between(answer()) as (server, stand_in):
        assert ask(server, body).status_code == 200
    assert json.loads(stand_in.body) == body


def test_a_request_that_is_too_long_is_refused_by_the_proxy() -> None:
    with between(answer()) as (server, stand_in):
        server.state.change_behaviour({"max_body_bytes": 1000})
        response = ask(server, fields(documents=["x" * 2000]))
    assert (response.status_code, response.headers["x-rerank-mock-source"]) == (413, "mock")
    assert response.json()["message"] == "rerank-mock: the request is longer than 1,000 bytes"
    assert stand_in.received == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/models?type=text"), ("POST", "/chat/completions"), ("DELETE", "/files/a%20b")],
)
def test_other_paths_are_forwarded_too(method: str, path: str) -> None:
    with between(answer(b'{"a": 1}')) as (server, stand_in):
        response = call(method, f"{server.base_url}{path}", headers=HEADERS)
    assert response.json() == {"a": 1}
    assert stand_in.head[""] == [f"{method} /v1{path} HTTP/1.1"]


@pytest.mark.parametrize("path", ["/rerank", "/v1", "/v2/rerank", "/v1/%2e%2e/secret"])
def test_what_is_not_below_v1_is_not_forwarded(path: str) -> None:
    with between(answer()) as (server, stand_in):
        root = server.base_url.removesuffix("/v1")
        with socket.create_connection((httpx.URL(root).host, httpx.URL(root).port or 0)) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            received = client.makefile("rb").read()
    assert received.startswith(b"HTTP/1.1 404")
    assert b"only paths that begin with /v1/ are forwarded" in received
    assert stand_in.received == []


def test_a_base_url_may_be_mounted_anywhere() -> None:
    with standing_in(answer()) as stand_in:
        for mount in ("/gateway/v1/", "/v2", ""):
            with proxying(stand_in.base_url.removesuffix("/v1") + mount) as server:
                ask(server)
            assert stand_in.head[""] == [f"POST {mount.rstrip('/')}/rerank HTTP/1.1"]


def test_scenarios_come_before_upstream() -> None:
    with between(answer(json.dumps(RANKED).encode())) as (server, stand_in):
        busy = Step(error="rate_limited", headers={"retry-after": "1"})
        edited = Step(answer=Edit(members={"id": "edited"}), status=206)
        receipt = server.state.arm("account-1", Scenario("both", (busy, edited)))
        first, second, third = (ask(server) for _ in range(3))
        sources = [entry.source for entry in server.state.journal]
    assert receipt.met
    assert (first.status_code, first.headers["retry-after"]) == (429, "1")
    assert (second.status_code, second.json()["id"]) == (206, "edited")
    assert third.json() == RANKED
    assert sources == ["mock", "mock", "upstream"]
    assert len(stand_in.received) == 2


def test_a_scenario_is_armed_over_http_without_naming_an_account() -> None:
    with between(answer()) as (server, _):
        root = server.base_url.removesuffix("/v1")
        call("POST", f"{root}/__admin/scenarios", json={"scenario": 503}).raise_for_status()
        assert [ask(server).status_code for _ in range(2)] == [503, 200]


def test_requests_get_advice_and_the_archive_is_valid() -> None:
    with between(answer(json.dumps(RANKED).encode())) as (server, _):
        response = ask(server, fields(top_k=1))
        root = server.base_url.removesuffix("/v1")
        archive = call("GET", f"{root}/__admin/journal.har").json()
    assert response.headers["x-rerank-mock-advice"] == "unknown_field"
    assert complaints(archive) == []
    (entry,) = archive["log"]["entries"]
    assert entry["_source"] == "upstream"
    assert json.loads(entry["response"]["content"]["text"]) == RANKED


def test_advice_over_time_keeps_callers_apart() -> None:
    with between(answer(b"", "Retry-After: 60", status="429 Slow")) as (server, _):
        for name in ("one", "two"):
            ask(server, authorization=f"Bearer sk-of-caller-{name}")
        ask(server, authorization="Bearer sk-of-caller-two")
        found = [entry.advice_ids for entry in server.state.journal]
    assert found[:2] == ["", ""]
    assert found[2] != ""


def echo(client: socket.socket, request: bytes) -> None:
    key = request.partition(b"Bearer ")[2].partition(b"\r\n")[0]
    body = b'{"message": "%s", "hex": "%s"}' % (key, key.hex().encode())
    client.sendall(answer(body, f"X-Echo: {key.decode()}", status="400 No"))


def test_no_key_is_kept_in_any_spelling(capfd: pytest.CaptureFixture[str]) -> None:
    own = "sk-of-upstream-9876543210"
    for options, sent in (({}, KEY), ({"api_key": own}, own)):
        with between(echo, **options) as (server, stand_in):
            if options:
                server.state.known_keys.add(own)
            response = ask(server)
            kept = artefacts(server)
        assert stand_in.head["authorization"] == [f"Bearer {sent}"]
        assert sent in response.text
        for key in (KEY, own):
            assert key not in kept
            assert key.encode().hex() not in kept
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "cookie"])
def test_a_key_that_upstream_shows_to_another_caller_is_not_kept(header: str) -> None:
    # It does not look like a key.
    first = "caller-0123456789"
    sent = {"authorization": f"Bearer {first}", "cookie": f"session={first}"}.get(header, first)
    with between(answer(f'{{"message": "{first}"}}'.encode())) as (server, _):
        call("POST", f"{server.base_url}/rerank", json=fields(), headers={header: sent})
        ask(server, authorization="Bearer somebody-else-1")
        assert first not in artefacts(server)


@pytest.mark.parametrize(
    ("method", "first"),
    [
        ("POST", answer(b"{}") + answer(b'{"message": "for the caller before"}')),
        ("HEAD", answer(b'{"message": "for the caller before"}')),
        ("POST", answer(b"for the caller before", status="204 No Content")),
    ],
)
def test_what_upstream_sends_too_much_is_not_the_answer_to_the_next_caller(
    method: str, first: bytes
) -> None:
    def script(client: socket.socket, request: bytes) -> None:
        client.sendall(answer(b'"for the second"') if b"second" in request else first)

    with between(script) as (server, _):
        call(method, f"{server.base_url}/rerank")
        assert ask(server, authorization="Bearer second").json() == "for the second"


def test_cookies_of_one_caller_are_not_sent_for_another() -> None:
    with between(answer(b"{}", "Set-Cookie: session=1")) as (server, stand_in):
        assert ask(server).headers["set-cookie"] == "session=1"
        ask(server)
    assert "cookie" not in stand_in.head


def test_a_request_that_comes_round_again_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    upstream = Upstream(base_url=f"http://127.0.0.1:{port}/v1")
    with ThreadedServer(State(), listen(port=port), forwarder=Forwarder(upstream)) as server:
        response = ask(server)
    assert response.status_code == 508
    assert "is this proxy itself" in response.json()["message"]


def test_proxies_in_a_row_are_no_loop() -> None:
    with between(answer()) as (inner, _), proxying(inner.base_url) as outer:
        assert ask(outer).status_code == 200


def test_a_server_that_stops_ends_calls_in_progress() -> None:
    with standing_in(until_gone) as stand_in:
        with proxying(stand_in.base_url) as server:
            url = httpx.URL(server.base_url)
            client = socket.create_connection((url.host, url.port or 0))
            client.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            while not stand_in.received:
                call("GET", f"{server.base_url.removesuffix('/v1')}/health")
        assert wait(stand_in.left)
        client.close()


def test_other_clients_work_unchanged() -> None:
    async def with_aiohttp(url: str) -> Json:
        async with (
            aiohttp.ClientSession(headers=HEADERS) as session,
            session.post(url, json=fields()) as response,
        ):
            return await response.json(content_type=None)

    with between(answer(json.dumps(RANKED).encode())) as (server, _):
        url = f"{server.base_url}/rerank"
        assert requests.post(url, json=fields(), headers=HEADERS, timeout=30).json() == RANKED
        with urllib3.PoolManager() as pool:
            assert pool.request("POST", url, json=fields(), headers=HEADERS).json() == RANKED
        assert asyncio.run(with_aiohttp(url)) == RANKED


def test_behaviours_of_the_mock_do_not_matter() -> None:
    with between(answer()) as (server, _):
        server.state.behaviour = presets(CONTRACT)["strict"]
        response = call("POST", f"{server.base_url}/rerank", content=b"not JSON")
    assert (response.status_code, response.content) == (200, b"{}")


@needs_openssl
def test_upstream_is_reached_by_tls_with_a_named_authority(tmp_path: Path) -> None:
    subprocess.run(["sh", "-ec", OPENSSL], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with serving(context) as url:
        with proxying(f"{url}/v1", ca_file=tmp_path / "ca.pem") as server:
            assert ask(server).text.startswith(f"/v1/rerank Bearer {KEY}")
        with proxying(f"{url}/v1", insecure=True) as server:
            assert ask(server).status_code == 200
        with proxying(f"{url}/v1") as server:
            message = ask(server).json()["message"]
        assert "its certificate is not valid" in message
        assert "--ca-file" in message


def test_a_server_without_tls_is_named() -> None:
    with between(answer()) as (_, stand_in):
        url = stand_in.base_url.replace("http:", "https:")
        with proxying(url) as server:
            assert "does not speak TLS" in ask(server).json()["message"]


def test_a_fault_of_the_mock_is_a_500(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(KEY)

    monkeypatch.setattr(Upstream, "_target", fail)
    with between(answer()) as (server, _):
        response = ask(server)
    assert response.status_code == 500
    assert "RuntimeError" in caplog.text
    assert KEY not in caplog.text
