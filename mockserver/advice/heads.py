"""Rules about path, method and headers. Each yields a hint for each thing that it finds."""

import re
from collections.abc import Iterator

from ..parsed_request import ReceivedRequest
from ..redaction import SECRET_HEADERS
from .rules import rule

#: Each path and the method that it accepts.
PATHS = {"/v1/rerank": "POST", "/v1/models": "GET", "/v1/user/info": "GET"}

#: An Authorization header about which there is nothing to advise.
_PLAIN_KEY = re.compile(r"bearer [\w.-]+", re.ASCII | re.IGNORECASE)


def may_advise(sent: ReceivedRequest) -> bool:
    """Return whether a rule of this module may find anything. Called for every request."""
    request = sent.request
    headers = request.headers
    return (
        PATHS.get(request.path) != request.method
        or headers.get("content-type") != "application/json"
        or not (sent.key_replaced or _PLAIN_KEY.fullmatch(headers.get("authorization", "")))
        or bool(sent.keys_in_url)
        or not sent.key_known
        or request.without_timeout
    )


@rule("path_with_v1_twice", "breach")
def path_with_v1_twice(sent: ReceivedRequest) -> Iterator[str]:
    """The path has /v1 twice."""
    if sent.request.path.startswith("/v1/v1"):
        yield "The base URL already ends in /v1: append only /rerank"


@rule("path_with_two_slashes", "breach")
def path_with_two_slashes(sent: ReceivedRequest) -> Iterator[str]:
    """The path has two slashes in a row."""
    path = re.sub("//+", "/", sent.request.path)
    if path != sent.request.path and path in PATHS:
        yield f"Join the base URL and the path with one slash: {path}"


@rule("path_with_trailing_slash", "mistake")
def path_with_trailing_slash(sent: ReceivedRequest) -> Iterator[str]:
    """The path ends with a slash."""
    if sent.request.path == "/v1/rerank/":
        yield "Use /v1/rerank: a client that follows the redirect may lose its method, body or key"


@rule("path_without_rerank", "breach")
def path_without_rerank(sent: ReceivedRequest) -> Iterator[str]:
    """The path lacks /rerank."""
    if sent.request.path in {"", "/", "/v1", "/v1/"} and sent.is_rerank:
        yield "Append /rerank to the base URL: /v1/rerank"


@rule("path_without_v1", "breach")
def path_without_v1(sent: ReceivedRequest) -> Iterator[str]:
    """The path lacks /v1."""
    if f"/v1{sent.request.path.rstrip('/')}" in PATHS:
        yield f"The base URL must end in /v1: /v1{sent.request.path.rstrip('/')}"


@rule("path_of_a_neighbour", "breach")
def path_of_a_neighbour(sent: ReceivedRequest) -> Iterator[str]:
    """The path is that of another rerank API."""
    path = sent.request.path.rstrip("/")
    near = "rank" in path or path in {"/score", "/v1/score"}
    explained = "//" in path or path.startswith("/v1/v1")
    if near and path not in {"/rerank", "/v1/rerank"} and not explained:
        yield "The path of this API is /v1/rerank"


@rule("rerank_model_elsewhere", "breach")
def rerank_model_elsewhere(sent: ReceivedRequest) -> Iterator[str]:
    """A rerank model was used with an endpoint that does not rank."""
    endpoint = sent.request.path.rstrip("/").removeprefix("/v1")
    if sent.known_model and endpoint in {"/chat/completions", "/completions", "/embeddings"}:
        yield f"{sent.known_model.id} is a rerank model: use /v1/rerank, with query and documents"


@rule("browser_preflight", "breach")
def browser_preflight(sent: ReceivedRequest) -> Iterator[str]:
    """A browser asked whether a page of another origin may send a request."""
    if sent.is_preflight and not sent.cors:
        yield (
            "A page in a browser cannot call this API, and would show its key to every visitor:"
            " call it from a server of your own"
        )


@rule("wrong_method", "breach")
def wrong_method(sent: ReceivedRequest) -> Iterator[str]:
    """The path does not accept this method."""
    wanted = None if sent.is_preflight else PATHS.get(sent.request.path)
    if wanted and sent.request.method != wanted:
        lost = " (a redirect may have turned it into a GET)" if wanted == "POST" else ""
        yield f"{sent.request.path} accepts only {wanted}{lost}"


@rule("key_missing", "breach")
def key_missing(sent: ReceivedRequest) -> Iterator[str]:
    """No key was sent."""
    if sent.is_preflight or sent.key_replaced:
        return
    words = sent.request.headers.get("authorization", "").split()
    others = sorted((SECRET_HEADERS - {"authorization", "cookie"}) & sent.request.headers.keys())
    if [word.lower() for word in words] == ["bearer"]:
        yield "Nothing follows the word Bearer: is the variable with the key empty?"
    elif not words and others:
        yield f"A key in {others[0]} is ignored: send `Authorization: Bearer KEY`"
    elif not words:
        yield "Send `Authorization: Bearer KEY`"


@rule("bearer_missing", "breach")
def bearer_missing(sent: ReceivedRequest) -> Iterator[str]:
    """The Authorization header lacks the word Bearer."""
    words = sent.request.headers.get("authorization", "").split()
    if words and words[0].lower() != "bearer" and not sent.key_replaced:
        yield "Put the word Bearer and a space before the key"


@rule("key_misshapen", "breach")
def key_misshapen(sent: ReceivedRequest) -> Iterator[str]:
    """The key has extra characters, or is a placeholder."""
    scheme, _, key = sent.request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and key and not sent.key_replaced:
        if key.lower().startswith("bearer "):
            yield "The header has the word Bearer twice"
        elif key.strip(" \"'<>{}$%") != key.strip() or " " in key.strip():
            yield "Remove quotes, spaces and brackets, and replace a placeholder with the key"


@rule("key_unknown", "breach")
def key_unknown(sent: ReceivedRequest) -> Iterator[str]:
    """No account has the key."""
    is_sent = not (sent.key_known or sent.key_replaced)
    if is_sent and _PLAIN_KEY.fullmatch(sent.request.headers.get("authorization", "")):
        ours = (
            ""
            if sent.is_elsewhere
            else "Send a key of the mock, such as `api_key` of its fixtures. "
        )
        yield (
            f"{ours}At the service, api.siliconflow.cn and api.siliconflow.com have separate"
            " accounts: a key of one is unknown to the other"
        )


@rule("key_in_url", "mistake")
def key_in_url(sent: ReceivedRequest) -> Iterator[str]:
    """A key is in the URL."""
    if sent.keys_in_url:
        yield (
            "URLs end up in logs: send the key only in the Authorization header, and replace this"
            " key"
        )


@rule("content_type_wrong", "mistake")
def content_type_wrong(sent: ReceivedRequest) -> Iterator[str]:
    """The Content-Type is not application/json."""
    if sent.request.method == "POST" and sent.request.body and sent.is_rerank:
        given = sent.request.headers.get("content-type", "")
        if given.partition(";")[0].strip().lower() != "application/json":
            yield "Send `Content-Type: application/json`"


@rule("no_timeout", "mistake")
def no_timeout(sent: ReceivedRequest) -> Iterator[str]:
    """The client has no timeout."""
    if sent.request.without_timeout:
        yield "Without one it waits for ever for an answer that is lost: set one, such as 30 s"
