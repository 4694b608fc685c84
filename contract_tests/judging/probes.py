"""Probes: what the target does where the contract leaves it open, as `behaviours.json` has it.

A switch has values, and a value has a look on the wire. An answer that keeps the wire of a value
shows that value.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import jsonschema

from ..contract import AnyJson, Contract, Model, Switch, SwitchValue
from ..exchanges import Answer, Credential, Exchange, Request

Key = TypeVar("Key")

#: Statuses that answer a valid request, and show switches that no single request can.
UNASKED = (402, 403, 429)


@dataclass
class Sighting:
    """Answers that showed one value of a switch, or none."""

    #: The first of them.
    exchange: Exchange
    #: When the last of them came, in seconds since the epoch.
    at: float = 0.0
    #: How many they are.
    times: int = 0


@dataclass
class Probes:
    """The switches of a contract, and what has been seen of them."""

    contract: Contract
    now: Callable[[], float] = time.time
    #: Switch -> value -> what has shown it.
    seen: dict[str, dict[str, Sighting]] = field(
        default_factory=lambda: defaultdict[str, dict[str, Sighting]](dict)
    )
    #: Switch -> answers to its probe that showed none of its values.
    unlike: dict[str, Sighting] = field(default_factory=dict[str, Sighting])
    #: Switch that is a number -> number -> what has shown that it is accepted, or exceeds.
    accepted: dict[str, dict[int, Sighting]] = field(
        default_factory=lambda: defaultdict[str, dict[int, Sighting]](dict)
    )
    refused: dict[str, dict[int, Sighting]] = field(
        default_factory=lambda: defaultdict[str, dict[int, Sighting]](dict)
    )

    @cached_property
    def _wires(self) -> dict[str, list[tuple[SwitchValue, Callable[[AnyJson], bool]]]]:
        return {
            switch.name: [(value, _keeps(value)) for value in switch.values]
            for switch in self.contract.switches.values()
        }

    def answered(self, name: str, exchange: Exchange) -> SwitchValue | None:
        """Keep which value of a switch the answer to its probe shows; None where it shows none."""
        value = self._shown(name, exchange)
        if value is None:
            self._count(self.unlike.setdefault(name, Sighting(exchange)))
        return value

    def tried(self, name: str, number: int, exchange: Exchange) -> bool | None:
        """Keep whether a switch allows the number; None where the answer says neither."""
        exceeded = jsonschema.Draft202012Validator(self.contract.switches[name].exceeded or {})
        is_refused: bool = exceeded.is_valid(on_the_wire(exchange.answer))  # pyright: ignore[reportUnknownMemberType] - untyped overload
        # Without what it has cached: a body may be large.
        sighting = Sighting(replace(exchange, request=replace(exchange.request)))
        if exchange.answer.status != 200 and not is_refused:
            self._count(self.unlike.setdefault(name, sighting))
            return None
        numbers = (self.refused if is_refused else self.accepted)[name]
        self._count(numbers.setdefault(number, sighting))
        if min(self.refused[name], default=number + 1) <= max(self.accepted[name], default=0):
            self._count(self.unlike.setdefault(name, sighting))
        return not is_refused

    def limit(self, name: str) -> int | None:
        """The largest number that a switch allows; None where that is not known exactly."""
        most = max(self.accepted[name], default=None)
        least = min(self.refused[name], default=None)
        return most if most is not None and least == most + 1 else None

    def merge(self, other: "Probes") -> None:
        """Take over what another process of the run has seen."""
        for name in self.contract.switches:
            _merge(self.seen[name], other.seen[name])
            _merge(self.accepted[name], other.accepted[name])
            _merge(self.refused[name], other.refused[name])
        _merge(self.unlike, other.unlike)

    def watch(self, exchange: Exchange) -> None:
        """Keep what an answer to a valid request shows of the switches without a probe."""
        if exchange.answer.status in UNASKED:
            for switch in self.contract.switches.values():
                if switch.probe is None:
                    self._shown(switch.name, exchange)

    def _shown(self, name: str, exchange: Exchange) -> SwitchValue | None:
        wire = on_the_wire(exchange.answer)
        for value, keeps in self._wires[name]:
            if keeps(wire):
                self._count(self.seen[name].setdefault(value.value, Sighting(exchange)))
                return value
        return None

    def _count(self, sighting: Sighting) -> None:
        sighting.at, sighting.times = self.now(), sighting.times + 1


def _merge(ours: dict[Key, Sighting], theirs: dict[Key, Sighting]) -> None:
    for shown, other in theirs.items():
        known = ours.setdefault(shown, other)
        if known is not other:
            first = min(known.exchange, other.exchange, key=lambda exchange: exchange.number)
            ours[shown] = Sighting(first, max(known.at, other.at), known.times + other.times)


def probed(contract: Contract) -> Iterator[Switch]:
    """The switches that one request shows."""
    return (switch for switch in contract.switches.values() if switch.probe is not None)


def is_brief(switch: Switch) -> bool:
    """Whether a value of the switch looks like a target that is busy: then it is asked once."""
    return any(_keeps(value)({"status": 503, "headers": {}, "body": ""}) for value in switch.values)


def _keeps(value: SwitchValue) -> Callable[[AnyJson], bool]:
    """What says whether an answer keeps the wire of the value."""
    validator: Any = jsonschema.Draft202012Validator(value.wire)
    keeps: Callable[[AnyJson], bool] = validator.is_valid
    return keeps


def probe_request(switch: Switch, model: Model) -> Request:
    """The plainest request to the model, changed as the probe of the switch says."""
    probe = switch.probe or {}
    headers: dict[str, str | None] = probe.get("headers", {})
    plainest = {"model": model.id, "query": "apple", "documents": ["banana", "apple pie"]}
    body: AnyJson = {**plainest, **probe.get("body", {})}
    if "text" in probe:
        text: str = probe["text"]
        body = text.replace("{model}", model.id).encode() or None
    return Request(
        body,
        method=probe.get("method", "POST"),
        path=probe.get("path", "/v1/rerank").removeprefix("/v1"),
        credential=_credential(headers.get("authorization", "Bearer {key}")),
        content_type=headers.get("content-type", "application/json"),
        headers=tuple(
            (name, value)
            for name, value in headers.items()
            if value is not None and name not in ("authorization", "content-type")
        ),
    )


def overflowing_request(model: Model) -> Request:
    """A request with more tokens than the context of the model has.

    Where the model chunks documents, the query has them. Servers may have more room than is
    documented: Qwen3 has a quarter more.
    """
    tokens = (model.context_tokens or 0) * 5 // 4 + 1
    long = "a " * tokens
    chunks = "max_chunks_per_doc" in (model.supports or ())
    query, document = (long, "a") if chunks else ("a", long)
    return Request({"model": model.id, "query": query, "documents": [document]})


def _credential(header: str | None) -> Credential:
    known = {
        None: Credential.NONE,
        "Bearer {key}": Credential.KEY,
        "{key}": Credential.KEY_WITHOUT_SCHEME,
    }
    return known.get(header, Credential.INVALID)


def on_the_wire(answer: Answer) -> AnyJson:
    """An answer as the wires describe it."""
    return {
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.json if answer.is_json else answer.text,
    }
