"""The armed scenarios, and how far each has been played."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

from ..validation import MOST
from ..wording import count_of
from .scenario import Scenario, Step, Subject

#: Whether a step was reached: it affected no request; it affected one but applies to more; or it is
#: complete, which for a step without end means that it affected one.
Met: TypeAlias = Literal["never", "partly", "fully"]


#: The most receipts of an account; then the oldest that is met is forgotten, or else the oldest.
RECEIPTS = 1000


class Taken(NamedTuple):
    """A request that a step of a scenario applied to."""

    #: The numbers of the receipt, and of the step in it.
    receipt: int
    place: int
    #: The step, if it affects the request.
    step: Step | None


class UnmetError(AssertionError):
    """A scenario is not complete; the message lists the steps that are left."""


@dataclass(slots=True)
class Receipt:
    """An armed scenario and how far it has been played, which is updated with each request."""

    #: The number of the scenario, from 1, in the order of arming.
    number: int
    #: The name of the account.
    account: str
    scenario: Scenario
    #: For each step, the number of requests that it applied to.
    taken: list[int]
    #: For each step, how many of them it affected.
    struck: list[int]

    @property
    def met(self) -> bool:
        """Whether every step is complete."""
        return all(met == "fully" for met in self.steps)

    @property
    def steps(self) -> list[Met]:
        """Whether each step was reached."""
        return [self._met(number) for number in range(len(self.scenario.steps))]

    def assert_met(self) -> None:
        """Raise `UnmetError` unless every step is complete."""
        unmet = [
            f"  step {number} {orjson.dumps(step.to_json()).decode()}:"
            f" {met} reached, {_progress(step, taken)}"
            for number, (step, taken, met) in enumerate(
                zip(self.scenario.steps, self.taken, self.steps, strict=True), 1
            )
            if met != "fully"
        ]
        if unmet:
            head = f"scenario {self.scenario.name!r} of {self.account} is not complete:"
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
        #: By account; no account has an empty list.
        self._receipts: dict[str, list[Receipt]] = {}
        self._number = 0

    def arm(self, account: str, scenario: Scenario) -> Receipt:
        """Arm a scenario for the rerank requests of the account, after those armed before."""
        with self._lock:
            self._number = self._number % MOST + 1
            nothing = [0] * len(scenario.steps)
            receipt = Receipt(self._number, account, scenario, nothing, nothing.copy())
            own = self._receipts.setdefault(account, [])
            own.append(receipt)
            if len(own) > RECEIPTS:
                own.remove(next((r for r in own if r.met), own[0]))
            return receipt

    def take(self, account: str, subject: Subject) -> Taken | None:
        """Return the step that applies to the next request of the account, and count it there."""
        if account not in self._receipts:
            return None
        with self._lock:
            for receipt in self._receipts.get(account, ()):
                for number, step in enumerate(receipt.scenario.steps):
                    if step.times is None or receipt.taken[number] < step.times:
                        if step.applies_to(subject):
                            return _take(receipt, number, step)
                        break
            return None

    def give_back(self, account: str, taken: Taken) -> None:
        """Uncount a request of the account."""
        with self._lock:
            for receipt in self.receipts(account):
                if receipt.number == taken.receipt:
                    receipt.taken[taken.place] -= 1
                    receipt.struck[taken.place] -= taken.step is not None

    def receipts(self, account: str | None = None) -> list[Receipt]:
        """Return the receipts of an account, or all, in the order of arming."""
        with self._lock:
            if account is not None:
                return list(self._receipts.get(account, ()))
            everyone = chain.from_iterable(self._receipts.values())
            return sorted(everyone, key=attrgetter("number"))

    def disarm(self, account: str) -> list[Receipt]:
        """Remove the scenarios of an account; return their receipts, no longer updated."""
        with self._lock:
            return self._receipts.pop(account, [])

    def snapshot(self) -> dict[str, Any]:
        """Return all receipts as JSON."""
        with self._lock:
            return {"armed": self._number, "receipts": [r.to_json() for r in self.receipts()]}

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Restore the receipts of the snapshot; receipts that tests hold are updated in place."""
        with self._lock:
            held = self._held()
            self._number = snapshot["armed"]
            self._receipts = {}
            for row in snapshot["receipts"]:
                self._receipts.setdefault(row["account"], []).append(_restored(row, held))

    def restore(self, account: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the receipts of an account, as `rollback` does all."""
        with self._lock:
            held = self._held()
            self._receipts.pop(account, None)
            if rows:
                self._receipts[account] = [_restored(row, held) for row in rows]

    @property
    def armed(self) -> int:
        """The number of the scenario that was armed last."""
        return self._number

    @armed.setter
    def armed(self, number: int) -> None:
        self._number = number

    def _held(self) -> dict[int, Receipt]:
        return {receipt.number: receipt for receipt in self.receipts()}


def _progress(step: Step, taken: int) -> str:
    if step.times is None:
        return f"by {count_of(taken, 'request')}"
    return f"by {taken} of {count_of(step.times, 'request')}"


def _restored(row: Mapping[str, Any], held: Mapping[int, Receipt]) -> Receipt:
    taken = [step["taken"] for step in row["steps"]]
    struck = [step["struck"] for step in row["steps"]]
    scenario = Scenario.from_json(row["scenario"])
    receipt = held.get(row["number"])
    if receipt is None or (receipt.account, receipt.scenario) != (row["account"], scenario):
        return Receipt(row["number"], row["account"], scenario, taken, struck)
    receipt.taken, receipt.struck = taken, struck
    return receipt


def _take(receipt: Receipt, number: int, step: Step) -> Taken:
    place = f"{receipt.scenario.seed} {number} {receipt.taken[number]}"
    struck = random.Random(place).random() < step.share  # noqa: S311 - repeatable by design
    receipt.taken[number] = min(receipt.taken[number] + 1, MOST)
    receipt.struck[number] = min(receipt.struck[number] + struck, MOST)
    return Taken(receipt.number, number, step if struck else None)
