"""The models as they are now: some go offline, come back, or change what they support."""

from bisect import insort
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, cast

from ..contract import Model, Price
from ..validation import InputError, likely
from ..validation import check as check_value
from ..wire import Json


class ModelError(InputError):
    """A change that cannot be: what is wrong, and where in its JSON."""


def check(row: Json, models: Collection[str], fields: Collection[str]) -> None:
    """Raise `ModelError` unless `row` is the JSON of a change of one of the models.

    `fields` are the gated ones, which a model may support.
    """
    check_value("model_change", row, ModelError)
    change = cast("Any", row)
    name = change["model"]
    if name not in models:
        raise ModelError(f"there is no model {name!r}{likely(name, list(models))}", "model")
    for number, field in enumerate(change.get("supports", ())):
        if field not in fields:
            reason = f"there is no gated field {field!r}{likely(field, list(fields))}"
            raise ModelError(reason, "supports", number)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a model; None leaves a thing as it is."""

    model: str
    state: Literal["online", "offline"] | None = None
    #: All gated fields that it then supports.
    supports: frozenset[str] | None = None
    price: Price | None = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Change":
        """Make a change of JSON that keeps `schemas/files/model_change.json`."""
        supports, price = row.get("supports"), row.get("price")
        return cls(
            row["model"],
            row.get("state"),
            None if supports is None else frozenset[str](supports),
            None if price is None else Price.from_json(price),
        )

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
        row = {
            "model": self.model,
            "state": self.state,
            "supports": None if self.supports is None else sorted(self.supports),
            "price": None if self.price is None else self.price.to_json(),
        }
        return {name: value for name, value in row.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Planned:
    #: Seconds since the epoch.
    at: float
    change: Change


class Catalogue:
    """Models and what is planned for them. Whoever calls holds the lock of the state."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models
        #: Sorted by time; what is due at the same time happens in the order it was planned.
        self._planned: list[_Planned] = []

    @property
    def names(self) -> Collection[str]:
        """The names of all models, which no change adds to."""
        return self._models.keys()

    def at(self, now: float) -> Mapping[str, Model]:
        """Return the models by name, after all that is due has happened.

        What has happened stays so, also when the clock is set back.
        """
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

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the models as JSON."""
        return [model.to_json() for model in self._models.values()]

    def plans(self) -> list[dict[str, Any]]:
        """Return what is planned as JSON."""
        return [{"at": planned.at, **planned.change.to_json()} for planned in self._planned]

    def rollback(
        self, models: Iterable[Mapping[str, Any]], plans: Iterable[Mapping[str, Any]]
    ) -> None:
        """Have these models and plans, and no others."""
        self._models = MappingProxyType({row["id"]: Model.from_json(row) for row in models})
        self._planned = []
        for row in plans:
            self.plan(row["at"], Change.from_json(row))
