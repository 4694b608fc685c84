"""Answer requests, and record them with advice for the author of the client.

Exchanges are recorded raw: they are redacted only when the journal is read.
"""

from .advice.catalogue import HEADER, advise_on_request, advise_over_time
from .advice.heads import PATHS
from .engine import Answered, split_key, with_headers, withdraw
from .redaction import LONGEST_KEY, keys_in_url
from .relaying import replay
from .state.decisions import UnavailableError
from .state.exchanges import Exchange
from .state.store import State
from .wire import Request, Response, json_response

#: The answer to a request that the mock could not answer, by a fault of its own.
FAULT = json_response(
    500,
    {
        "code": None,
        "message": "rerank-mock failed to answer this request; its log says where",
        "data": None,
    },
)


def answer(state: State, request: Request) -> Response:
    """Answer any request, and record the exchange.

    If that fails, nothing has changed, and what is recorded is `FAULT`, which the caller answers.
    """
    answered: Answered | None = None
    exchange: Exchange | None = None
    try:
        answered = replay(state, request)
        exchange = observe(state, answered)
        keep(state, exchange)
    except UnavailableError:
        # Whether anything was charged or recorded, nobody can tell now.
        raise
    except BaseException:
        if answered is not None:
            withdraw(state, answered.demand, answered.decision)
        record_fault(state, request, exchange)
        raise
    return advised(answered, exchange)


def keep(state: State, exchange: Exchange) -> None:
    """Record an exchange, with advice in the light of what its caller did before."""
    past = state.record(exchange)
    if past.last is not None and (advice := advise_over_time(exchange, past)):
        exchange.advice += advice
        state.correct(exchange)
    state.journal.announce(exchange)


def advised(answered: Answered, exchange: Exchange) -> Response:
    """Return the answer with the ids of the advice, if the behaviour has that header."""
    if not exchange.advice or answered.view.behaviour.advice_header != "present":
        return answered.response
    ids = ", ".join(dict.fromkeys(advice.id for advice in exchange.advice))
    return with_headers(answered.response, {HEADER: ids})


def record_fault(state: State, request: Request, exchange: Exchange | None) -> None:
    """Record that a request was answered with `FAULT`, even if its exchange is recorded already."""
    if exchange is not None and exchange.number:
        exchange.response, exchange.response_bytes = FAULT, len(FAULT.body)
        state.correct(exchange)
        return
    account = state.account_of(split_key(request)[1])
    shown = state.journal.body_bytes
    state.record(
        Exchange(
            at=state.clock.now(),
            account=None if account is None else account.name,
            request=_cut(request, shown),
            request_bytes=len(request.body),
            response=FAULT,
            response_bytes=len(FAULT.body),
            model=None,
            documents=None,
            milliseconds=0.0,
            advice=(),
            caller=None,
            asked=None,
            body_bytes=shown,
        )
    )


def observe(state: State, answered: Answered) -> Exchange:
    """Return the exchange to record."""
    view, received, account, response, _, _ = answered
    request, delivery, documents = received.request, response.delivery, received.listed_documents
    if request.query or request.path not in PATHS:
        received.keys_in_url = tuple(keys_in_url(request, state.is_key))
    if account is None:
        received.key_known = response.source is not None or state.is_key(split_key(request)[1])
        received.cors = view.behaviour.cors == "present"
    waited = max(state.clock.now() - view.now, 0.0)
    seconds = waited + delivery.delay + delivery.pause * (delivery.pieces - 1)
    name = None if account is None else account.name
    # One account stands for all callers of another server.
    is_owner = name is not None and response.source is None
    caller = state.identify(name, None if is_owner else request.headers.get("authorization"))
    body, answer_body, shown = request.body, response.body, state.journal.body_bytes
    # By position: by name it takes twice as long.
    return Exchange(
        view.now,
        name,
        request if len(body) <= shown else _cut(request, shown),
        len(body),
        response if len(answer_body) <= shown else _cut_answer(response, request, shown),
        len(answer_body),
        received.model,
        None if documents is None else len(documents),
        seconds * 1000,
        advise_on_request(received),
        caller,
        state.identify(caller, request.method, request.path, request.query, body),
        shown,
    )


def _most(request: Request, shown: int) -> int:
    """Return how many bytes of a body to keep, so that a key at the end of `shown` is found."""
    # JSON may escape each character.
    return shown + 6 * max(request.head_length, LONGEST_KEY)


def _cut(request: Request, shown: int) -> Request:
    head = request.method, request.path, request.query, request.headers
    return Request(*head, request.body[: _most(request, shown)])


def _cut_answer(response: Response, request: Request, shown: int) -> Response:
    return Response(
        response.status,
        response.headers,
        response.body[: _most(request, shown)],
        response.delivery,
        response.usage,
        response.source,
    )
