"""What clients are asked to do, and what is right: what the target answers a plain request."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ..checks.violations import shorten
from ..contract import AnyJson
from ..exchanges import Credential, Exchange, Request, Result, member
from ..wording import counted

#: How far scores of two answers may be apart: a model that is served repeats them only roughly.
TOLERANCE = 0.01

_QUERY = "Which fruit is red and round?"
_DOCUMENTS = (
    "A banana is a long yellow fruit.",
    "An apple is a red and round fruit.",
    "A train leaves the station at noon.",
    "A cherry is a small red fruit.",
)


class Outcome(str, Enum):
    """What became of a task. Listed from best to worst."""

    WORKS = "works"
    #: The client has no means for it, or the target itself does not do it.
    NOT_APPLICABLE = "n/a"
    #: The client could not be run.
    NOT_TRIED = "not tried"
    FAILS = "fails"


@dataclass(frozen=True)
class Task:
    """Something that a client is asked to do, which every client and every target should manage."""

    id: str
    #: What is asked for, in words.
    title: str
    query: str = _QUERY
    #: At most four, since some clients ask for the best four unless they are given `top_n`.
    documents: Sequence[str] = _DOCUMENTS
    options: Mapping[str, AnyJson] = field(default_factory=dict[str, AnyJson])
    credential: Credential = Credential.KEY

    def request(self, model: str) -> Request:
        """The plain request for it."""
        body = {"model": model, "query": self.query, "documents": list(self.documents)}
        return Request(body={**body, **self.options}, credential=self.credential)

    def for_client(self, model: str, timeout: float) -> AnyJson:
        """What a client is given, as `schemas/client/task.schema.json` has it."""
        return {
            "id": self.id,
            "model": model,
            "query": self.query,
            "documents": list(self.documents),
            "options": dict(self.options),
            "timeout": timeout,
        }


TASKS = (
    Task("ranking", "rank four documents"),
    Task("top_n", "return the two best of four", options={"top_n": 2}),
    Task("return_documents", "return the texts too", options={"return_documents": True}),
    Task("one_document", "rank a single document", documents=_DOCUMENTS[1:2]),
    Task(
        "unicode",
        "rank texts in Chinese, Arabic and with emoji",
        query="红色的水果 🍎",
        documents=("香蕉是黄色的", "苹果是红色的水果 🍎", "تفاحة حمراء", "火车中午出发 👩‍🚀"),
    ),
    Task("wrong_key", "report that the key is refused", credential=Credential.INVALID),
)


def refusal(task: Task, own: Exchange) -> str:
    """Why nothing can be compared with what the target answers itself; empty if it can."""
    if not own.answer.status:
        return f"the target gave no answer: {shorten(own.answer.text)}"
    if task.credential is Credential.KEY:
        return next(_flaws(task, own), "")
    if own.answer.status == 200:
        return "the target accepts any key"
    refused = 400 <= own.answer.status < 500
    return "" if refused else f"the target answers a wrong key with {own.answer.status}"


def compare(task: Task, own: Exchange, answer: AnyJson) -> tuple[Outcome, str]:
    """What became of a task, and how, by what a client answered."""
    if "not_applicable" in answer:
        return Outcome.NOT_APPLICABLE, shorten(answer["not_applicable"])
    if "error" in answer:
        says = shorten(answer["error"]["message"])
        if task.credential is Credential.KEY:
            return Outcome.FAILS, f"reported: {says}"
        is_clear = answer["error"].get("status") or str(own.answer.status) in says
        remark = "" if is_clear else f" (without the status {own.answer.status})"
        return Outcome.WORKS, f"reported: {says}{remark}"
    if task.credential is not Credential.KEY:
        status = own.answer.status
        return Outcome.FAILS, f"returned a ranking, though the target refuses the key with {status}"
    wrong = next(_differences(task, own.ranking or (), answer), "")
    return (Outcome.FAILS, wrong) if wrong else (Outcome.WORKS, "")


def _flaws(task: Task, own: Exchange) -> Iterator[str]:
    """What is wrong with the target's own answer."""
    said = shorten(own.answer.text)
    if own.answer.status != 200:
        yield f"the target answers a plain request with {own.answer.status}: {said}"
    elif own.ranking is None:
        yield f"the target's answer to a plain request has no ranking: {said}"
    else:
        most = min(task.options.get("top_n", len(task.documents)), len(task.documents))
        if len(own.ranking) != most:
            found = counted(len(own.ranking), "result")
            yield f"the target itself returns {found} where {most} are right"
        if task.options.get("return_documents") and not all(map(_text, own.ranking)):
            yield "the target itself returns no texts"


def _differences(task: Task, own: Sequence[Result], answer: AnyJson) -> Iterator[str]:
    ranking: list[int] = answer["ranking"]
    scores: list[float] | None = answer.get("scores")
    expected = sorted(own, key=lambda result: -result.score)
    known = {result.index: result.score for result in expected}
    right = [result.index for result in expected]
    if len(ranking) != len(right) or len(set(ranking)) != len(ranking):
        yield f"ranked documents {ranking}, expected {right}"
        return
    if scores is not None and len(scores) != len(ranking):
        yield f"returned {counted(len(scores), 'score')} for {counted(len(ranking), 'document')}"
        return
    for place, (index, result) in enumerate(zip(ranking, expected, strict=True)):
        # Of equal documents either may come first, or be left out by `top_n`.
        score = known.get(index, scores[place] if scores else math.nan)
        if not _close(score, result.score):
            yield f"ranked documents {ranking}, expected {right}"
            return
        if scores is not None and not _close(scores[place], score):
            yield f"returned the score {scores[place]} for document {index}, expected {score}"
    texts = answer.get("texts")
    if texts is None and task.options.get("return_documents"):
        yield "returned no texts"
    if texts is not None and texts != [task.documents[index] for index in ranking]:
        yield f"returned texts that are not those of the documents: {shorten(texts)}"


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _text(result: Result) -> bool:
    return isinstance(member(result.document, "text"), str)
