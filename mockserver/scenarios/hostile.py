"""Legal and inconvenient answers, for clients that pass by luck.

    shapes      the answer to a valid request, as unlike the usual one as the contract allows
    faults      an error before that answer; each request gets it at most once

All is drawn from a seed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Literal, TypeAlias, cast, get_args

import orjson

from ..behaviour import Behaviour
from ..contract import Contract
from ..validation import InputError, likely
from .scenario import PLACES, Step

Hostile: TypeAlias = Literal["shapes", "faults"]

HOSTILE: tuple[Hostile, ...] = get_args(Hostile)

#: How many requests that got a fault are remembered.
FAULTS = 10_000

#: Errors that a retry helps against.
_FAULTS = ("rate_limited", "overloaded", "gateway_timeout")


class HostileError(InputError):
    """An invalid way to be hostile; the message says which there are."""


def read_hostile(value: object) -> frozenset[Hostile]:
    """Return the ways to be hostile: one, or several in a list. Raises `HostileError`."""
    ways = [value] if isinstance(value, str) else value
    if not isinstance(ways, Collection):
        raise HostileError(f"hostile must be a list of {' and '.join(HOSTILE)}, not {value!r}")
    for way in cast("Collection[object]", ways):
        if way not in HOSTILE:
            hint = likely(str(way), [*HOSTILE])
            raise HostileError(f"hostile takes {' and '.join(HOSTILE)}, not {way!r}{hint}")
    return frozenset(cast("Collection[Hostile]", ways))


class Faults:
    """The faults before answers. The caller holds the lock of the state."""

    def __init__(self, contract: Contract, seed: int) -> None:
        self._contract = contract
        self._seed = seed
        #: Account and number of each request that got one, oldest first.
        self._taken: dict[tuple[str, int], None] = {}

    def take(self, account: str, asked: int) -> Step | None:
        """Return an error whose body is a bare string, or None if this request got one before."""
        if (account, asked) in self._taken:
            return None
        self._taken[account, asked] = None
        if len(self._taken) > FAULTS:
            del self._taken[next(iter(self._taken))]
        draw = Random(f"{self._seed} {asked}")  # noqa: S311 - repeatable by design
        error = self._contract.errors[draw.choice(_FAULTS)]
        body = orjson.dumps(error.message.format_map(PLACES)).decode()
        return Step(body=body, status=error.status)

    def give_back(self, account: str, asked: int) -> None:
        """Forget that a request got one."""
        self._taken.pop((account, asked), None)

    def of(self, account: str) -> list[int]:
        """Return the numbers of the requests of an account that got one, oldest first."""
        return [asked for name, asked in self._taken if name == account]

    def restore(self, account: str, numbers: Iterable[int]) -> None:
        """Replace the numbers of an account."""
        for asked in self.of(account):
            del self._taken[account, asked]
        self._taken.update({(account, asked): None for asked in numbers})

    def forget(self) -> None:
        """Forget which requests got one."""
        self._taken.clear()


def inconvenient(behaviour: Behaviour, draw: Random) -> Behaviour:
    """Return the behaviour with other values where clients should not care."""
    refuses = behaviour.empty_document == "refuse"
    return replace(
        behaviour,
        document_when_not_returned=draw.choice(["absent", "null"]),
        id_format=draw.choice(["uuid7", "page"]),
        billed_image_tokens=draw.choice(["absent", "present"]),
        empty_document="refuse" if refuses else "leave_out",
    )


def keeps_meta(draw: Random) -> bool:
    """Return whether the answer has a `meta`."""
    return draw.choice([True, False])


def add_foreign_members(body: dict[str, Any]) -> None:
    """Add members that other rerank APIs have: their `score` ranks the results upside down."""
    body["object"] = "list"
    count = len(body["results"])
    for place, result in enumerate(body["results"], 1):
        result["score"] = place / (count + 1)


def small_scores(scores: Sequence[float], draw: Random) -> list[float]:
    """Return tiny scores, with the same best document; the others are not in their own order."""
    if not scores:
        return []
    best, *others = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    others.sort()
    ordered = others.copy()
    draw.shuffle(others)
    if others == ordered:
        others.reverse()
    # So small that a sigmoid of them is 0.5, and a sum with 1 is 1.
    unit = 10.0 ** -draw.randint(20, 30)
    small = [0.0] * len(scores)
    for place, index in enumerate([best, *others]):
        small[index] = float(f"{unit * (len(scores) - place) / (len(scores) + 1):.8g}")
    return small
