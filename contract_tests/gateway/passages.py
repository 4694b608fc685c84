"""One request on its way through a gateway, and where its texts can be found again.

Each document has a tag, and each request a number, which stand in their texts. Both sides are put
together by these, never by the order in which something came.
"""

import json
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from ..checks.violations import shorten
from ..contract import AnyJson
from ..exchanges import Answer, Exchange, is_array, is_object, member
from ..wording import counted
from .meaning import meant

#: The number of a request and, in a document, its own. A gateway may change their case.
_TAG = re.compile(r"case(\d+)(?:doc(\d+))?", re.IGNORECASE)
#: Scores are equal if they differ by less than this share: a float may be printed anew.
TOLERANCE = 1e-5
#: Fewest digits after the point that a gateway may round or cut scores to.
DIGITS = 2

#: A tag of a document: the number of its request, and its own.
Tag: TypeAlias = tuple[int, int]
#: A tag that no document has.
_NONE: Tag = (-1, -1)
#: `coarse` are scores that are rounded to fewer than `DIGITS`, `digits` those to as many or more.
Aspect: TypeAlias = Literal[
    "ranking", "index", "score", "coarse", "digits", "complete", "order", "text"
]


class Fault(NamedTuple):
    """What is wrong with a ranking that came through a gateway."""

    aspect: Aspect
    sentence: str


@dataclass(frozen=True)
class Passage:
    """A request at the front with its answer, and what upstream was asked for it."""

    front: Exchange
    calls: tuple[Exchange, ...]
    #: Where a key stands that must not be there, and in which spelling; empty where none does.
    caller_key_at: str = ""
    upstream_key_at: str = ""

    @property
    def status(self) -> int:
        """The status at the front; 0 where no answer came."""
        return self.front.answer.status

    @cached_property
    def read(self) -> Exchange:
        """The front's, its answer read as the page has it where its shape alone is another."""
        if self.status != 200 or self.front.ranking is not None:
            return self.front
        body = json.dumps(meant(self.front.answer.json)).encode()
        return replace(self.front, answer=replace(self.front.answer, body=body))

    @property
    def succeeded(self) -> bool:
        """Whether the front answered, and had asked for it."""
        return self.status == 200 and bool(self.calls)


def text_of(document: AnyJson) -> str:
    """The text of a document in any form; empty where it has none."""
    text = member(document, "text") if is_object(document) else document
    return text if isinstance(text, str) else ""


def quoted(text: str | None) -> str:
    """A text in quotes, escaped where it has marks that join the letter before them."""
    return ascii(text) if any(map(unicodedata.combining, text or "")) else repr(text)


def tag_of(text: str) -> Tag | None:
    """The tag in a text."""
    found = _TAG.search(text)
    return (int(found[1]), int(found[2])) if found and found[2] else None


def cases(body: AnyJson) -> set[int]:
    """The numbers of the requests whose texts stand in a body."""
    return {int(found[1]) for text in _texts(body) for found in _TAG.finditer(text)}


def tags(exchange: Exchange) -> list[Tag]:
    """The tags of the documents of a request, one for each document that has one."""
    found = (tag_of(text_of(document)) for document in exchange.documents)
    return [tag for tag in found if tag]


def is_for(call: Exchange, front: Exchange) -> bool:
    """Whether upstream was asked for what was sent to the front.

    Where both have documents they tell: a late call for another request may have the same query.
    """
    called, sent = tags(call), tags(front)
    if called and sent:
        return bool({case for case, _ in called} & {case for case, _ in sent})
    return bool(cases(call.request.body) & cases(front.request.body))


def scores_of(calls: Sequence[Exchange]) -> dict[Tag, list[float]]:
    """What upstream has scored the documents."""
    scores: defaultdict[Tag, list[float]] = defaultdict(list)
    for call in calls:
        documents = call.documents
        for result in call.ranking or ():
            if 0 <= result.index < len(documents):
                tag = tag_of(text_of(documents[result.index]))
                if tag:
                    scores[tag].append(result.score)
    return dict(scores)


