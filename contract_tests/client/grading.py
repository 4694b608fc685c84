"""What is wrong with what a client did: pure functions of a scenario and an attempt at it."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from ..contract import AnyJson
from ..wording import counted
from .reading import read_json
from .scenarios import ClientScenario

#: How far a score may be from the one that was served: what float32 keeps.
TOLERANCE = 1e-6
_SHOWN = 120


class Grade(Enum):
    """How a client did."""

    PASSED = "passed"
    FAILED = "failed"
    #: The client cannot do the task, or it was not tried.
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Attempt:
    """What a client did in a scenario."""

    #: What it reported, as `schemas/client/answer.schema.json` has it; None if it reported nothing.
    answer: AnyJson
    #: Why it reported nothing.
    silence: str
    #: Entries of the journal of the mock, as `schemas/files/entry.json` has them.
    entries: Sequence[AnyJson]


@dataclass(frozen=True)
class Graded:
    """The grade of a client in one scenario."""

    scenario: ClientScenario
    attempt: Attempt
    grade: Grade
    #: What was wrong, or why there is nothing to judge.
    reasons: tuple[str, ...]


def grade(scenario: ClientScenario, attempt: Attempt) -> Graded:
    """Grade an attempt."""
    answer = attempt.answer
    if answer is not None and "not_applicable" in answer:
        return Graded(scenario, attempt, Grade.NOT_APPLICABLE, (answer["not_applicable"],))
    wrong = (*_wrong_requests(scenario, attempt.entries), *_wrong_answer(scenario, attempt))
    return Graded(scenario, attempt, Grade.FAILED if wrong else Grade.PASSED, wrong)


def _wrong_requests(scenario: ClientScenario, entries: Sequence[AnyJson]) -> Iterator[str]:
    posts = [entry for entry in entries if entry["path"].rstrip("/").endswith("/rerank")]
    fewest, most = scenario.expect.requests
    if len(posts) < fewest:
        asked = ", ".join(dict.fromkeys(f"{entry['method']} {entry['path']}" for entry in entries))
        yield f"expected at least {_requests(fewest)}, got {len(posts)}" + (asked and f" ({asked})")
    if len(posts) > most:
        yield f"expected at most {_requests(most)}, got {len(posts)}"
    reported: set[tuple[str, str]] = set()
    for entry in entries:
        for advice in entry["advice"]:
            severe = advice["severity"] != "remark" and advice["id"] not in scenario.allow
            if severe and (advice["id"], advice["hint"]) not in reported:
                reported.add((advice["id"], advice["hint"]))
                yield f"{advice['id']}: {advice['sentence']} {advice['hint']}"
    if scenario.judge_sent and posts:
        yield from _wrong_body(scenario, posts[-1])


def _requests(count: int) -> str:
    return counted(count, "rerank request")


def _wrong_body(scenario: ClientScenario, entry: AnyJson) -> Iterator[str]:
    task = scenario.task
    cut = entry["body_bytes"] > len(entry["body"].encode())
    try:
        sent: AnyJson = read_json(entry["body"])
    except ValueError:
        # Of a body that is cut the journal keeps the beginning: its length must do.
        least = sum(len(text.encode()) for text in task["documents"])
        if cut and entry["body_bytes"] < least:
            size = counted(entry["body_bytes"], "byte")
            yield f"sent {size}, fewer than the {least} of the documents"
        return
    if isinstance(sent, dict):
        yield from _wrong_fields(task, cast("dict[str, AnyJson]", sent))


def _wrong_fields(task: Mapping[str, AnyJson], sent: Mapping[str, AnyJson]) -> Iterator[str]:
    documents = sent.get("documents")
    wanted = {"model": task["model"], "query": task["query"], **task["options"]}
    for name, value in wanted.items():
        if sent.get(name) != value:
            yield f"sent {name} {_shown(sent.get(name))}, expected {_shown(value)}"
    if ([documents] if isinstance(documents, str) else documents) != task["documents"]:
        yield f"sent documents {_shown(documents)}, expected {_shown(task['documents'])}"
    if "top_n" not in wanted and (sent.get("top_n") or math.inf) < len(task["documents"]):
        yield f"sent top_n {sent['top_n']}, which the task does not ask for"
    if "instruction" not in wanted and sent.get("instruction") is not None:
        yield "sent an instruction, which the task does not ask for"


def _wrong_answer(scenario: ClientScenario, attempt: Attempt) -> Iterator[str]:
    answer, expect = attempt.answer, scenario.expect
    if answer is None:
        yield attempt.silence
    elif "error" in answer:
        if expect.answer == "ranking":
            yield f"reported an error, expected a ranking: {_shown(answer['error']['message'])}"
        else:
            yield from _wrong_error(scenario, answer["error"])
    elif expect.answer == "error":
        yield f"reported the ranking {_shown(answer['ranking'])}, expected an error"
    else:
        yield from _wrong_ranking(scenario, answer)


def _wrong_error(scenario: ClientScenario, error: AnyJson) -> Iterator[str]:
    expect, message = scenario.expect, error["message"]
    status = expect.status
    if status is not None and error.get("status") != status and str(status) not in message:
        yield f"reported the status {status} neither as a number nor in its message"
    if expect.says and not any(text.lower() in message.lower() for text in expect.says):
        wanted = " or ".join(map(_shown, expect.says))
        lost = "which loses the message of the service"
        yield f"reported {_shown(message)}, {lost}: expected {wanted}"


def _wrong_ranking(scenario: ClientScenario, answer: AnyJson) -> Iterator[str]:
    served, ranking = scenario.expect.scores, answer["ranking"]
    right = sorted(served, key=lambda index: -served[index])
    if sorted(ranking) != sorted(served):
        yield f"ranked documents {_shown(ranking)}, expected {_shown(right)}"
        return
    scores = [served[index] for index in ranking]
    if scenario.expect.falling and scores != sorted(scores, reverse=True):
        yield f"ranked {_shown(ranking)}, expected {_shown(right)}{_likely(ranking, right)}"
    texts = answer.get("texts")
    if texts is not None and texts != [scenario.task["documents"][index] for index in ranking]:
        yield f"reported the texts {_shown(texts)}, which do not match its ranking"
    reported = answer.get("scores")
    if scenario.expect.exact_scores and reported is not None and not _equal(reported, scores):
        likely = _rescaled(reported, scores)
        yield f"reported the scores {_shown(reported)}, expected {_shown(scores)}{likely}"


def _likely(ranking: list[int], right: list[int]) -> str:
    """What was probably done to the indices."""
    if ranking == sorted(ranking):
        return ": was `index` left out?"
    if sorted(right) == list(range(len(right))) and ranking == [right[index] for index in right]:
        return ": was `index` applied twice?"
    return ": was it sorted the other way?" if ranking == right[::-1] else ""


def _rescaled(reported: list[float], scores: list[float]) -> str:
    """What was probably done to the scores."""
    sigmoid = [1 / (1 + math.exp(-score)) for score in scores]
    if _equal(reported, sigmoid):
        return ": was a sigmoid applied to scores that lie in (0, 1) already?"
    by_index = sorted(reported) == sorted(scores)
    return ": were they reported in another order than the ranking?" if by_index else ""


def _equal(some: list[float], others: list[float]) -> bool:
    pairs = zip(some, others, strict=False)
    return len(some) == len(others) and all(abs(a - b) <= TOLERANCE for a, b in pairs)


def _shown(value: AnyJson) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
