"""The scenarios that are armed, and how far each has come."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import orjson

from .scenario import Scenario, Step

#: How far a step has come: it struck no request; more requests are to come to it; none are, or it
#: takes all that come and struck one.
Met: TypeAlias = Literal["never", "partly", "fully"]


class UnmetError(AssertionError):
    """A scenario was not played to its end; the message names the steps that are left."""


@dataclass(slots=True)
class Receipt:
    """What has become of a scenario that was armed; it goes on telling as requests come."""

    #: Counts the scenarios that were armed, from 1.
    number: int
    #: The name of the account that it was armed for.
    account: str
    scenario: Scenario
    #: For each step the requests that came to it.
    taken: list[int]
    #: For each step those of them that were in its share.
    struck: list[int]

    @property
    def met(self) -> bool:
        """Whether every step was met."""
        return all(met == "fully" for met in self.steps)

    @property
    def steps(self) -> list[Met]:
        """How far each step has come."""
        return [self._met(number) for number in range(len(self.scenario.steps))]

    def assert_met(self) -> None:
        """Raise `UnmetError` unless every step was met."""
        unmet = [
            f"  step {number} {orjson.dumps(step.to_json()).decode()}:"
            f" {met} met, by {taken} of {step.times or 'all'} requests"
            for number, (step, taken, met) in enumerate(
                zip(self.scenario.steps, self.taken, self.steps, strict=True), 1
            )
            if met != "fully"
        ]
        if unmet:
            head = f"scenario {self.scenario.name!r} of {self.account} was not played to its end:"
            raise UnmetError("\n".join([head, *unmet]))

    def to_json(self) -> dict[str, Any]:
        """Return its JSON, which keeps `schemas/files/receipt.json`."""
        return {
            "number": self.number,
            "account": self.account,
            "met": self.met,
            "scenario": self.scenario.to_json(),
            "steps": [
                {"taken": taken, "struck": struck, "met": met}
                for taken, struck, met in zip(self.taken, self.struck, self.steps, strict=True)
            ],
        }

    def _met(self, number: int) -> Met:
        if not self.struck[number]:
            return "never"
        times = self.scenario.steps[number].times
        return "fully" if times is None or self.taken[number] >= times else "partly"


class Scenarios:
    """The armed scenarios of all accounts. Each method is atomic under the lock of the state."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._receipts: list[Receipt] = []
        self._number = 0

    def arm(self, account: str, scenario: Scenario) -> Receipt:
        """Let the rerank requests of the account play the scenario, after those armed before."""
        with self._lock:
            self._number += 1
            nothing = [0] * len(scenario.steps)
            receipt = Receipt(self._number, account, scenario, nothing, nothing.copy())
            self._receipts.append(receipt)
            return receipt

    def take(self, account: str) -> Step | None:
        """Return the step that strikes the next request of the account, and count the request."""
        if not self._receipts:
            return None
        with self._lock:
            for receipt in self.receipts(account):
                for number, step in enumerate(receipt.scenario.steps):
                    if step.times is None or receipt.taken[number] < step.times:
                        return _take(receipt, number, step)
            return None

    def receipts(self, account: str | None = None) -> list[Receipt]:
        """Return the receipts of an account, or all, in the order of arming."""
        with self._lock:
            return [r for r in self._receipts if account is None or r.account == account]

    def disarm(self, account: str) -> list[Receipt]:
        """Forget the scenarios of an account; return their receipts, which tell no more."""
        with self._lock:
            forgotten = self.receipts(account)
            self._receipts = [r for r in self._receipts if r.account != account]
            return forgotten

    def snapshot(self) -> dict[str, Any]:
        """Return all receipts as JSON."""
        with self._lock:
            return {"armed": self._number, "receipts": [r.to_json() for r in self._receipts]}

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Have the receipts of the snapshot, and no others; those that tests hold follow."""
        with self._lock:
            held = {receipt.number: receipt for receipt in self._receipts}
            self._number = snapshot["armed"]
            self._receipts = [_restored(row, held) for row in snapshot["receipts"]]


def _restored(row: Mapping[str, Any], held: Mapping[int, Receipt]) -> Receipt:
    taken = [step["taken"] for step in row["steps"]]
    struck = [step["struck"] for step in row["steps"]]
    scenario = Scenario.from_json(row["scenario"])
    receipt = held.get(row["number"])
    if receipt is None or (receipt.account, receipt.scenario) != (row["account"], scenario):
        return Receipt(row["number"], row["account"], scenario, taken, struck)
    receipt.taken, receipt.struck = taken, struck
    return receipt


def _take(receipt: Receipt, number: int, step: Step) -> Step | None:
    place = f"{receipt.scenario.seed} {number} {receipt.taken[number]}"
    struck = random.Random(place).random() < step.share  # noqa: S311 - repeatable by design
    receipt.taken[number] += 1
    receipt.struck[number] += struck
    return step if struck else None
