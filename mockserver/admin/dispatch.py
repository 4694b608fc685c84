"""The entry to the mock: `/__admin` controls it, all other paths are the API.

    adapter -> dispatch -> administer -> a file of the page
                                      -> token, route, query, body -> a method of the state
                        -> engine.answer

A call that is refused has changed nothing.
"""

import hmac
import ipaddress
import logging
import traceback
from collections.abc import Mapping
from urllib.parse import parse_qsl

from ..engine import with_headers
from ..recording import FAULT, answer
from ..state.decisions import UnavailableError
from ..state.pins import PinError, ScoreFunctionError
from ..state.store import State
from ..validation import InputError, check, json_path, likely
from ..wire import Json, Request, Response, WireError, json_response, load
from .calls import Call, WrongCallError
from .openapi import document
from .page import page
from .routes import ROUTES, Route

LOG = logging.getLogger(__name__)

PREFIX = "/__admin"

#: The longest body of a call, in bytes. No answer is longer: the mock takes each snapshot it gives.
CALL_BYTES = 128 * 1024 * 1024
CALL_MIB = f"{CALL_BYTES // 1024**2} MiB"


#: The answer while a shared state cannot be reached. A request may have been charged.
AWAY = with_headers(
    json_response(
        503,
        {
            "code": None,
            "message": "rerank-mock cannot reach the state that it shares; its log says why",
            "data": None,
        },
    ),
    {"retry-after": "1", "x-rerank-mock-fault": "state"},
)


def dispatch(state: State, request: Request, token: str | None = None) -> Response:
    """Answer a request to any path; `token` is what `/__admin` requires, if anything.

    A fault of the mock itself is logged, without what the request holds, and answered as one.
    """
    try:
        return _dispatch(state, request, token)
    except PinError:
        raise
    except UnavailableError as error:
        LOG.error("%s", error)
        return AWAY
    except ScoreFunctionError as failure:
        raise failure.error from None
    except Exception as error:  # noqa: BLE001 - the last catch
        return fault_of(error)


def fault_of(error: Exception) -> Response:
    """Log a fault of the mock itself; return what it is answered with."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    LOG.error("a fault of the mock, please report it: %s\n%s", type(error).__name__, trace)
    return FAULT


def refuse_host(request: Request) -> Response | None:
    """Refuse a call whose Host is not a loopback name or address, or return None.

    A page in a browser reaches a mock on loopback by a name of its own that resolves to it.
    """
    host = _host(request.headers.get("host", ""))
    if host in ("", "localhost") or host.endswith(".localhost") or _is_loopback(host):
        return None
    reason = f"the Host must be localhost or a loopback address, not {host!r}, without a token"
    return _refusal(WrongCallError(403, "/", reason))


def _dispatch(state: State, request: Request, token: str | None) -> Response:
    if request.path != PREFIX and not request.path.startswith(f"{PREFIX}/"):
        return answer(state, request)
    try:
        return _administer(state, request, token)
    except WrongCallError as error:
        return _refusal(error)
    except InputError as error:
        return _refusal(WrongCallError(400, json_path(error.way), error.reason))
    except UnavailableError as error:
        return with_headers(_refusal(WrongCallError(503, "/", str(error))), {"retry-after": "1"})


def _host(header: str) -> str:
    """Return the host of a Host header, without its port and without brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].rstrip(".").lower()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _administer(state: State, request: Request, token: str | None) -> Response:
    path = request.path.removeprefix(PREFIX)
    if request.method in ("GET", "HEAD") and (file := page(path)):
        return file
    _admit(request, token)
    if (request.method, path) == ("GET", "/openapi.json"):
        return json_response(200, document())
    route, place = _find(request.method, path)
    call = Call(state, place, _query(route, request.query), _body(route, request))
    state.refresh()
    response = json_response(route.status, route.act(call))
    if len(response.body) > CALL_BYTES:
        what = f"the answer is longer than {CALL_MIB}: delete entries, pins or scenarios"
        raise WrongCallError(413, "$", what)
    return response


def _admit(request: Request, token: str | None) -> None:
    """Require the token; if there is none, refuse only other pages in a browser."""
    if token is None:
        own = f"http://{request.headers.get('host', '')}"
        if request.headers.get("origin", own) != own:
            reason = "a page of another origin cannot control a mock that has no token"
            raise WrongCallError(403, "/", reason)
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        raise WrongCallError(401, "/", "send `Authorization: Bearer TOKEN`")


def _find(method: str, path: str) -> tuple[Route, str]:
    """Return the route of a call, and the value of its path parameter."""
    there = [(route, place) for route in ROUTES if (place := route.match(path)) is not None]
    if not there:
        known = sorted({route.path for route in ROUTES})
        hint = likely(path, known) or f"; see {PREFIX}/openapi.json"
        raise WrongCallError(404, path or "/", f"there is no such path below {PREFIX}{hint}")
    for route, place in there:
        if route.method == method:
            return route, place
    methods = ", ".join(sorted({route.method for route, _ in there}))
    raise WrongCallError(405, there[0][0].path, f"accepts only {methods}")


def _query(route: Route, query: str) -> Mapping[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = dict(pairs)
    for name in parameters:
        if name not in route.query:
            hint = likely(name, list(route.query))
            raise WrongCallError(400, f"?{name}", f"unknown parameter{hint}")
    if len(parameters) < len(pairs):
        raise WrongCallError(400, "?", "a parameter is given twice")
    return parameters


def _body(route: Route, request: Request) -> Json:
    if route.takes is None:
        return None
    if len(request.body) > CALL_BYTES:
        raise WrongCallError(413, "$", f"is longer than {CALL_MIB}")
    try:
        body = load(request.body or b"{}", unique_keys=True)
    except WireError as error:
        raise WrongCallError(400, "$", str(error)) from None
    check(route.schema, body, InputError)
    return body


def _refusal(error: WrongCallError) -> Response:
    return json_response(error.status, {"path": error.path, "reason": error.reason})
