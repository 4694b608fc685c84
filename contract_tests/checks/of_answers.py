"""Checks of what surrounds the results: headers, shape, id, counts, refusals."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from ..contract import AnyJson, Contract
from ..exchanges import Exchange, is_array, is_number, member
from .check import Check, Finding, asked, check, parsed, ranked, refused, succeeded
from .violations import Violation, shorten
from .wording import expectation, finding

#: Most results that are held against the schema, where there are more than documents.
MOST_RESULTS = 1_000
#: Most broken keywords of one answer that are looked at: one may have a million results.
MOST_BROKEN = 1000


def _stated(schema: str) -> Callable[[Contract], frozenset[str]]:
    return lambda contract: frozenset(
        name for pointer, name in contract.stated_by.items() if pointer.startswith(f"{schema}#")
    )


def _broken_in_response(contract: Contract, exchange: Exchange) -> Iterator[Violation]:
    body = exchange.answer.json
    results = member(body, "results")
    # What comes beyond the documents is a finding of its own, and is not looked at one by one.
    most = max(MOST_RESULTS, len(exchange.documents))
    if is_array(results) and len(results) > most:
        body = {**body, "results": results[:most]}
    seen: set[str] = set()
    for broken in islice(contract.broken_keywords("response", body), MOST_BROKEN):
        if broken.requirement in seen:
            continue
        seen.add(broken.requirement)
        received = finding(broken) + _dialect(body)
        yield Violation(broken.requirement, expectation(broken), received, (exchange,))


has_the_shape = Check(
    _stated("response"),
    lambda exchange: parsed(exchange) and ranked(exchange),
    _broken_in_response,
)
#: Where there is no ranking, what does not hold is found, and the rest has not been tried.
lacks_a_ranking = Check(
    lambda _: frozenset(),
    lambda exchange: parsed(exchange) and not ranked(exchange),
    _broken_in_response,
)


def _dialect(body: AnyJson) -> str:
    """A likely explanation, where the answer looks like that of a neighbouring API."""
    if isinstance(body, list):
        return "; a bare array is the dialect of TEI and SGLang: it should be in results"
    if member(body, "results") is None and member(body, "data") is not None:
        return "; data is the dialect of Voyage: it should be in results; or this is an error body"
    return ""


@check("response.body.json", succeeded)
def body_is_json(exchange: Exchange) -> Iterator[Finding]:
    """Bodies that are not JSON in UTF-8, or hold NaN or Infinity."""
    if not exchange.answer.is_json:
        yield "a JSON body", shorten(exchange.answer.text) or "no body"


@check("response.results.relevance_score.type", parsed)
def score_is_a_number(exchange: Exchange) -> Iterator[Finding]:
    """Scores that are JSON, and still no number: a double cannot hold them."""
    results = member(exchange.answer.json, "results")
    for result in results if is_array(results) else ():
        score = member(result, "relevance_score")
        if type(score) in (int, float) and not is_number(score):
            yield "a number that a double can hold", shorten(score)
            return


@check("response.header.trace_id", succeeded)
def success_is_traceable(exchange: Exchange) -> Iterator[Finding]:
    """Answers without a trace id."""
    yield from _trace(exchange)


@check("error.header.trace_id", lambda exchange: asked(exchange) and refused(exchange))
def refusal_is_traceable(exchange: Exchange) -> Iterator[Finding]:
    """Refusals without a trace id."""
    yield from _trace(exchange)


def _trace(exchange: Exchange) -> Iterator[Finding]:
    if not exchange.answer.headers.get("x-siliconcloud-trace-id", "").strip():
        yield "a header x-siliconcloud-trace-id", "no such header, or an empty one"


@check("response.header.content_type", succeeded)
def content_type_is_json(exchange: Exchange) -> Iterator[Finding]:
    """Answers of another content type."""
    content_type = exchange.answer.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        yield "content-type: application/json", f"content-type: {content_type or '(none)'}"


@check("response.id.format", lambda exchange: isinstance(_id(exchange), str))
def id_has_a_known_form(exchange: Exchange) -> Iterator[Finding]:
    """Ids that are neither a version 7 UUID in hexadecimal digits, nor like the page's example."""
    name = str(_id(exchange))
    if not re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}|rerank-\d{8}-\w{12}", name):
        yield "32 hexadecimal digits of a version 7 UUID", shorten(name)


@check("response.meta.tokens", parsed)
def tokens_are_told_twice(exchange: Exchange) -> Iterator[Finding]:
    """Answers whose tokens and billed units are not there, or do not agree."""
    meta = member(exchange.answer.json, "meta")
    counts = [member(meta, name, "input_tokens") for name in ("tokens", "billed_units")]
    if None in counts or counts[0] != counts[1]:
        yield "meta.tokens and meta.billed_units with the same input_tokens", shorten(meta)


@check("error.status.listed", refused)
def status_of_a_refusal_is_listed(exchange: Exchange) -> Iterator[Finding]:
    """Failures of the service itself that are none of the published ones."""
    if exchange.answer.status >= 500 and exchange.answer.status not in (503, 504):
        yield "a status from 400 to 499, 503 or 504", f"status {exchange.answer.status}"


def _broken_in_error(contract: Contract, exchange: Exchange) -> Iterator[Violation]:
    """Error bodies that are neither text, nor what the schema allows as JSON."""
    answer = exchange.answer
    if answer.is_json:
        for broken in contract.broken_keywords("error", answer.json):
            received = finding(broken)
            yield Violation(broken.requirement, expectation(broken), received, (exchange,))
    elif answer.cut or not answer.text.strip() or answer.text.lstrip().startswith("<"):
        expected = "text, a JSON string, or a JSON object with a message"
        received = shorten(answer.text) or "no body"
        for requirement in _stated("error")(contract):
            yield Violation(requirement, expected, received, (exchange,))


refusal_has_a_message = Check(_stated("error"), refused, _broken_in_error)


@check("error.body.string", lambda exchange: exchange.answer.status in (401, 404))
def refusal_is_a_string(exchange: Exchange) -> Iterator[Finding]:
    """Bodies of a 401 or 404 that are neither a JSON string nor plain text."""
    answer = exchange.answer
    is_page = answer.text.lstrip().startswith("<")
    if not isinstance(answer.json, str) and (answer.is_json or is_page or not answer.text.strip()):
        yield "a string", shorten(answer.text) or "no body"


@check("error.key_hidden", lambda _: True)
def key_is_not_repeated(exchange: Exchange) -> Iterator[Finding]:
    """Answers that hold the key."""
    if exchange.answer.repeats_key:
        yield "an answer without the key", "an answer that repeats the key"


def _id(exchange: Exchange) -> AnyJson:
    return member(exchange.answer.json, "id") if succeeded(exchange) else None
