"""What path, method and headers of a request show. Each function yields a hint for each find.

A function's name is the id of its advice, and its docstring the sentence: what the client did.
"""

import re
from collections.abc import Iterator

from ..parsed_request import Sent
from ..redaction import SECRET_HEADERS, keys_in_url

#: Path to the method that it takes.
PATHS = {"/v1/rerank": "POST", "/v1/models": "GET", "/v1/user/info": "GET"}


def path_with_v1_twice(sent: Sent) -> Iterator[str]:
    """The path has /v1 twice."""
    if sent.request.path.startswith("/v1/v1"):
        yield "The base URL ends in /v1 already: append /rerank alone"


def path_with_two_slashes(sent: Sent) -> Iterator[str]:
    """The path has two slashes in a row."""
    path = re.sub("//+", "/", sent.request.path)
    if path != sent.request.path and path in PATHS:
        yield f"Join base URL and path with one slash: {path}"


def path_with_trailing_slash(sent: Sent) -> Iterator[str]:
    """The path ends with a slash."""
    if sent.request.path == "/v1/rerank/":
        yield "Ask /v1/rerank: on the way of a redirect a client may lose its method, body or key"


def path_without_rerank(sent: Sent) -> Iterator[str]:
    """The path lacks /rerank."""
    if sent.request.path in {"", "/", "/v1", "/v1/"} and sent.is_rerank:
        yield "Append /rerank to the base URL: /v1/rerank"


def path_without_v1(sent: Sent) -> Iterator[str]:
    """The path lacks /v1."""
    if f"/v1{sent.request.path.rstrip('/')}" in PATHS:
        yield f"The base URL ends in /v1: /v1{sent.request.path.rstrip('/')}"


def path_of_a_neighbour(sent: Sent) -> Iterator[str]:
    """The path is that of another rerank API."""
    path = sent.request.path.rstrip("/")
    near = "rank" in path or path in {"/score", "/v1/score"}
    told = "//" in path or path.startswith("/v1/v1")
    if near and path not in {"/rerank", "/v1/rerank"} and not told:
        yield "This API has /v1/rerank"


def rerank_model_elsewhere(sent: Sent) -> Iterator[str]:
    """A rerank model was asked at an endpoint that does not rank."""
    endpoint = sent.request.path.rstrip("/").removeprefix("/v1")
    if sent.model and endpoint in {"/chat/completions", "/completions", "/embeddings"}:
        yield f"{sent.model.id} ranks: ask it at /v1/rerank, with query and documents"


def wrong_method(sent: Sent) -> Iterator[str]:
    """The path takes another method."""
    wanted = PATHS.get(sent.request.path)
    if wanted and sent.request.method != wanted:
        lost = " (a redirect may have made a GET of it)" if wanted == "POST" else ""
        yield f"{sent.request.path} takes {wanted}{lost}"


def key_missing(sent: Sent) -> Iterator[str]:
    """No key was sent."""
    words = sent.request.headers.get("authorization", "").split()
    others = sorted((SECRET_HEADERS - {"authorization", "cookie"}) & sent.request.headers.keys())
    if [word.lower() for word in words] == ["bearer"]:
        yield "Nothing follows the word Bearer: is the variable with the key empty?"
    elif not words and others:
        yield f"A key in {others[0]} is not looked at: send `Authorization: Bearer KEY`"
    elif not words:
        yield "Send `Authorization: Bearer KEY`"


def bearer_missing(sent: Sent) -> Iterator[str]:
    """The Authorization header lacks the word Bearer."""
    words = sent.request.headers.get("authorization", "").split()
    if words and words[0].lower() != "bearer":
        yield "Put the word Bearer and a space before the key"


def key_misshapen(sent: Sent) -> Iterator[str]:
    """What stands in place of the key is more than a key."""
    scheme, _, key = sent.request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and key:
        if key.lower().startswith("bearer "):
            yield "The word Bearer stands there twice"
        elif key.strip(" \"'<>{}$%") != key.strip() or " " in key.strip():
            yield "Take away quotes, spaces and brackets; put the key in place of a placeholder"


def key_in_url(sent: Sent) -> Iterator[str]:
    """A key is in the URL."""
    if next(keys_in_url(sent.request, sent.is_key), None):
        yield "URLs end up in logs: send the key in the Authorization header alone, and replace it"


def content_type_wrong(sent: Sent) -> Iterator[str]:
    """The Content-Type is not that of JSON."""
    if sent.request.method == "POST" and sent.request.body and sent.is_rerank:
        given = sent.request.headers.get("content-type", "")
        if given.partition(";")[0].strip().lower() != "application/json":
            yield "Send `Content-Type: application/json`"