def ranking_faults(
    passage: Passage, known: Mapping[Tag, Sequence[float]] | None = None
) -> Iterator[Fault]:
    """How the answer at the front differs from what upstream has said of the same texts.

    What is `known` was answered earlier: a gateway may have kept it.
    """
    ranking = passage.read.ranking
    if ranking is None:
        yield Fault("ranking", f"no ranking came, but {_instead(passage.front.answer)}")
        return
    documents = passage.front.documents
    scores = {**(known or {}), **scores_of(passage.calls)}
    seen: set[int] = set()
    for result in ranking:
        if not 0 <= result.index < len(documents):
            many = counted(len(documents), "document")
            yield Fault("index", f"a result has index {result.index}, and there are {many}")
            continue
        if result.index in seen:
            yield Fault("index", f"index {result.index} comes twice")
        seen.add(result.index)
        text = text_of(documents[result.index])
        if result.document is not None and text_of(result.document) != text:
            back = quoted(text_of(result.document))
            sentence = f"document {result.index} came back as {back:.80}"
            yield Fault("text", f"{sentence}, and was sent as {quoted(text):.80}")
        yield from _score_faults(result.index, result.score, tag_of(text), scores)
    yield from _extent_faults(passage, scores)


def _instead(answer: Answer) -> str:
    if answer.status == 200:
        return f"200 with {shorten(answer.text, 60)}"
    return str(answer.status or answer.text)


def same(one: float, other: float) -> bool:
    """Whether two scores are the same, but for how they are printed."""
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)


def rounded(score: float, given: float) -> int | None:
    """To how many digits after the point the given score was rounded or cut; None if it was not."""
    fitting = (
        digits
        for digits in range(10)
        if round(score, digits) == score and abs(score - given) <= 10**-digits
    )
    return max(fitting, default=None)


def _score_faults(
    index: int, score: float, tag: Tag | None, scores: Mapping[Tag, Sequence[float]]
) -> Iterator[Fault]:
    expected = scores.get(tag, ()) if tag else ()
    if any(same(score, each) for each in expected):
        return
    for given in expected:
        if (digits := rounded(score, given)) is not None:
            sentence = f"index {index} has score {score}, and upstream gave {given}"
            yield Fault("coarse" if digits < DIGITS else "digits", sentence)
            return
    owners = [
        number
        for (_, number), theirs in scores.items()
        if any(same(score, each) for each in theirs)
    ]
    if owners and (tag is None or owners != [tag[1]]):
        yield Fault("index", f"index {index} has the score of the document with tag {owners[0]}")
    elif not expected:
        yield Fault("index", f"index {index} has a result, and upstream gave that document none")
    else:
        yield Fault("score", f"index {index} has score {score}, and upstream gave {expected[0]}")


def _extent_faults(passage: Passage, scores: Mapping[Tag, Sequence[float]]) -> Iterator[Fault]:
    """Whether all results came, the best first."""
    ranking = passage.read.ranking or ()
    rankable = len(tags(passage.front))
    top_n = member(passage.front.request.body, "top_n")
    wanted = min(top_n, rankable) if isinstance(top_n, int) else rankable
    if len(ranking) != wanted:
        yield Fault("complete", f"{counted(len(ranking), 'result')} came where {wanted} were due")
    given = [result.score for result in ranking]
    if any(one < other for one, other in pairwise(given)):
        yield Fault("order", "the results are not sorted by falling score")
    if len(ranking) == wanted:
        # What came back may be rounded, and that is another fault.
        documents = passage.front.documents
        places = (result.index for result in ranking if 0 <= result.index < len(documents))
        given_by = (scores.get(tag_of(text_of(documents[place])) or _NONE) for place in places)
        chosen = [max(each) for each in given_by if each]
        best = sorted(map(max, scores.values()), reverse=True)[:wanted]
        if chosen and len(best) == wanted:
            worst = min(chosen)
            # Documents with the same rounded score are equal to the gateway.
            is_tie = same(worst, best[-1]) or rounded(min(given), best[-1]) is not None
            if worst < best[-1] and not is_tie:
                yield Fault("complete", "a document with a better score has no result")


def _texts(value: AnyJson) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif is_object(value):
        for inner in value.values():
            yield from _texts(inner)
    elif is_array(value):
        for inner in value:
            yield from _texts(inner)
