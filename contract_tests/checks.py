"""Checks: pure functions that look at one exchange and yield what is wrong with it.

``@check`` says which requirement a check reports and which exchanges it speaks of.
:func:`examine` runs every check that speaks of an exchange.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from .contract import STATED_BY, Json, breaches
from .exchanges import Exchange, Result, member
from .violations import Violation, shorten

#: What was expected and what came instead.
Finding: TypeAlias = tuple[str, str]
Predicate: TypeAlias = Callable[[Exchange], bool]


@dataclass(frozen=True)
class Check:
    """A function from an exchange to violations, and when it has something to say."""

    #: Ids that its violations may bear.
    requirements: frozenset[str]
    speaks_of: Predicate
    find: Callable[[Exchange], Iterator[Violation]]


#: All checks, in the order in which they are written here.
CHECKS: list[Check] = []


def examine(exchange: Exchange) -> tuple[frozenset[str], tuple[Violation, ...]]:
    """Run the checks that speak of ``exchange``: the requirements they tried, what they found."""
    speaking = [check for check in CHECKS if check.speaks_of(exchange)]
    tried = frozenset[str]().union(*(check.requirements for check in speaking))
    return tried, tuple(violation for check in speaking for violation in check.find(exchange))


def asked(exchange: Exchange) -> bool:
    """It went to the endpoint itself."""
    return (exchange.request.method, exchange.request.path) == ("POST", "/rerank")


def succeeded(exchange: Exchange) -> bool:
    """The endpoint answered 200."""
    return asked(exchange) and exchange.answer.status == 200


def parsed(exchange: Exchange) -> bool:
    """The endpoint answered 200 with JSON."""
    return succeeded(exchange) and exchange.answer.is_json


def ranked(exchange: Exchange) -> bool:
    """The endpoint answered readable documents with a well-formed ranking."""
    return bool(exchange.documents) and exchange.ranking is not None


def refused(exchange: Exchange) -> bool:
    """The answer is an error."""
    return exchange.answer.status >= 400


def check(
    requirement: str, speaks_of: Predicate
) -> Callable[[Callable[[Exchange], Iterator[Finding]]], Callable[[Exchange], Iterator[Finding]]]:
    """Make a function that yields findings the check of ``requirement``."""

    def register(
        find: Callable[[Exchange], Iterator[Finding]],
    ) -> Callable[[Exchange], Iterator[Finding]]:
        def violations(exchange: Exchange) -> Iterator[Violation]:
            for expected, received in find(exchange):
                yield Violation(requirement, expected, received, (exchange,))

        CHECKS.append(Check(frozenset({requirement}), speaks_of, violations))
        return find

    return register


def _breaches_of_response(exchange: Exchange) -> Iterator[Violation]:
    for breach in breaches("response", exchange.answer.json):
        received = f"{shorten(breach.received)} at {breach.path}{_dialect(exchange.answer.json)}"
        yield Violation(breach.requirement, breach.expected, received, (exchange,))


CHECKS.append(
    Check(
        frozenset(
            requirement
            for pointer, requirement in STATED_BY.items()
            if pointer.startswith("response#")
        ),
        parsed,
        _breaches_of_response,
    )
)


def _dialect(body: Json) -> str:
    """A likely explanation, where the answer looks like that of a neighbouring API."""
    if isinstance(body, list):
        return "; a bare array is the dialect of TEI and SGLang"
    if member(body, "results") is None and member(body, "data") is not None:
        return "; results in `data` are the dialect of Voyage, or this is an error body"
    return ""


@check("response.body.json", succeeded)
def body_is_json(exchange: Exchange) -> Iterator[Finding]:
    """Bodies that are not JSON in UTF-8, or hold NaN or Infinity."""
    if not exchange.answer.is_json:
        yield "a JSON body", shorten(exchange.answer.text)


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
def id_is_a_uuid7(exchange: Exchange) -> Iterator[Finding]:
    """Ids that are not 32 lower-case hexadecimal digits of a version 7 UUID."""
    name = str(_id(exchange))
    if not re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", name):
        yield "32 hexadecimal digits of a version 7 UUID", shorten(name)


@check("response.results.sorted", ranked)
def results_fall(exchange: Exchange) -> Iterator[Finding]:
    """Rankings in which a score is higher than the one before it."""
    scores = [result.score for result in _ranking(exchange)]
    if any(later > earlier for earlier, later in pairwise(scores)):
        yield "scores that never rise", shorten(scores)


@check("response.results.index.range", ranked)
def index_is_a_position(exchange: Exchange) -> Iterator[Finding]:
    """Indices at which no document was sent; the schema finds the negative ones."""
    count = len(exchange.documents)
    for result in _ranking(exchange):
        if result.index >= count:
            yield f"an index below {count}", f"index {result.index}"


@check("response.results.index.unique", ranked)
def index_is_used_once(exchange: Exchange) -> Iterator[Finding]:
    """Indices that stand in two results."""
    for index, times in Counter(result.index for result in _ranking(exchange)).items():
        if times > 1:
            yield "each index once", f"index {index} {times} times"


def _without_top_n(exchange: Exchange) -> bool:
    return ranked(exchange) and "top_n" not in exchange.request.body


@check("response.results.complete", _without_top_n)
def all_documents_come_back(exchange: Exchange) -> Iterator[Finding]:
    """Rankings that leave documents out unasked."""
    yield from _count(exchange, len(exchange.documents))


def _within(exchange: Exchange) -> bool:
    return ranked(exchange) and 1 <= _top_n(exchange) <= len(exchange.documents)


def _beyond(exchange: Exchange) -> bool:
    return ranked(exchange) and _top_n(exchange) > len(exchange.documents)


@check("request.top_n.count", _within)
def top_n_results_come_back(exchange: Exchange) -> Iterator[Finding]:
    """Rankings of more or fewer results than top_n."""
    yield from _count(exchange, _top_n(exchange))


@check("request.top_n.beyond_documents", _beyond)
def no_more_results_than_documents(exchange: Exchange) -> Iterator[Finding]:
    """Rankings that are not complete although top_n is larger than the number of documents."""
    yield from _count(exchange, len(exchange.documents))


def _count(exchange: Exchange, expected: int) -> Iterator[Finding]:
    if len(_ranking(exchange)) != expected:
        yield f"{expected} results", f"{len(_ranking(exchange))} results"


@check("response.results.relevance_score.range", ranked)
def score_is_a_probability(exchange: Exchange) -> Iterator[Finding]:
    """Scores that do not lie between 0 and 1."""
    for result in _ranking(exchange):
        if not 0 <= result.score <= 1:
            yield "a score between 0 and 1", f"{result.score} at index {result.index}"
            return


def _returns_documents(value: bool | None) -> Predicate:
    def speaks_of(exchange: Exchange) -> bool:
        return ranked(exchange) and member(exchange.request.body, "return_documents") is value

    return speaks_of


@check("request.return_documents.true", _returns_documents(True))
def text_is_echoed(exchange: Exchange) -> Iterator[Finding]:
    """Results without the very text that was sent at their index."""
    sent = exchange.documents
    for result in _ranking(exchange):
        text = sent[result.index] if 0 <= result.index < len(sent) else None
        if isinstance(text, str) and _text(result) != text:
            yield f"document.text {shorten(text)!r} at index {result.index}", _received(result)


@check("request.return_documents.false", _returns_documents(False))
def text_is_left_out(exchange: Exchange) -> Iterator[Finding]:
    """Results with text although return_documents is false."""
    yield from _unasked_text(exchange)


@check("request.return_documents.default", _returns_documents(None))
def text_is_left_out_by_default(exchange: Exchange) -> Iterator[Finding]:
    """Results with text although return_documents was left out."""
    yield from _unasked_text(exchange)


def _unasked_text(exchange: Exchange) -> Iterator[Finding]:
    for result in _ranking(exchange):
        if _text(result):
            yield "no document text", f"{_received(result)} at index {result.index}"
            return


@check("response.meta.tokens", parsed)
def tokens_are_told_twice(exchange: Exchange) -> Iterator[Finding]:
    """Answers whose tokens and billed units are not there, or do not agree."""
    meta = member(exchange.answer.json, "meta")
    told = [member(meta, name, "input_tokens") for name in ("tokens", "billed_units")]
    if None in told or told[0] != told[1]:
        yield "meta.tokens and meta.billed_units with the same input_tokens", shorten(meta)


@check("error.status.listed", refused)
def status_of_a_refusal_is_listed(exchange: Exchange) -> Iterator[Finding]:
    """Failures of the service itself that are none of the published ones."""
    if exchange.answer.status >= 500 and exchange.answer.status not in (503, 504):
        yield "a status from 400 to 499, 503 or 504", f"status {exchange.answer.status}"


@check("error.body.family", refused)
def refusal_has_a_message(exchange: Exchange) -> Iterator[Finding]:
    """Error bodies that are neither text, nor a JSON string, nor an object with a message."""
    answer = exchange.answer
    if answer.is_json:
        for breach in breaches("error", answer.json):
            yield f"{breach.expected} at {breach.path}", shorten(answer.text)
    elif not answer.text.strip() or answer.text.lstrip().startswith("<"):
        yield "text, a JSON string, or a JSON object with a message", shorten(answer.text)


@check("error.key_hidden", lambda _: True)
def key_is_not_repeated(exchange: Exchange) -> Iterator[Finding]:
    """Answers that hold the key."""
    if exchange.answer.repeats_key:
        yield "an answer without the key", "an answer that repeats the key"


def _id(exchange: Exchange) -> Json:
    return member(exchange.answer.json, "id") if succeeded(exchange) else None


def _ranking(exchange: Exchange) -> tuple[Result, ...]:
    return exchange.ranking or ()


def _top_n(exchange: Exchange) -> int:
    """The top_n that was sent, where it is plainly a number; otherwise 0."""
    top_n = member(exchange.request.body, "top_n")
    return top_n if type(top_n) is int else 0


def _text(result: Result) -> Json:
    return member(result.document, "text")


def _received(result: Result) -> str:
    return f"document {shorten(result.document)}"
