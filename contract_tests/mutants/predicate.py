"""What the page says of the answer to a valid request: decides whether a generated mutant counts.

Written from the page, and not from the checks of the judge. Whatever the page does not say is
no breach: that all documents come back without top_n, scores below 0, an empty meta.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ..contract import AnyJson, Contract
from ..exchanges import Answer, is_array, is_object
from .operators import Body

#: Largest request that a server has no reason to refuse for its size: the page names no cap.
MOST_DOCUMENTS, MOST_BYTES = 16, 1_000
#: Scores of a served model move a little from call to call.
TOLERANCE = 0.02
#: Sends the body of a request.
Ask = Callable[[Body], Answer]


@dataclass
class Predicate:
    """Reads the answers of one target, one after the other."""

    contract: Contract
    _names: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    #: Requests with the same ranking -> the first of them, with its results.
    _twins: dict[str, tuple[Body, list[Body]]] = field(
        default_factory=dict[str, tuple[Body, list[Body]]]
    )

    def breach(self, body: Body, ask: Ask) -> str | None:
        """Send a valid request; say what the page forbids in the answer, None where nothing."""
        answer = ask(body)
        if answer.status >= 500:
            answer = ask(body)  # a hiccup is none; a fault that is there comes again
        if answer.status != 200:
            return self._refused(body, answer)
        if not (answer.is_json and is_object(answer.json)):
            return "the body is not a JSON object"
        found = next(self._in_answer(body, answer), None)
        return found or self._unlike_its_twin(body, answer.json["results"], ask)

    def _refused(self, body: Body, answer: Answer) -> str | None:
        """A refusal, unless the page leaves it open whether this is accepted."""
        if answer.status in (429, 503, 504):
            return None
        documents = _documents(body)
        size = len(json.dumps(body, ensure_ascii=False).encode())
        is_open = (
            len(documents) > MOST_DOCUMENTS
            or size > MOST_BYTES
            or any("\0" in text or not text.strip() for text in (body["query"], *documents))
        )
        return None if is_open and 400 <= answer.status < 500 else f"status {answer.status}"

    def _in_answer(self, body: Body, answer: Answer) -> Iterator[str]:
        yield from self._identity("trace id", answer.headers.get("x-siliconcloud-trace-id"))
        yield from self._identity("id", answer.json.get("id"))
        results = answer.json.get("results")
        if not is_array(results) or not all(map(is_object, results)):
            yield "results are not an array of objects"
            return
        documents = _documents(body)
        for result in results:
            yield from _in_result(result, documents, returned=body.get("return_documents") is True)
        indices = [result.get("index") for result in results]
        if len(set(indices)) < len(indices):
            yield "an index twice"
        if any(
            one["relevance_score"] < next_one["relevance_score"]
            for one, next_one in pairwise(results)
        ):
            yield "not sorted"
        top_n = body.get("top_n")
        if top_n is not None and top_n <= len(documents) and len(results) != top_n:
            yield f"{len(results)} results for top_n {top_n}"
        yield from _in_meta(answer.json)

    def _identity(self, what: str, name: AnyJson) -> Iterator[str]:
        if not isinstance(name, str) or not name.strip():
            yield f"no {what}"
        elif (what, name) in self._names:
            yield f"the {what} of another answer"
        self._names.add((what, str(name)))

    def _unlike_its_twin(self, body: Body, results: list[Body], ask: Ask) -> str | None:
        """Another ranking than that of a request that only says otherwise how much to return."""
        asked = min(body.get("top_n") or len(_documents(body)), len(_documents(body)))
        name = self._ranking_of(body)
        if len(results) < asked:
            return None  # that all of them come back is not on the page
        if name not in self._twins:
            self._twins[name] = body, results
            return None
        other_body, other = self._twins[name]
        if not _contradict(results, other):
            return None
        # That scores do not repeat is open; a fault shows again.
        again = [(ask(asked), asked) for asked in (body, other_body)]
        for answer, asked in again:
            if answer.status != 200 or next(self._in_answer(asked, answer), None):
                return None
        if _contradict(*(answer.json["results"] for answer, _ in again)):
            return f"another ranking than for {json.dumps(other_body)[:200]}"
        return None

    def _ranking_of(self, body: Body) -> str:
        supports = self.contract.models[body["model"]].supports or frozenset()
        kept = {
            name: value
            for name, value in body.items()
            if name not in ("top_n", "return_documents")
            and (name not in self.contract.gated_fields or name in supports)
            and (name, value) != ("max_chunks_per_doc", 1024)
        }
        return json.dumps({**kept, "documents": _documents(body)}, sort_keys=True)


def _in_result(result: Body, documents: list[AnyJson], *, returned: bool) -> Iterator[str]:
    index: AnyJson = result.get("index")
    score: AnyJson = result.get("relevance_score")
    document: AnyJson = result.get("document")
    if type(score) not in (int, float) or not math.isfinite(score):
        yield "a score that is not a number"
    # 1.0 is an integer to JSON Schema.
    if type(index) not in (int, float) or index != int(index):
        yield "an index that is not an integer"
    elif not 0 <= index < len(documents):
        yield "an index at which no document was sent"
    elif document is not None and not is_object(document):
        yield "a document that is not an object"
    else:
        text = (document or {}).get("text")
        if returned and text != documents[int(index)]:
            yield "not the text that was sent at that index"
        if not returned and text is not None:
            yield "a text that was not asked for"


def _in_meta(body: Body) -> Iterator[str]:
    meta = body.get("meta", {})
    groups = [meta.get(name, {}) for name in ("tokens", "billed_units")] if is_object(meta) else []
    if not groups or not all(map(is_object, groups)):
        yield "meta, tokens or billed_units are not objects"
        return
    names = ("input_tokens", "output_tokens", "image_tokens", "search_units", "classifications")
    for group in groups:
        for name in names:
            count = group.get(name, 0)
            if type(count) not in (int, float) or (count != int(count)):
                yield f"{name} is not an integer"


def _contradict(one: list[Body], other: list[Body]) -> bool:
    """Whether two rankings cannot be of the same documents, except for near ties."""
    larger, smaller = sorted((one, other), key=len, reverse=True)
    scores = {result["index"]: result["relevance_score"] for result in larger}
    best = [result["relevance_score"] for result in larger]
    for result, expected in zip(smaller, best, strict=False):
        score = result["relevance_score"]
        room = TOLERANCE * max(1, abs(expected))
        if abs(score - expected) > room or abs(scores.get(result["index"], score) - score) > room:
            return True
    return False


def _documents(body: Body) -> list[AnyJson]:
    documents = body["documents"]
    return documents if is_array(documents) else [documents]
