"""The engine, its two largest parts, and the fixture for httpx: calls, and its set-up."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from importlib import import_module

import httpx
import orjson
import respx

from mockserver.contract import load_contract
from mockserver.engine import respond
from mockserver.recording import answer
from mockserver.scoring import rank
from mockserver.serving.respx_router import BASE_URL, router
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.testing.contexts import mock_rerank
from mockserver.wire import Request

from .measuring import Comparison, Side
from .requests import MODEL, REQUESTS, SHORT, texts, unlike, unlimited

#: Calls through one router, so that its set-up does not count.
CALLS = 100

ENGINE = "`recording.answer()`"

HEADERS = {"authorization": f"Bearer {DEFAULT_KEY}", "content-type": "application/json"}


def engine() -> Iterator[Comparison]:
    """Compare the engine with parsing and printing alone, and its parts with the whole."""
    state, contract = unlimited(), load_contract()
    for name, body in REQUESTS.items():
        request = Request("POST", "/v1/rerank", "", HEADERS, body)
        fields = orjson.loads(body)
        whole = Side(partial(rerank, state, request))
        parts: dict[str, Callable[[], object]] = {
            "validation by the schema": partial(contract.forms["classic"].breach, fields),
            "scoring": partial(
                rank,
                fields["query"],
                fields["documents"],
                model=MODEL,
                context_tokens=contract.models[MODEL].context_tokens,
                max_chunks=contract.forms["classic"].defaults["max_chunks_per_doc"],
            ),
        }

        bare = "`orjson`: the request parsed, the answer printed"
        subject, unrecorded = ENGINE, Side(partial(respond, state, request))
        yield Comparison(subject, bare, name, whole, parse_and_print(state, request))
        goal = 1.25 if name == SHORT else None
        without = "`engine.respond()`: without recording"
        yield Comparison(subject, without, name, whole, unrecorded, goal)
        for part, call in parts.items():
            yield Comparison(part, subject, name, Side(call), whole)


def rerank(state: State, request: Request) -> None:
    """Answer a request, which must succeed."""
    status = answer(state, request).status
    if status != 200:
        raise RuntimeError(f"cannot measure: the engine answered with {status}")


def parse_and_print(state: State, request: Request) -> Side:
    """Return the least that any mock has to do with a request: parse it, and print its answer."""
    body, response = request.body, orjson.loads(answer(state, request).body)

    def call() -> None:
        orjson.loads(body)
        orjson.dumps(response)

    return Side(call)


def long_texts() -> Iterator[Comparison]:
    """Compare the engine with `rapidfuzz`, where that is installed, as scorer of long texts."""
    try:
        token_set_ratio = import_module("rapidfuzz.fuzz").token_set_ratio
    except ImportError:
        return
    body = orjson.dumps({"model": MODEL, "query": "apple market river", "documents": texts()})
    state = unlimited()

    def ours() -> None:
        answer(state, Request("POST", "/v1/rerank", "", HEADERS, unlike(body)))

    def theirs() -> None:
        fields = orjson.loads(unlike(body))
        scores = [token_set_ratio(fields["query"], text) for text in fields["documents"]]
        order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        orjson.dumps([{"index": index, "relevance_score": scores[index]} for index in order])

    yield Comparison(
        ENGINE,
        "the request parsed, `rapidfuzz.fuzz.token_set_ratio`, the answer printed",
        "100 documents of 200 words, each request unlike the others",
        Side(ours),
        Side(theirs),
        goal=1 / 0.35,
    )


def set_up() -> Iterator[Comparison]:
    """Compare what `rerank_mock` takes to begin and end with what respx takes for one route."""

    def ours() -> None:
        with mock_rerank():
            pass

    def theirs() -> None:
        with respx.mock(assert_all_called=False) as mock:
            mock.post(f"{BASE_URL}/rerank").respond(200)

    name = "none: set-up and teardown"
    yield Comparison("`mock_rerank()`", "respx with one route", name, Side(ours), Side(theirs), 1.5)


def fixture() -> Iterator[Comparison]:
    """Compare httpx through the router of `rerank_mock` with httpx and a constant answer."""
    url = f"{BASE_URL}/rerank"
    with ExitStack() as stack:
        stack.enter_context(router(unlimited()))
        mocked = stack.enter_context(httpx.Client(headers=HEADERS))
        for name, body in REQUESTS.items():
            content = mocked.post(url, content=body).content

            def constant(_: httpx.Request, content: bytes = content) -> httpx.Response:
                return httpx.Response(200, content=content)

            bare = stack.enter_context(
                httpx.Client(headers=HEADERS, transport=httpx.MockTransport(constant))
            )
            yield Comparison(
                "`rerank_mock`, called with httpx",
                "`httpx.MockTransport` with a constant answer",
                name,
                Side(partial(mocked.post, url, content=body)),
                Side(partial(bare.post, url, content=body)),
            )
    with httpx.Client(headers=HEADERS) as client:
        yield _through_respx(client)


def _through_respx(client: httpx.Client) -> Comparison:
    """Compare a call through the mock with one through a route of respx, and a constant answer."""
    body = REQUESTS[SHORT]
    state, url = unlimited(), f"{BASE_URL}/rerank"
    with router(state):
        content = client.post(url, content=body).content

    def constant(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content)

    # Two routers at a time would answer for each other, so each call has one of its own.
    def call(mock: respx.MockRouter) -> None:
        with mock:
            for _ in range(CALLS):
                client.post(url, content=unlike(body))

    def trivial() -> respx.MockRouter:
        mock = respx.mock(assert_all_called=False)
        mock.post(url).mock(side_effect=constant)
        return mock

    return Comparison(
        "`rerank_mock`, called with httpx",
        "a route of respx with a constant answer",
        SHORT,
        Side(lambda: call(router(state)), requests=CALLS),
        Side(lambda: call(trivial()), requests=CALLS),
        goal=1.6,
    )
