"""No request holds up another, and none keeps the server from ending.

Nothing is timed: long work waits for the test, or is counted.
"""

import asyncio
import contextlib
import gc
import json
import re
import signal
import sys
import threading
from collections.abc import Callable

import httpx
import orjson
import pytest

from mockserver import scoring
from mockserver.serving.asgi import SHORT, UPLOADS, Message, application
from mockserver.serving.aside import SWITCH_SECONDS
from mockserver.state.store import State
from mockserver.wire import MAX_VALUES, Request, Response
from tests.mockserver.asking import ask, fields
from tests.mockserver.command.commands import serving

LONG = json.dumps(fields(documents=["a" * SHORT])).encode()
BRIEF = json.dumps(fields()).encode()


async def post(app: object, body: bytes, path: str = "/v1/rerank") -> httpx.Response:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post(path, content=body)


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/rerank", LONG), ("/__admin/reset", b"{}"), (f"/{'a' * SHORT}", b"")]
)
def test_a_short_request_is_answered_while_a_long_one_is_worked_at(path: str, body: bytes) -> None:
    begun, answered = threading.Event(), threading.Event()

    def handle(_state: State, request: Request, **_: object) -> Response:
        if request.body != BRIEF:
            begun.set()
            assert answered.wait(60)
        return Response(200, {}, b"")

    async def both() -> None:
        app = application(State(), handle=handle)
        long = asyncio.create_task(post(app, body, path))
        await asyncio.to_thread(begun.wait, 60)
        assert (await post(app, BRIEF)).status_code == 200
        assert not long.done()
        answered.set()
        assert (await long).status_code == 200

    asyncio.run(both())


def test_long_requests_are_worked_at_one_by_one_and_without_the_garbage_collector() -> None:
    at_once = [0]

    def handle(_state: State, _request: Request, **_: object) -> Response:
        at_once[0] += 1
        assert at_once[0] == 1
        assert not gc.isenabled()
        at_once[0] -= 1
        return Response(200, {}, b"")

    async def many() -> list[httpx.Response]:
        app = application(State(), handle=handle)
        return await asyncio.gather(*(post(app, LONG) for _ in range(20)))

    assert [answer.status_code for answer in asyncio.run(many())] == [200] * 20
    assert gc.isenabled()


def test_long_work_lets_other_threads_in_sooner_and_leaves_the_interpreter_as_it_was() -> None:
    usual, both_work = sys.getswitchinterval(), threading.Barrier(2)

    def handle(_state: State, request: Request, **_: object) -> Response:
        both_work.wait(60)
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
        both_work.wait(60)
        if request.path != "/v1/rerank":
            raise ZeroDivisionError
        return Response(200, {}, b"")

    async def both() -> tuple[httpx.Response | BaseException, httpx.Response | BaseException]:
        app = application(State(), handle=handle)
        work = post(app, LONG), post(app, b"{}", "/__admin/reset")
        return await asyncio.gather(*work, return_exceptions=True)

    answer, failure = asyncio.run(both())
    assert isinstance(answer, httpx.Response)
    assert isinstance(failure, ZeroDivisionError)
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_what_fails_in_the_middle_of_long_work_fails_that_request_alone() -> None:
    def handle(_state: State, request: Request, **_: object) -> Response:
        if request.body == LONG:
            raise ZeroDivisionError
        return Response(200, {}, b"")

    async def both() -> httpx.Response:
        app = application(State(), handle=handle)
        with pytest.raises(ZeroDivisionError):
            await post(app, LONG)
        return await post(app, LONG + b" ")

    assert asyncio.run(both()).status_code == 200


def test_only_a_few_long_uploads_are_read_at_once() -> None:
    read, most = [0], [0]

    async def upload(app: Callable[..., object], end: asyncio.Event) -> None:
        pieces = [0]

        async def receive() -> Message:
            pieces[0] += 1
            if pieces[0] == 3:
                read[0] += 1
                most[0] = max(most[0], read[0])
                await end.wait()
                read[0] -= 1
            more = pieces[0] < 4
            return {"type": "http.request", "body": b"x" * 100_000, "more_body": more}

        async def send(_: Message) -> None: ...

        head: Message = {"method": "POST", "path": "/v1/rerank", "query_string": b"", "headers": []}
        await app({"type": "http", **head}, receive, send)  # type: ignore[misc]

    async def many() -> None:
        end = asyncio.Event()
        app = application(State())
        uploads = [asyncio.create_task(upload(app, end)) for _ in range(3 * UPLOADS)]
        while read[0] < UPLOADS:
            await asyncio.sleep(0)
        end.set()
        await asyncio.gather(*uploads)

    asyncio.run(many())
    assert most[0] == UPLOADS


