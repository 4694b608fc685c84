"""The models as they are now: some go offline, come back, or change what they support."""

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from .contract import MODELS, Model, Price


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a model; None leaves a thing as it is."""

    model: str
    state: Literal["online", "offline"] | None = None
    #: All gated fields that it then supports.
    supports: frozenset[str] | None = None
    price: Price | None = None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Change":
        """Make a change of its JSON."""
        supports, price = row.get("supports"), row.get("price")
        return cls(
            row["model"],
            row.get("state"),
            None if supports is None else frozenset[str](supports),
            None if price is None else Price.read(price),
        )

    def row(self) -> dict[str, Any]:
        """Return its JSON."""
        row = {
            "model": self.model,
            "state": self.state,
            "supports": None if self.supports is None else sorted(self.supports),
            "price": None if self.price is None else self.price.row(),
        }
        return {name: value for name, value in row.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Planned:
    #: Seconds since the epoch.
    at: float
    change: Change


class Catalogue:
    """Models and what is planned for them. Whoever calls holds the lock of the state."""

    def __init__(self) -> None:
        self._models: Mapping[str, Model] = MODELS
        #: Sorted by time; what is due at the same time happens in the order it was planned.
        self._planned: list[_Planned] = []

    def at(self, now: float) -> Mapping[str, Model]:
        """Return the models by name, after all that was due. What came to pass is not undone."""
        while self._planned and self._planned[0].at <= now:
            self.change(self._planned.pop(0).change)
        return self._models

    def change(self, change: Change) -> None:
        """Change a model at once. Tables that were handed out before stay as they are."""
        model = self._models[change.model]
        self._models = MappingProxyType(
            {
                **self._models,
                model.id: replace(
                    model,
                    state=change.state or model.state,
                    supports=model.supports if change.supports is None else change.supports,
                    price=change.price or model.price,
                ),
            }
        )

    def plan(self, at: float, change: Change) -> None:
        """Let a model change when the clock shows `at` or later."""
        insort(self._planned, _Planned(at, change), key=lambda planned: planned.at)

    def snapshot(self) -> dict[str, Any]:
        """Return models and plans as JSON."""
        return {
            "table": [model.row() for model in self._models.values()],
            "planned": [{"at": planned.at, **planned.change.row()} for planned in self._planned],
        }

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Have the models and plans of the snapshot, and no others."""
        self._models = MappingProxyType({row["id"]: Model.read(row) for row in snapshot["table"]})
        self._planned = []
        for row in snapshot["planned"]:
            self.plan(row["at"], Change.read(row))
