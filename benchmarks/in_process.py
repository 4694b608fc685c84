"""The engine, its two largest parts, and the fixture for httpx."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import httpx
import orjson

from mockserver.contract import load_contract
from mockserver.engine import respond
from mockserver.recording import answer
from mockserver.scoring import rank
from mockserver.serving.respx_router import BASE_URL, router
from mockserver.state.store import DEFAULT_KEY
from mockserver.wire import Request

from .measuring import Comparison, Side
from .requests import MODEL, REQUESTS, unlimited

HEADERS = {"authorization": f"Bearer {DEFAULT_KEY}", "content-type": "application/json"}


def engine() -> Iterator[Comparison]:
    """Compare the engine with parsing and printing alone, and its parts with the whole."""
    state, contract = unlimited(), load_contract()
    for name, body in REQUESTS.items():
        request = Request("POST", "/v1/rerank", "", HEADERS, body)
        fields = orjson.loads(body)
        response = orjson.loads(answer(state, request).body)

        def rerank(request: Request = request) -> None:
            status = answer(state, request).status
            if status != 200:
                raise RuntimeError(f"cannot measure: the engine answered with {status}")

        whole = Side(rerank)
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

        def parse_and_print(body: bytes = body, response: object = response) -> None:
            orjson.loads(body)
            orjson.dumps(response)

        bare = "`orjson`: the request parsed, the answer printed"
        subject, unrecorded = "`recording.answer()`", Side(partial(respond, state, request))
        yield Comparison(subject, bare, name, whole, Side(parse_and_print))
        yield Comparison(subject, "`engine.respond()`: without recording", name, whole, unrecorded)
        for part, call in parts.items():
            yield Comparison(part, subject, name, Side(call), whole)


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
