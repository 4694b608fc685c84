"""Answer requests, and record them with advice for the author of the client.

Exchanges are recorded raw: they are redacted only when the journal is read.
"""

from .advice.catalogue import HEADER, advise_on_request, advise_over_time
from .advice.heads import PATHS
from .engine import Answered, respond, split_key, with_headers
from .redaction import LONGEST_KEY, keys_in_url
from .state.entry import head_length
from .state.exchanges import Exchange
from .state.store import State
from .wire import Request, Response


def answer(state: State, request: Request) -> Response:
    """Answer any request, and record the exchange."""
    answered = respond(state, request)
    exchange = observe(state, answered)
    past = state.record(exchange)
    if past.last is not None:
        exchange.advice += advise_over_time(exchange, past)
    state.journal.announce(exchange)
    response = answered.response
    if exchange.advice and answered.view.behaviour.advice_header == "present":
        ids = ", ".join(dict.fromkeys(advice.id for advice in exchange.advice))
        response = with_headers(response, {HEADER: ids})
    return response


def observe(state: State, answered: Answered) -> Exchange:
    """Return the exchange to record."""
    received, account, response = answered.received, answered.account, answered.response
    request, delivery = received.request, response.delivery
    if request.query or request.path not in PATHS:
        received.keys_in_url = tuple(keys_in_url(request, state.is_key))
    received.key_known = account is not None or state.is_key(split_key(request)[1])
    waited = max(state.clock.now() - answered.view.now, 0.0)
    seconds = waited + delivery.delay + delivery.pause * (delivery.pieces - 1)
    name = None if account is None else account.name
    caller = hash((name, None if name else request.headers.get("authorization")))
    heads, shown = head_length(request), state.journal.body_bytes
    # Enough to recognise a key at the end of the body, where JSON may escape it.
    most = shown + 6 * max(heads, LONGEST_KEY)
    documents = received.listed_documents
    return Exchange(
        at=answered.view.now,
        account=name,
        request=request if len(request.body) <= most else _cut(request, most),
        request_bytes=len(request.body),
        response=response if len(response.body) <= most else _cut_answer(response, most),
        response_bytes=len(response.body),
        model=received.model,
        documents=None if documents is None else len(documents),
        milliseconds=seconds * 1000,
        advice=advise_on_request(received),
        caller=caller,
        asked=hash((caller, request.method, request.path, request.query, request.body)),
        heads=heads + sum(map(len, response.headers.values())),
        body_bytes=shown,
    )


def _cut(request: Request, most: int) -> Request:
    head = request.method, request.path, request.query, request.headers
    return Request(*head, request.body[:most])


def _cut_answer(response: Response, most: int) -> Response:
    return Response(
        response.status,
        response.headers,
        response.body[:most],
        response.delivery,
        response.usage,
    )
