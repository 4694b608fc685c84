"""Advice on requests that another server has answered: nothing is answered, charged or kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .advice.catalogue import advise_on_request, advise_over_time
from .advice.heads import PATHS
from .parsed_request import ReceivedRequest
from .redaction import Redactor, keys_in_url
from .state.exchanges import Advice, Exchange, Exchanges
from .state.store import State
from .wire import Request, Response


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request, and what is known of its answer."""

    request: Request
    #: The same for requests of the same caller, which are compared with each other.
    caller: str
    #: When it was sent, in seconds since the epoch.
    at: float
    #: Until the answer had come.
    milliseconds: float
    #: None if it is not known: then the request is advised on by itself.
    status: int | None
    response_headers: Mapping[str, str]


def advise(state: State, recorded: Iterable[Recorded]) -> list[tuple[Advice, ...]]:
    """Return the advice on each request, in the light of those before it.

    The keys are taken for known unless they were refused: the mock cannot tell.
    """
    before = Exchanges()
    return [_advise(state, before, one) for one in recorded]


def _advise(state: State, before: Exchanges, one: Recorded) -> tuple[Advice, ...]:
    request, behaviour = one.request, state.behaviour
    received = ReceivedRequest(request, state.contract, state.models, behaviour.max_body_bytes)
    if request.query or request.path not in PATHS:
        received.keys_in_url = tuple(keys_in_url(request, state.is_key))
    received.is_elsewhere = True
    received.key_known = one.status != 401
    received.cors = behaviour.cors == "present"
    advice = advise_on_request(received)
    if one.status is not None:
        exchange = _exchange(one, one.status)
        past = before.add(exchange)
        if past.last is not None:
            advice += advise_over_time(exchange, past)
    redactor = Redactor(request, state.is_key, state.known_keys.spellings)
    return tuple(found._replace(hint=redactor.text(found.hint)) for found in advice)


def _exchange(one: Recorded, status: int) -> Exchange:
    request = one.request
    return Exchange(
        at=one.at,
        account=None,
        request=request,
        request_bytes=len(request.body),
        response=Response(status, one.response_headers, b"", source="upstream"),
        response_bytes=0,
        model=None,
        documents=None,
        milliseconds=one.milliseconds,
        advice=(),
        caller=hash(one.caller),
        asked=hash((one.caller, request.method, request.path, request.query, request.body)),
    )