#: A million characters each.
TEXTS = {
    "letters": "a" * 1_000_000,
    "signs": " !" * 500_000,
    "combining marks": "\u0301\u0323" * 500_000,
    "signs that grow under NFKC": "\ufdfa" * 1_000_000,
    "Chinese": "学习" * 500_000,
    "words": "学习 apples " * 100_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("place", ["query", "documents"])
def test_no_long_text_is_processed_at_once(
    monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    at_once: list[int] = []

    class Counting:
        def __init__(self, pattern: re.Pattern[str]) -> None:
            self._pattern = pattern

        def findall(self, piece: str) -> list[str]:
            at_once.append(len(piece))
            return self._pattern.findall(piece)

    for name in ("_TOKEN", "_ASCII_TOKEN"):
        monkeypatch.setattr(scoring, name, Counting(getattr(scoring, name)))
    state = State()
    state.change_account("account-1", limits={})
    body = json.dumps(fields(**{place: text}), ensure_ascii=False).encode()
    assert ask(state, body).status == 200
    # No character is normalised to more than 18.
    assert max(at_once) <= 18 * scoring.PIECE
    assert len(at_once) > len(text) // scoring.PIECE


@pytest.mark.slow
def test_a_long_document_never_has_all_its_tokens_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chunks: list[int] = []
    logit = scoring._Question.logit  # pyright: ignore[reportPrivateUsage]

    def counting(question: "scoring._Question", chunk: list[str]) -> float:  # pyright: ignore[reportPrivateUsage]
        chunks.append(len(chunk))
        return logit(question, chunk)

    monkeypatch.setattr("mockserver.scoring._Question.logit", counting)
    scoring.rank("a", ["! " * 500_000], model="m", context_tokens=1000, max_chunks=None)
    assert max(chunks) <= 1000
    assert sum(chunks) == 500_000


#: Bodies with more values than are read, by what they have too many of.
TOO_MANY = {
    "documents": b'{"documents":[%b"a"]}' % (b'"a",' * MAX_VALUES),
    "empty documents": b'{"documents":[%b""]}' % (b'"",' * MAX_VALUES),
    "numbers": b'{"documents":[%b1]}' % (b"1," * MAX_VALUES),
    "objects": b'{"documents":[%b{}]}' % (b"{}," * MAX_VALUES),
    "arrays": b"[%b[]]" % (b"[]," * MAX_VALUES),
    "fields": b'{%b"a":1}' % b"".join(b'"%d":1,' % number for number in range(MAX_VALUES)),
    "escaped texts": b'{"documents":[%b"a"]}' % (rb'"\",\\",' * MAX_VALUES),
}


@pytest.mark.parametrize("body", TOO_MANY.values(), ids=TOO_MANY)
def test_a_body_with_too_many_values_is_refused_unparsed(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    parsed: list[bytes] = []
    state = State()
    monkeypatch.setattr(orjson, "loads", parsed.append)
    assert ask(state, body).status == 413
    assert not parsed


@pytest.mark.slow
def test_a_body_with_as_many_values_as_are_read_is_answered() -> None:
    state = State()
    state.change_account("account-1", limits={})
    head = len(fields()) + 1
    body = fields(documents=["a"] * (MAX_VALUES - head))
    answer = ask(state, body)
    assert answer.status == 200
    assert len(orjson.loads(answer.body)["results"]) == MAX_VALUES - head


@pytest.mark.parametrize("text", ["a,[{" * MAX_VALUES, '",[{\\' * MAX_VALUES])
def test_what_stands_in_a_text_is_no_value(text: str) -> None:
    state = State()
    state.change_account("account-1", limits={})
    assert ask(state, fields(documents=[text])).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_in_the_middle_of_long_work(number: int) -> None:
    # A second and more of work each, one after the other.
    body = json.dumps(fields(documents=["\ufdfa" * 1_300_000]), ensure_ascii=False).encode()

    def send() -> None:
        with contextlib.suppress(httpx.TransportError):
            answers.append(
                httpx.post(
                    f"{base_url}/rerank", content=body, headers=headers, timeout=60
                ).status_code
            )

    answers: list[int] = []
    headers = {"authorization": "Bearer sk-mock"}
    with serving("--quiet") as (process, base_url):
        uploads = [threading.Thread(target=send) for _ in range(20)]
        for upload in uploads:
            upload.start()
        while not httpx.get(f"{base_url[:-3]}/__admin/health").json()["exchanges"]:
            pass
        process.send_signal(number)
        _, complained = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in complained
        assert "without starting response" not in complained
        for upload in uploads:
            upload.join()
        assert set(answers) <= {200, 429}
        assert len(answers) < len(uploads)
