"""The answers of the vectors: right ones and wrong ones, which the checks of the judge judge."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import jsonschema

from contract_tests.checks.catalogue import examine
from contract_tests.contract import Contract
from contract_tests.exchanges import Answer, Exchange, Request, member, parse_json
from contract_tests.judging.probes import on_the_wire
from contract_tests.mutants.of_answers import MUTANTS_OF_ANSWERS
from contract_tests.mutants.of_results import MUTANTS_OF_RESULTS
from contract_tests.mutants.operators import Mutant

from .vector_cases import Case

Json: TypeAlias = Any

#: The longest body that is worth its place, in bytes.
LONGEST = 4000
TRACED = {
    "content-type": "application/json; charset=utf-8",
    "x-siliconcloud-trace-id": "ti_0123456789abcdef",
}
#: Mutants that edit an answer: what they break may show in it.
WRONG = (*MUTANTS_OF_ANSWERS, *MUTANTS_OF_RESULTS)


@dataclass(frozen=True)
class Sample:
    """An answer to the request of a case, and what it breaks."""

    description: str
    answer: Answer
    #: Requirements that the answer tries, and those of them that it breaks.
    tried: frozenset[str]
    violations: frozenset[str]


def sample(contract: Contract, case: Case, description: str, answer: Answer) -> Sample:
    """Judge an answer: the checks of the judge, and what is expected of the case."""
    repeats = b"{key}" in answer.body
    answer = replace(answer, repeats_key=answer.repeats_key or repeats)
    tried, found = examine(contract, Exchange(case.request, answer))
    expected = list(case.expected(contract))
    ranked = Exchange(case.request, answer).ranking is not None
    broken = {
        row.requirement
        for row in expected
        if (ranked or not row.of_ranking) and not keeps(row.answer, answer)
    }
    return Sample(
        description,
        answer,
        tried | {row.requirement for row in expected},
        frozenset(broken | {violation.requirement for violation in found}),
    )


def samples(contract: Contract, case: Case) -> Iterator[Sample]:
    """The right answer to a case, and the plainest wrong one; none where anything goes."""
    if case.outcome == "accepted":
        yield sample(contract, case, "ranked", right(contract, case.request))
        yield sample(contract, case, "refused", refusal(contract, "parameter_invalid"))
    elif case.outcome == "refused":
        yield sample(contract, case, "refused", right_refusal(contract, case))
        yield sample(contract, case, "accepted", right(contract, case.request))
    elif case.more:
        yield sample(contract, case, "answered so", right_refusal(contract, case))
        wrong = right(contract, case.request)
        yield sample(contract, case, "answered like any other", wrong)


def wrong_samples(contract: Contract, cases: list[Case]) -> Iterator[tuple[str, Case, Sample]]:
    """What mutants answer to the first case that brings their fault out, and more of the like.

    Each with the requirement that it is about.
    """
    for mutant in WRONG:
        name = mutant.requirement or ""
        for case in cases:
            found = _edited(contract, case, mutant)
            if found and name in found.violations:
                yield name, case, found
                break
    for case in cases:
        if case.requirement == "authorization.invalid_key":
            for name, description, answer in _more_refusals(contract):
                yield name, case, sample(contract, case, description, answer)
        elif case.description == "query is missing":
            answer = replace(refusal(contract, "parameter_invalid"), body=b'"{key}: no query"')
            repeating = sample(contract, case, "repeats the key", answer)
            yield "error.key_hidden", case, repeating
        elif case.description == "the request that the page prints":
            for name, description, answer in _more_rankings(contract, case):
                yield name, case, sample(contract, case, description, answer)


def _edited(contract: Contract, case: Case, mutant: Mutant) -> Sample | None:
    original = _right(contract, case)
    try:
        answer = mutant.begin()(lambda _: original, case.request)
    except (LookupError, TypeError):
        # The mutant edits what this revision does not have.
        return None
    if replace(answer, repeats_key=False) == original or len(answer.body) > LONGEST:
        return None
    return sample(contract, case, mutant.name, answer)


def _more_rankings(contract: Contract, case: Case) -> Iterator[tuple[str, str, Answer]]:
    answer = right(contract, case.request)
    body = answer.json

    def edited(edit: Json) -> Answer:
        return replace(answer, body=json.dumps({**body, **edit}).encode())

    def each(**more: Json) -> Answer:
        return edited({"results": [{**result, **more} for result in body["results"]]})

    about = "request.return_documents.true"
    yield about, "has null for documents whose text was asked for", each(document=None)
    yield "response.results.sorted", "has equal scores", each(relevance_score=0.5)
    more = {"model": "BAAI/bge-reranker-v2-m3", "usage": {"total_tokens": 7}}
    yield "response.body.type", "has further members", edited(more)
    text = answer.body
    for result in body["results"]:
        index = b'"index": %d' % result["index"]
        text = text.replace(index, index + b".0")
    about = "response.results.index.literal"
    yield about, "writes indices as 1.0", replace(answer, body=text)
    if "tokens" in body:
        about, tokens = "response.tokens.type", body["tokens"]
        for description, wrong in (
            ("has null for tokens", None),
            ("has a list for tokens", [tokens]),
            ("has no output tokens", {"input_tokens": 7}),
            ("writes tokens as strings", {**tokens, "input_tokens": "7"}),
        ):
            yield about, description, edited({"tokens": wrong})


def _more_refusals(contract: Contract) -> Iterator[tuple[str, str, Answer]]:
    bare = refusal(contract, "token_invalid")
    typed = {**TRACED, "content-type": "text/plain"}
    yield from (
        ("error.body", "refuses with plain text", replace(bare, headers=typed, body=b"Wrong key")),
        ("error.body", "refuses with an object", refusal(contract, "key_invalid_object")),
        ("error.body", "refuses with a page", replace(bare, body=b"<html><body>No</body></html>")),
        ("error.status", "fails with 500", replace(bare, status=500)),
    )


def _right(contract: Contract, case: Case) -> Answer:
    if case.outcome == "accepted":
        return right(contract, case.request)
    return right_refusal(contract, case)


def right_refusal(contract: Contract, case: Case) -> Answer:
    """The refusal of a case, as the live service words it."""
    front = case.requirement.split(".")[0]
    if front == "authorization":
        missing = case.requirement != "authorization.invalid_key"
        return refusal(contract, "token_invalid" if missing else "key_invalid")
    if case.requirement == "endpoint.unknown_path":
        return refusal(contract, "not_found")
    if case.requirement == "endpoint.trailing_slash":
        return Answer(307, {**TRACED, "location": "/v1/rerank"}, b"")
    if case.requirement in ("request.model.unknown", "request.model.exact"):
        return refusal(contract, "model_not_found")
    return refusal(contract, "parameter_invalid")


def refusal(contract: Contract, name: str) -> Answer:
    """An answer of `errors.json`."""
    row: Json = next(
        (row for row in contract.errors if row["id"] == name),
        # A revision need not say what a wrong body is answered with.
        {"status": 400, "code": None, "message": "Bad request", "family": "object_without_code"},
    )
    body: Json = row["message"]
    if row["family"] != "string":
        code = {} if row["code"] is None else {"code": row["code"]}
        body = {**code, "message": row["message"], "data": None}
    return Answer(row["status"], TRACED, json.dumps(body).encode())


def right(contract: Contract, request: Request) -> Answer:
    """A ranking of the documents of a request, the last one first."""
    body = parse_json(request.body)[1] if isinstance(request.body, bytes) else request.body
    documents = Exchange(replace(request, body=body), Answer(0, {}, b"")).documents
    top_n = member(body, "top_n")
    count = min(top_n, len(documents)) if type(top_n) is int and top_n > 0 else len(documents)
    echo = member(body, "return_documents") is True
    results = [
        {
            "index": index,
            **({"document": {"text": documents[index]}} if echo else {}),
            "relevance_score": round(0.95 / 2**rank, 6),
        }
        for rank, index in enumerate(range(len(documents) - 1, len(documents) - 1 - count, -1))
    ]
    name = "0198f0e0000070008000000000000001"
    return Answer(
        200, TRACED, json.dumps({"id": name, "results": results, **_counts(contract)}).encode()
    )


def _counts(contract: Contract) -> Json:
    tokens = {"input_tokens": 7, "output_tokens": 0}
    if "tokens" in contract.schemas["response"]["properties"]:
        return {"tokens": tokens}
    billed = {**tokens, "search_units": 0, "classifications": 0}
    return {"meta": {"tokens": {**tokens, "image_tokens": 0}, "billed_units": billed}}


def view(answer: Answer) -> Json:
    """An answer as the schemas of the vectors describe it."""
    return {**on_the_wire(answer), "is_json": answer.is_json}


def keeps(schema: Json, answer: Answer) -> bool:
    """Whether an answer keeps a schema."""
    validator: Any = jsonschema.Draft202012Validator(schema)
    valid: bool = validator.is_valid(view(answer))
    return valid
