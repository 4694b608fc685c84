"""A scenario: a scripted run of answers and faults, as data.

The members are described in `schemas/files/scenario.json`, and with examples in
`docs/scenarios.md`. Members that have their default are absent in JSON.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from itertools import chain, repeat
from string import Formatter
from typing import Any, Literal, NamedTuple, cast

from ..contract import Contract
from ..validation import InputError, likely
from ..validation import check as check_value
from ..wire import Close, Json, load

#: Default values of the placeholders in the messages of errors.
PLACES = {"limit": "RPM", "field": "top_n", "rule": "Must be greater than or equal to 1"}


class ScenarioError(InputError):
    """An invalid scenario: what is wrong, and where in its JSON."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to the answer to a valid request."""

    #: In the order of the documents; None leaves a document its own score.
    scores: tuple[float | None, ...] = ()
    #: Indices of documents that get no result.
    leave_out: tuple[int, ...] = ()
    order: Literal["falling", "rising", "index"] = "falling"
    #: Members of the answer to add or replace, and members to leave out.
    members: Mapping[str, Json] = field(default_factory=dict[str, Json])
    without: tuple[str, ...] = ()
    #: The same for each result.
    result_members: Mapping[str, Json] = field(default_factory=dict[str, Json])
    result_without: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Edit":
        """Return an edit from JSON that keeps the schema."""
        given = dict(row)
        for name in ("scores", "leave_out", "without", "result_without"):
            given[name] = tuple(row.get(name, ()))
        return cls(**given)

    def rescore(self, scores: Sequence[float]) -> list[float]:
        """Return the scores, replaced by those of this edit where it has any."""
        scripted = chain(self.scores, repeat(None))
        return [own if new is None else new for own, new in zip(scores, scripted, strict=False)]

    def change(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the changed answer; the results of `body` are sorted by falling score."""
        left_out, without = frozenset(self.leave_out), frozenset(self.result_without)
        results = [
            _changed(result, self.result_members, without)
            for result in body["results"]
            if result["index"] not in left_out
        ]
        if self.order == "rising":
            results.reverse()
        elif self.order == "index":
            results.sort(key=lambda result: result["index"])
        return _changed({**body, "results": results}, self.members, frozenset(self.without))


#: Changes nothing.
NO_EDIT = Edit()


@dataclass(frozen=True, slots=True)
class Drip:
    """A body that is sent slowly."""

    pieces: int
    #: Seconds after each piece but the last.
    pause: float


class Subject(NamedTuple):
    """What a step may be armed for."""

    #: The name of the model, known or not.
    model: str | None
    #: The query, or its text, as it was sent.
    query: object
    #: The number of documents.
    documents: int


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to the next requests; by default, one is answered as usual."""

    #: The requests that it applies to: their `model` and `query`, and their number of documents,
    #: from `min_documents` to `max_documents`. The scenario leaves all others alone.
    when: Mapping[str, Json] = field(default_factory=dict[str, Json])
    #: How many requests it applies to; None means all that follow.
    times: int | None = 1
    #: The share of them that it affects; the others are answered as usual.
    share: float = 1.0
    #: Answers with the error that has this id; the request is not read.
    error: str | None = None
    #: Values of the placeholders in the message of the error; the defaults are `PLACES`.
    places: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Answers with this text, JSON or not; the request is not read. An object or array is written
    #: as JSON.
    body: str | None = None
    #: Changes the answer to a valid request.
    answer: Edit = field(default_factory=lambda: NO_EDIT)
    #: Replaces the status of the answer.
    status: int | None = None
    #: Headers to add or replace, by name, which is kept in lower case; None removes a header.
    headers: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    #: The share of the body that is sent as if it were complete.
    cut: float | None = None
    #: Seconds before the answer.
    delay: float = 0.0
    drip: Drip | None = None
    #: How the connection ends.
    close: Close | None = None

    def __post_init__(self) -> None:
        headers: Any = self.headers
        if isinstance(headers, Mapping):
            object.__setattr__(self, "headers", _plain_headers(cast("Mapping[str, Any]", headers)))
        body: Any = self.body
        if isinstance(body, (dict, list)):
            object.__setattr__(self, "body", json.dumps(body, ensure_ascii=False))

    def applies_to(self, subject: Subject) -> bool:
        """Return whether it applies to a request."""
        when: Mapping[str, Any] = self.when
        return bool(
            when.get("model", subject.model) == subject.model
            and when.get("query", subject.query) == subject.query
            and when.get("min_documents", 0) <= subject.documents
            and subject.documents <= when.get("max_documents", subject.documents)
        )

    @property
    def answers_itself(self) -> bool:
        """Whether it replaces the usual answer: the request is not read and costs nothing."""
        unconnected = self.close in ("refused", "timed_out")
        return self.error is not None or self.body is not None or unconnected

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Step":
        """Return a step from JSON that keeps the schema."""
        given = dict(row)
        if given.get("times") is not None:
            given["times"] = int(given["times"])
        if "answer" in given:
            given["answer"] = Edit.from_json(given["answer"])
        if "drip" in given:
            given["drip"] = Drip(int(given["drip"]["pieces"]), given["drip"]["pause"])
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
        return _to_json(self)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps, one after the other. Raises `ScenarioError` if it is invalid."""

    name: str
    steps: tuple[Step, ...]
    #: What it tests.
    why: str = ""
    #: Determines which requests a share affects.
    seed: int = 0

    def __post_init__(self) -> None:
        try:
            row = load(json.dumps(self.to_json(), allow_nan=False).encode())
        except (TypeError, ValueError) as error:
            raise ScenarioError(f"cannot be written as JSON: {error}") from None
        check(row)

    @classmethod
    def from_json(cls, row: object) -> "Scenario":
        """Return a scenario from its JSON. Raises `ScenarioError`."""
        check(row)
        given: dict[str, Any] = {**cast("dict[str, Json]", row)}
        given["steps"] = tuple(map(Step.from_json, given["steps"]))
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
        return _to_json(self)


def check(row: object) -> None:
    """Raise `ScenarioError` unless `row` is the JSON of a scenario."""
    check_value("scenario", row, ScenarioError)


def check_errors(contract: Contract, scenario: Scenario) -> None:
    """Raise `ScenarioError` unless the contract has the errors of the scenario and their places."""
    for number, step in enumerate(scenario.steps):
        if step.error is None:
            continue
        if step.error not in contract.errors:
            hint = likely(step.error, list(contract.errors))
            reason = f"unknown error {step.error!r}{hint}"
            raise ScenarioError(reason, "steps", number, "error")
        message = contract.errors[step.error].message
        known = {name for _, name, _, _ in Formatter().parse(message) if name}
        if unknown := step.places.keys() - known:
            reason = f"the message of {step.error} has no placeholder {min(unknown)!r}"
            raise ScenarioError(reason, "steps", number, "places")


def _plain_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(name).lower(): str(value) if type(value) in (int, float) else value
        for name, value in headers.items()
    }


def _changed(
    value: dict[str, Any], members: Mapping[str, Json], without: frozenset[str]
) -> dict[str, Any]:
    if not members and not without:
        return value
    changed = {**value, **members}
    return {name: member for name, member in changed.items() if name not in without}


def _to_json(value: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the dataclasses above
    row: dict[str, Any] = {}
    for member in fields(value):
        held = getattr(value, member.name)
        factory = member.default_factory
        if held == (member.default if factory is MISSING else factory()):
            continue
        row[member.name] = _json(held)
    return row


def _json(held: object) -> Any:  # noqa: ANN401 - a member of one of them
    if isinstance(held, (Step, Edit, Drip)):
        return _to_json(held)
    if isinstance(held, tuple):
        return [_json(item) for item in cast("tuple[object, ...]", held)]
    return dict(cast("Mapping[str, Json]", held)) if isinstance(held, Mapping) else held
