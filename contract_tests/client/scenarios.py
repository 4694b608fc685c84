"""The scenarios that clients are graded by, as `schemas/client/scenarios.json` has them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from ..contract import SCHEMAS, AnyJson, Contract, load_contract

Address: TypeAlias = Literal["plain", "trailing_slash", "nobody"]

FOLDER = SCHEMAS / "client"


@dataclass(frozen=True)
class Expectation:
    """What a right client answers."""

    answer: Literal["ranking", "error", "either"]
    #: Index of a document that is ranked -> its score.
    scores: Mapping[int, float]
    #: Whether the ranking must be by falling score.
    falling: bool
    #: Whether the scores that the client reports must be these.
    exact_scores: bool
    #: The status that an error must report; None if there is none.
    status: int | None
    #: The message of an error has one of these; empty where any message will do.
    says: tuple[str, ...]
    #: The fewest and the most requests that are right.
    requests: tuple[int, int]

    @classmethod
    def from_json(cls, row: AnyJson) -> "Expectation":
        """Make it of JSON that keeps the schema."""
        fewest, most = row.get("requests", (1, 1))
        return cls(
            answer=row["answer"],
            scores={int(index): score for index, score in row.get("scores", {}).items()},
            falling=row.get("order", "falling") == "falling",
            exact_scores=row.get("exact_scores", False),
            status=row.get("status"),
            says=tuple(row.get("says", ())),
            requests=(fewest, most),
        )


@dataclass(frozen=True)
class ClientScenario:
    """A task for a client, what the mock does meanwhile, and what a right client makes of it."""

    number: int
    id: str
    title: str
    why: str
    #: Public issues about faults of that kind, as `owner/repository#number`.
    known: tuple[str, ...]
    right: str
    #: What the client reads, as `schemas/client/task.schema.json` has it.
    task: Mapping[str, AnyJson]
    address: Address
    #: What is done to the mock before: `account`, `pins`, `scenario`.
    mock: Mapping[str, AnyJson]
    #: How long the client may take.
    seconds: float
    #: Ids of the advice that the task itself brings.
    allow: frozenset[str]
    #: Whether the body must hold what the task names.
    judge_sent: bool
    expect: Expectation

    @classmethod
    def from_json(cls, row: AnyJson) -> "ClientScenario":
        """Make it of JSON that keeps the schema."""
        task = row["task"]
        return cls(
            number=row["number"],
            id=row["id"],
            title=row["title"],
            why=row["why"],
            known=tuple(row["known"]),
            right=row["right"],
            task={"id": row["id"], **task, "documents": _documents(task["documents"])},
            address=row.get("address", "plain"),
            mock=row["mock"],
            seconds=row.get("seconds", 60),
            allow=frozenset(row.get("allow", ())),
            judge_sent=row.get("judge_sent", True),
            expect=Expectation.from_json(row["expect"]),
        )


def _documents(given: AnyJson) -> AnyJson:
    """Write out documents that are given in short."""
    if "count" not in given:
        return given
    return [
        given["text"].replace("{number}", str(number)) * given["times"]
        for number in range(given["count"])
    ]


def fits(scenario: ClientScenario, contract: Contract) -> bool:
    """Whether the contract has the model and the fields of the task, if the newest one has."""
    model, newest = scenario.task["model"], load_contract()
    if model in newest.models and model not in contract.models:
        return False
    fields = contract.schemas[f"request.{contract.model_named(model).form}"]["properties"]
    known = newest.schemas[f"request.{newest.model_named(model).form}"]["properties"]
    return not (scenario.task["options"].keys() & known.keys()) - fields.keys()


@cache
def version() -> int:
    """Version of the scenarios."""
    number: int = _content()["version"]
    return number


@cache
def scenarios() -> Mapping[str, ClientScenario]:
    """The scenarios by id, in the order of their numbers."""
    return {row["id"]: ClientScenario.from_json(row) for row in _content()["scenarios"]}


@cache
def _content() -> AnyJson:
    return json.loads((FOLDER / "scenarios.json").read_text(encoding="utf-8"))
