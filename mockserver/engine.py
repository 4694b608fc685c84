"""The mock itself: a request goes in, an answer comes out.

    adapter -> answer -> route -> identify -> rerank, list_models or user_info -> record -> adapter

No input or output happens here, and time and ids come from the state.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from .advice.rules import HEADER
from .behaviour import Behaviour
from .contract import ERRORS, Model, Refusal, refusal
from .reading import Rerank, check_form, find_model, read_body, understand
from .scenarios.applying import apply_step
from .scenarios.magic import magic_step
from .scenarios.scenario import NO_EDIT, Edit
from .scoring import Ranking, rank
from .state.accounts import Account
from .state.quotas import rate_limit_headers
from .state.store import Admission, State
from .wire import Request, Response, Usage, json_response

Handler: TypeAlias = Callable[[State, Account, Request], Response]


def answer(state: State, request: Request) -> Response:
    """Answer one request, whatever it is, and write both into the journal."""
    came = state.clock.now()
    try:
        handler = route(state, request)
        response = handler(state, identify(state, request), request)
    except Refusal as refusal:
        response = refusal.response
    response = with_headers(response, **{"x-siliconcloud-trace-id": state.uuid7()})
    account = state.account_of(key_of(state.behaviour, request))
    entry = state.record(account, request, response, came=came)
    if entry.advice and state.behaviour.advice_header == "present":
        response = with_headers(response, **{HEADER: entry.advice_ids})
    return response


def rerank(state: State, account: Account, request: Request) -> Response:
    """`POST /v1/rerank`: as the scenario of the account or a magic query has it, or as usual."""
    behaviour = state.behaviour
    step = state.scenarios.take(account.name) or magic_step(behaviour, request)
    if step is None:
        return rank_documents(state, account, request, NO_EDIT)
    return apply_step(behaviour, step, lambda edit: rank_documents(state, account, request, edit))


def rank_documents(state: State, account: Account, request: Request, edit: Edit) -> Response:
    """Answer as usual. Each line may refuse; where the service's order is unknown it is ours."""
    behaviour = state.behaviour
    models = state.models
    body = read_body(behaviour, request)
    fields = check_form(behaviour, models, body)
    model = find_model(behaviour, models, fields["model"])
    asked = understand(behaviour, model, fields)
    ranking = rank(
        asked.query,
        asked.documents,
        model=model.id,
        context_tokens=model.context_tokens,
        max_chunks=asked.max_chunks_per_doc,
        instruction=asked.instruction,
        overlap_tokens=asked.overlap_tokens,
    )
    admission = admit(state, account, model, ranking)
    scores = state.pins.score(
        account.name,
        model=model.id,
        query=asked.query,
        documents=asked.documents,
        scores=ranking.scores,
    )
    ranking = replace(ranking, scores=edit.rescore(scores))
    usage = Usage(ranking.input_tokens, ranking.image_tokens, admission.charge)
    response = replace(shape(state, asked, ranking, edit), usage=usage)
    return with_headers(response, **limit_headers(state, admission))


def list_models(state: State, _account: Account, request: Request) -> Response:
    """`GET /v1/models`, narrowed by the parameters `type` and `sub_type`."""
    wanted = parse_qs(request.query)
    kind = {"type": "text", "sub_type": "reranker"}
    listed = all(value in wanted.get(name, [value]) for name, value in kind.items())
    data = [
        {"id": model.id, "object": "model", "created": 0, "owned_by": ""}
        for model in state.models.values()
        if listed and model.state == "online"
    ]
    return json_response(200, {"object": "list", "data": data})


def user_info(_state: State, account: Account, _request: Request) -> Response:
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


