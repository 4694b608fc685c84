"""The engine: from a request to its answer.

    request -> view -> prepare -> decide -> finish -> answer

`view` and `decide` are calls of the store. `prepare` and `finish` are pure functions: they do no
input or output, and get time, numbers and the contract from the store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias, cast
from urllib.parse import parse_qs
from zlib import crc32

from .behaviour import Behaviour
from .contract import Contract, Model, Refusal
from .parsed_request import ReceivedRequest
from .reading import check_body, check_context, check_form, find_model, understand
from .scenarios.applying import answer_instead, apply_step
from .scenarios.hostile import add_foreign_members, keeps_meta, small_scores
from .scenarios.magic import magic_step
from .scenarios.scenario import NO_EDIT, Edit, Step, Subject
from .scoring import Ranking, rank
from .state.accounts import Account
from .state.decisions import Admission, Decision, Demand, View
from .state.ids import page_id, uuid7
from .state.pins import pinned_scores
from .state.quotas import rate_limit_headers
from .state.store import State
from .wire import Delivery, Request, Response, Usage, json_response

#: Answers a request that needs no decision of the store.
Handler: TypeAlias = Callable[[View, Account, Request], Response]


class Task(NamedTuple):
    """A valid rerank request, and the scores of its documents."""

    model: Model
    #: As `understand` returns them.
    fields: Mapping[str, Any]
    ranking: Ranking


class Prepared(NamedTuple):
    """A request, processed as far as possible without a decision of the store."""

    received: ReceivedRequest
    #: The account of the key, if the key is accepted.
    account: Account | None
    #: What it needs from the store; None if it is answered without a decision.
    demand: Demand | None = None
    #: The answer, or a refusal that a scenario may still replace.
    response: Response | None = None
    task: Task | None = None


class Answered(NamedTuple):
    """A request, its answer, and the view of the state that it had."""

    view: View
    received: ReceivedRequest
    account: Account | None
    response: Response
    #: What the store was asked, and what it decided.
    demand: Demand | None
    decision: Decision | None


def respond(state: State, request: Request) -> Answered:
    """Answer any request; if that fails, nothing has been decided."""
    view = state.view(split_key(request)[1])
    prepared = prepare(state.contract, view, request)
    decision = None if prepared.demand is None else state.decide(prepared.demand)
    try:
        response = finish(state.contract, view, prepared, decision)
    except BaseException:
        # Of a score function, too, which may end the test: `pytest.fail()`.
        withdraw(state, prepared.demand, decision)
        raise
    received, account = prepared.received, prepared.account
    return Answered(view, received, account, response, prepared.demand, decision)


def withdraw(state: State, demand: Demand | None, decision: Decision | None) -> None:
    """Take back what the store decided, if it did."""
    if demand is not None and decision is not None:
        state.withdraw(demand, decision)


def prepare(contract: Contract, view: View, request: Request) -> Prepared:
    """Read a request. The order of refusals is ours where that of the service is unknown."""
    behaviour = view.behaviour
    received = ReceivedRequest(request, contract, view.models, behaviour.max_body_bytes)
    has_scheme, key = split_key(request)
    if not has_scheme and behaviour.authorization_scheme == "required":
        key = ""
    account = view.account if key else None
    if account is not None and (closed := unconnected(account)):
        return Prepared(received, account, response=closed)
    if behaviour.cors == "present" and received.is_preflight and request.path in ROUTES:
        return Prepared(received, None, response=allow(request))
    try:
        handler = route(contract, behaviour, request)
        if account is None:
            raise refuse_key(contract, behaviour, key)
        if handler is not None:
            return Prepared(received, account, response=handler(view, account, request))
    except Refusal as refusal:
        return Prepared(received, account, response=refusal.response)
    magic: Step | None = None
    try:
        if behaviour.magic_inputs == "on":
            magic = magic_step(contract, received.fields.get("query"))
        task = read_task(contract, view, received)
    except Refusal as refusal:
        demand = Demand(account.name, magic, None, subject_of(received))
        return Prepared(received, account, demand, refusal.response)
    ranking = task.ranking
    asked = crc32(request.body) if view.faults else 0
    demand = Demand(
        account.name,
        magic,
        task.model,
        subject_of(received),
        ranking.input_tokens,
        ranking.image_tokens,
        asked,
    )
    return Prepared(received, account, demand, task=task)


def finish(
    contract: Contract, view: View, prepared: Prepared, decision: Decision | None
) -> Response:
    """Return the answer to a prepared request after the decision."""
    if decision is None:
        assert prepared.response is not None
        response = prepared.response
    elif decision.step is None:
        response = usual(contract, view, prepared, decision, NO_EDIT)
    else:
        step = decision.step
        answer = answer_instead(contract, view.behaviour, step)
        answer = answer or usual(contract, view, prepared, decision, step.answer)
        response = apply_step(step, answer)
    headers = {"x-siliconcloud-trace-id": uuid7(view.now, view.numbers[1])}
    headers |= cors_headers(view, prepared.received.request)
    return delayed(with_headers(response, headers), view.latency)


def unconnected(account: Account) -> Response | None:
    """Return what an account gets whose connections are never open, or None."""
    if account.connection == "open":
        return None
    return Response(503, {}, b"", Delivery(close=account.connection))


def cors_headers(view: View, request: Request) -> dict[str, str]:
    """Return what lets a page of another origin read the answer, if the behaviour has it."""
    if view.behaviour.cors == "present" and "origin" in request.headers:
        return {"access-control-allow-origin": "*", "access-control-expose-headers": "*"}
    return {}


def delayed(response: Response, seconds: float) -> Response:
    """Return the response after some seconds more, unless there is no connection."""
    delivery = response.delivery
    if not seconds or delivery.close in ("refused", "timed_out"):
        return response
    return replace(response, delivery=replace(delivery, delay=delivery.delay + seconds))


def allow(request: Request) -> Response:
    """Answer a preflight: the method of the path and all headers are allowed."""
    headers = {
        "access-control-allow-methods": ROUTES[request.path][0],
        # A star would not stand for Authorization.
        "access-control-allow-headers": request.headers.get(
            "access-control-request-headers", "authorization, content-type"
        ),
        "access-control-allow-origin": "*",
    }
    return Response(200, headers, b"")


def route(contract: Contract, behaviour: Behaviour, request: Request) -> Handler | None:
    """Return the handler for path and method; None means a rerank request."""
    if request.path == "/v1/rerank/" and behaviour.trailing_slash == "redirect":
        raise Refusal(Response(307, {"location": "/v1/rerank"}, b""))
    if request.path in ROUTES:
        method, handler = ROUTES[request.path]
        if request.method == method:
            return handler
        if behaviour.wrong_method == "method_not_allowed":
            response = contract.errors["method_not_allowed"].response()
            raise Refusal(with_headers(response, {"allow": method}))
    raise contract.refusal("not_found", family=behaviour.not_found_body)


def refuse_key(contract: Contract, behaviour: Behaviour, key: str) -> Refusal:
    """Return the refusal of a key that no account has; "" means no key."""
    if not key or key.lower().startswith("bearer "):
        return contract.refusal("token_invalid")
    as_object = behaviour.invalid_key == "object"
    return contract.refusal("key_invalid_object" if as_object else "key_invalid")


def split_key(request: Request) -> tuple[bool, str]:
    """Return whether the Authorization header has the word Bearer, and the key in it."""
    header = request.headers.get("authorization", "").strip()
    scheme, _, key = header.partition(" ")
    return (True, key.strip()) if scheme.lower() == "bearer" else (False, header)


def read_task(contract: Contract, view: View, received: ReceivedRequest) -> Task:
    """Return a rerank request as a task. Raises `Refusal`."""
    behaviour = view.behaviour
    check_body(contract, behaviour, received)
    fields = check_form(contract, behaviour, received)
    model = find_model(contract, behaviour, view.models, fields["model"])
    fields = understand(contract, behaviour, model, fields)
    ranking = rank(
        fields["query"],
        fields["documents"],
        model=model.id,
        context_tokens=model.context_tokens,
        max_chunks=fields.get("max_chunks_per_doc"),
        instruction=fields.get("instruction", ""),
        overlap_tokens=fields.get("overlap_tokens", 0),
        leave_empty_out=behaviour.empty_document == "leave_out",
    )
    check_context(contract, behaviour, model, ranking)
    return Task(model, fields, ranking)


def subject_of(received: ReceivedRequest) -> Subject:
    """Return what steps of scenarios are armed for."""
    query: object = received.fields.get("query")
    text = cast("dict[str, object]", query).get("text") if isinstance(query, dict) else query
    return Subject(received.model, text, len(received.listed_documents or ()))


def usual(
    contract: Contract, view: View, prepared: Prepared, decision: Decision, edit: Edit
) -> Response:
    """Return the usual answer to a rerank request, with the edit of a scenario."""
    task, admission = prepared.task, decision.admission
    if task is None or admission is None:
        assert prepared.response is not None
        return prepared.response
    if admission.refused:
        return refuse(contract, view.behaviour, admission)
    ranking = task.ranking
    scores: Sequence[float] = ranking.scores
    # What a test has scripted stays as it is.
    draw = view.draw if decision.step is None else None
    if draw and not decision.pins and decision.function is None:
        scores = small_scores(scores, draw)
    if decision.pins or decision.function:
        scores = pinned_scores(
            decision.pins,
            decision.function,
            model=task.model.id,
            query=task.fields["query"],
            documents=task.fields["documents"],
            scores=scores,
        )
    if edit is NO_EDIT:
        body = shape(view, task, scores)
    else:
        body = edit.change(shape(view, task, edit.rescore(scores)))
    if draw:
        add_foreign_members(body)
        if not keeps_meta(draw):
            body.pop("meta", None)
    usage = Usage(ranking.input_tokens, ranking.image_tokens, admission.charge)
    response = json_response(200, body, usage)
    limits = limit_headers(view.behaviour, admission)
    return with_headers(response, limits) if limits else response


def refuse(contract: Contract, behaviour: Behaviour, admission: Admission) -> Response:
    """Return the answer to a request that was not admitted."""
    if admission.refused == "standing":
        return contract.errors["forbidden"].response()
    if admission.refused == "balance":
        unpaid = behaviour.empty_balance == "payment_required"
        name = "balance_insufficient_payment" if unpaid else "balance_insufficient"
        return contract.errors[name].response()
    response = contract.errors["rate_limited"].response(limit=str(admission.limit))
    return with_headers(response, limit_headers(behaviour, admission))


def limit_headers(behaviour: Behaviour, admission: Admission) -> dict[str, str]:
    """Return the rate limit headers and Retry-After, if the behaviour has them."""
    headers: dict[str, str] = {}
    if behaviour.rate_limit_headers == "present":
        headers |= rate_limit_headers(admission.meters)
    if behaviour.retry_after == "present" and admission.limit:
        headers["retry-after"] = str(admission.meters[admission.limit].wait)
    return headers


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """Return the response with more headers."""
    return Response(
        response.status,
        {**response.headers, **headers},
        response.body,
        response.delivery,
        response.usage,
        response.source,
    )


def shape(view: View, task: Task, scores: Sequence[float]) -> dict[str, Any]:
    """Return the body with the best `top_n` results, best first and ties by index."""
    behaviour, fields, ranking = view.behaviour, task.fields, task.ranking
    documents = fields["documents"]
    kept: Sequence[int] = range(len(scores))
    if behaviour.empty_document == "leave_out" and "" in documents:
        kept = [index for index in kept if documents[index] != ""]
    order = sorted(kept, key=scores.__getitem__, reverse=True)
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": scores[index]} for index in order[: fields["top_n"]]
    ]
    if fields.get("return_documents"):
        for result in results:
            document = documents[result["index"]]
            result["document"] = {"text": document} if isinstance(document, str) else document
    elif behaviour.document_when_not_returned == "null":
        for result in results:
            result["document"] = None
    number = view.numbers[0]
    is_page = behaviour.id_format == "page"
    body: dict[str, Any] = {
        "id": page_id(view.now, number) if is_page else uuid7(view.now, number),
        "results": results,
    }
    counts = {"input_tokens": ranking.input_tokens, "output_tokens": 0}
    if behaviour.usage != "meta":
        body["tokens"] = counts
    if behaviour.usage != "tokens":
        images = {"image_tokens": ranking.image_tokens}
        billed = {**counts, "search_units": 0, "classifications": 0}
        if behaviour.billed_image_tokens == "present":
            billed |= images
        body["meta"] = {"tokens": {**counts, **images}, "billed_units": billed}
    return body


def list_models(view: View, _account: Account, request: Request) -> Response:
    """`GET /v1/models`, filtered by the parameters `type` and `sub_type`."""
    wanted = parse_qs(request.query)
    kind = {"type": "text", "sub_type": "reranker"}
    listed = all(value in wanted.get(name, [value]) for name, value in kind.items())
    data = [
        {"id": model.id, "object": "model", "created": 0, "owned_by": ""}
        for model in view.models.values()
        if listed and model.state == "online"
    ]
    return json_response(200, {"object": "list", "data": data})


def user_info(_view: View, account: Account, _request: Request) -> Response:
    """`GET /v1/user/info`; money is in CNY, as strings."""
    data = {
        "id": account.name,
        "name": account.name,
        "status": account.standing,
        "balance": f"{account.granted_balance:f}",
        "chargeBalance": f"{account.charged_balance:f}",
        "totalBalance": f"{account.total_balance:f}",
    }
    return json_response(200, {"code": 20000, "message": "OK", "status": True, "data": data})


#: Each path with its method and handler; a rerank request has no handler.
ROUTES: Mapping[str, tuple[str, Handler | None]] = {
    "/v1/rerank": ("POST", None),
    "/v1/models": ("GET", list_models),
    "/v1/user/info": ("GET", user_info),
}
