"""Requests for the tests of this room, and the mock's answers to them."""

import json
import socket
from typing import Any

import httpx

from mockserver.behaviour import presets
from mockserver.contract import SCHEMAS, load_contract
from mockserver.recording import answer
from mockserver.scenarios.catalogue import catalogue
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.wire import Request, Response

#: The newest revision, and what tests look at in it.
CONTRACT = load_contract()
ERRORS, FORMS, MODELS = CONTRACT.errors, CONTRACT.forms, CONTRACT.models
PRESETS = presets(CONTRACT)
OBSERVED = PRESETS["observed"]
CATALOGUE = catalogue(CONTRACT)
REVISION = SCHEMAS / "revisions" / CONTRACT.revision

BGE = "BAAI/bge-reranker-v2-m3"
QWEN = "Qwen/Qwen3-Reranker-8B"
MULTIMODAL = "Qwen/Qwen3-VL-Reranker-8B"
OFFLINE = "netease-youdao/bce-reranker-base_v1"

AUTHORIZATION = {"authorization": f"Bearer {DEFAULT_KEY}"}
HEADERS = {**AUTHORIZATION, "content-type": "application/json"}


def fields(**changes: object) -> dict[str, Any]:
    """Return the body of a valid request with these fields in place of its own."""
    return {"model": BGE, "query": "Apple", "documents": ["banana", "an apple", "fruit"], **changes}


def ask(
    state: State,
    body: object = None,
    *,
    method: str = "POST",
    path: str = "/v1/rerank",
    query: str = "",
    headers: dict[str, str] = HEADERS,
    without_timeout: bool = False,
) -> Response:
    """Send `body`, printed as JSON unless it is bytes, straight to the engine."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer(state, Request(method, path, query, headers, sent, without_timeout))


def connect(base_url: str) -> socket.socket:
    """Open a bare connection, for what no HTTP client would send."""
    url = httpx.URL(base_url)
    return socket.create_connection((url.host, url.port or 80), timeout=20)


def read(response: Response) -> Any:  # noqa: ANN401 - tests pick it apart
    """Return the JSON of the response's body."""
    return json.loads(response.body)


def rerank(state: State, **changes: object) -> Any:  # noqa: ANN401 - as above
    """Return the answer to a valid request with these fields."""
    response = ask(state, fields(**changes))
    assert response.status == 200, response.body
    return read(response)
