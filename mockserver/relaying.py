"""Answers that are not the mock's: from recordings, or from upstream.

Armed scenarios come first: a step may answer itself, or change the answer that comes.
"""

from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from .engine import (
    Answered,
    cors_headers,
    delayed,
    respond,
    split_key,
    subject_of,
    unconnected,
    with_headers,
)
from .parsed_request import ReceivedRequest
from .scenarios.applying import answer_instead, apply_step
from .scenarios.scenario import NO_EDIT, Edit
from .state.accounts import Account
from .state.decisions import Decision, Demand, View
from .state.recordings import is_asked, question_of
from .state.store import State
from .wire import Request, Response, WireError

#: The header that says where an answer comes from: `Source`.
SOURCE = "x-rerank-mock-source"


class Asked(NamedTuple):
    """A request that somebody else may answer."""

    view: View
    received: ReceivedRequest
    #: The account of its key; if no account has it, the only account.
    account: Account | None
    demand: Demand | None
    decision: Decision | None
    #: The answer of the mock, if it answers itself.
    instead: Response | None = None


def ask(state: State, request: Request) -> Asked:
    """Read a request, and take the step that is armed for it."""
    view = state.view(split_key(request)[1])
    received = ReceivedRequest(request, state.contract, view.models, view.behaviour.max_body_bytes)
    account = view.account
    if account is None:
        every = state.accounts
        account = next(iter(every.values())) if len(every) == 1 else None
    if account is not None and (closed := unconnected(account)):
        return Asked(view, received, account, None, None, closed)
    if account is None or not is_asked(request):
        return Asked(view, received, account, None, None)
    demand = Demand(account.name, None, None, subject_of(received))
    decision = state.decide(demand)
    instead = None
    if decision.step:
        instead = answer_instead(state.contract, view.behaviour, decision.step)
    return Asked(view, received, account, demand, decision, instead)


def complete(asked: Asked, response: Response) -> Answered:
    """Return the answer as the client gets it; what a step has touched is the mock's."""
    step = asked.decision and asked.decision.step
    if step:
        response = replace(apply_step(step, _edited(step.answer, response)), source="mock")
    source = response.source or "mock"
    headers = {SOURCE: source, **cors_headers(asked.view, asked.received.request)}
    response = delayed(with_headers(response, headers), asked.view.latency)
    response.source = source
    return Answered(
        asked.view, asked.received, asked.account, response, asked.demand, asked.decision
    )


def _edited(edit: Edit, response: Response) -> Response:
    """Return a ranking with the edit of a scenario; what is no ranking stays as it is."""
    if edit == NO_EDIT or response.status != 200:
        return response
    try:
        body: dict[str, Any] = response.json()
        scores = dict(enumerate(edit.scores))
        for result in body["results"]:
            own = result["relevance_score"]
            new = scores.get(result["index"])
            result["relevance_score"] = own if new is None else new
        if scores:
            body["results"].sort(key=itemgetter("relevance_score"), reverse=True)
        return replace(response, body=orjson.dumps(edit.change(body)))
    except (WireError, LookupError, TypeError, AttributeError):
        return response


def replay(state: State, request: Request) -> Answered:
    """Answer from the recordings of the state; without any, as the mock does."""
    tape = state.tape
    if tape is None or not is_asked(request):
        return respond(state, request)
    question = question_of(state.contract, request)
    is_known = tape.has(question)
    if not is_known and tape.unrecorded == "answer":
        answered = respond(state, request)
        response = with_headers(answered.response, {SOURCE: "mock"})
        response.source = "mock"
        return answered._replace(response=response)
    asked = ask(state, request)
    if asked.instead is not None:
        return complete(asked, asked.instead)
    if not is_known:
        return complete(asked, tape.refusal(question))
    name = None if asked.account is None else asked.account.name
    return complete(asked, replace(tape.play(name, question), source="recording"))