def route(state: State, request: Request) -> Handler:
    """Find the handler of path and method."""
    behaviour = state.behaviour
    if request.path == "/v1/rerank/" and behaviour.trailing_slash == "redirect":
        raise Refusal(Response(307, {"location": "/v1/rerank"}, b""))
    if request.path in ROUTES:
        method, handler = ROUTES[request.path]
        if request.method == method:
            return handler
        if behaviour.wrong_method == "method_not_allowed":
            raise Refusal(with_headers(ERRORS["method_not_allowed"].response(), allow=method))
    raise refusal("not_found", family=behaviour.not_found_body)


def identify(state: State, request: Request) -> Account:
    """Find the account of the key in the Authorization header."""
    key = key_of(state.behaviour, request)
    if not key:
        raise refusal("token_invalid")
    account = state.account_of(key)
    if account is None:
        as_object = state.behaviour.invalid_key == "object"
        raise refusal("key_invalid_object" if as_object else "key_invalid")
    return account


def key_of(behaviour: Behaviour, request: Request) -> str:
    """Return the key in the Authorization header, or nothing."""
    header = request.headers.get("authorization", "").strip()
    scheme, _, key = header.partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return header if behaviour.authorization_scheme == "optional" else ""


def admit(state: State, account: Account, model: Model, ranking: Ranking) -> Admission:
    """Have the request counted and paid for, or refuse it: by standing, balance, then limits."""
    admission = state.admit(
        account.name,
        model,
        text_tokens=ranking.input_tokens,
        image_tokens=ranking.image_tokens,
    )
    if admission.refused is None:
        return admission
    if admission.refused == "standing":
        raise refusal("forbidden")
    if admission.refused == "balance":
        unpaid = state.behaviour.empty_balance == "payment_required"
        raise refusal("balance_insufficient_payment" if unpaid else "balance_insufficient")
    response = ERRORS["rate_limited"].response(limit=str(admission.limit))
    raise Refusal(with_headers(response, **limit_headers(state, admission)))


def limit_headers(state: State, admission: Admission) -> dict[str, str]:
    """Tell how far the limits are used, and how long to wait, as far as the behaviour does."""
    headers: dict[str, str] = {}
    if state.behaviour.rate_limit_headers == "present":
        headers |= rate_limit_headers(admission.meters)
    if state.behaviour.retry_after == "present" and admission.limit:
        headers["retry-after"] = str(admission.meters[admission.limit].wait)
    return headers


def with_headers(response: Response, **headers: str) -> Response:
    """Return the response with more headers."""
    return replace(response, headers={**response.headers, **headers})


def shape(state: State, asked: Rerank, ranking: Ranking, edit: Edit) -> Response:
    """Print the best `top_n` results, best first and ties by index."""
    behaviour = state.behaviour
    kept = list(range(len(ranking.scores)))
    if behaviour.empty_document == "leave_out":
        kept = [index for index in kept if asked.documents[index] != ""]
    order = sorted(kept, key=ranking.scores.__getitem__, reverse=True)
    results: list[dict[str, Any]] = []
    for index in order[: asked.top_n]:
        result: dict[str, Any] = {"index": index, "relevance_score": ranking.scores[index]}
        if asked.return_documents:
            document = asked.documents[index]
            result["document"] = {"text": document} if isinstance(document, str) else document
        elif behaviour.document_when_not_returned == "null":
            result["document"] = None
        results.append(result)
    counts = {"input_tokens": ranking.input_tokens, "output_tokens": 0}
    images = {"image_tokens": ranking.image_tokens}
    billed = {**counts, "search_units": 0, "classifications": 0}
    if behaviour.billed_image_tokens == "present":
        billed |= images
    body = {
        "id": state.page_id() if behaviour.id_format == "page" else state.uuid7(),
        "results": results,
        "meta": {"tokens": {**counts, **images}, "billed_units": billed},
    }
    return json_response(200, edit.change(body))


#: Path to method and handler.
ROUTES: Mapping[str, tuple[str, Handler]] = {
    "/v1/rerank": ("POST", rerank),
    "/v1/models": ("GET", list_models),
    "/v1/user/info": ("GET", user_info),
}
