"""Checks of the results: order, number, indices, scores, and the text of documents."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from ..contract import AnyJson
from ..exchanges import Exchange, Result, member
from ..wording import counted
from .check import Finding, Predicate, check, ranked
from .violations import shorten


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


@check("response.results.index.literal", ranked)
def index_has_no_fraction(exchange: Exchange) -> Iterator[Finding]:
    """Indices such as 1.0: an integer to JSON Schema, and to few programs."""
    for entry in member(exchange.answer.json, "results"):
        if type(entry["index"]) is float:
            yield "an index without a fraction", f"index {entry['index']}"
            return


@check("response.results.index.unique", ranked)
def index_is_used_once(exchange: Exchange) -> Iterator[Finding]:
    """Indices that stand in two results."""
    for index, times in Counter(result.index for result in _ranking(exchange)).items():
        if times > 1:
            yield "each index once", f"index {index} in {times} of the results"


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
    ranking, documents = _ranking(exchange), exchange.documents
    # Whether a document that is empty, or white space alone, has a result is open.
    blank = {i for i, text in enumerate(documents) if isinstance(text, str) and not text.strip()}
    left_out = blank - {result.index for result in ranking}
    expected = min(expected, len(documents) - len(left_out))
    if len(ranking) != expected:
        yield _results(expected), _results(len(ranking))


def _results(count: int) -> str:
    return counted(count, "result")


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
            yield f"document.text {shorten(repr(text))} at index {result.index}", _received(result)


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


def _ranking(exchange: Exchange) -> tuple[Result, ...]:
    return exchange.ranking or ()


def _top_n(exchange: Exchange) -> int:
    """The top_n that was sent, where it is plainly a number; otherwise 0."""
    top_n = member(exchange.request.body, "top_n")
    return top_n if type(top_n) is int else 0


def _text(result: Result) -> AnyJson:
    return member(result.document, "text")


def _received(result: Result) -> str:
    return f"document {shorten(result.document)}"
