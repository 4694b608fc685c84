"""The models as they are now, and changes that are planned for them."""

from bisect import bisect, insort
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, cast

from ..contract import Model, Price
from ..validation import InputError, likely
from ..validation import check as check_value
from ..wire import Json


class ModelError(InputError):
    """An invalid change of a model: what is wrong, and where in its JSON."""


def check(row: Json, models: Collection[str], fields: Collection[str]) -> None:
    """Raise `ModelError` unless `row` is the JSON of a change of one of the models.

    `fields` are the gated fields, which a model may support.
    """
    change = cast("Any", row)
    name = change["model"]
    if name not in models:
        raise ModelError(f"there is no model {name!r}{likely(str(name), list(models))}", "model")
    if len(change) == 1:
        raise ModelError("nothing to change: state, price and supports can be")
    check_value("model_change", row, ModelError)
    _check_supports(change.get("supports", ()), fields)


def plain_changes(changes: Mapping[str, Json]) -> dict[str, Json]:
    """Return changes as JSON that may keep the schema; a price may have numbers."""
    plain = dict(changes)
    price = plain.get("price")
    if isinstance(price, dict):
        plain["price"] = {
            kind: f"{Decimal(str(money)):f}" if type(money) in (int, float) else money
            for kind, money in price.items()
        }
    return plain


def added(name: str, like: Model, changes: Mapping[str, Json], fields: Collection[str]) -> Model:
    """Return a model of that name, like another one but for the changes. Raises `ModelError`."""
    row: dict[str, Any] = {**like.to_json(), **changes, "id": name}
    try:
        check_value("models", [row], ModelError)
    except ModelError as error:
        way = error.way[1:]
        if way == ("id",):
            reason = f"a model is named as acme/reranker, with an owner and a slash, not {name!r}"
            raise ModelError(reason) from None
        raise ModelError(error.reason, *way) from None
    _check_supports(row["supports"], fields)
    return Model.from_json(row)


def _check_supports(supports: Iterable[str], fields: Collection[str]) -> None:
    for number, field in enumerate(supports):
        if field not in fields:
            reason = f"there is no gated field {field!r}{likely(field, list(fields))}"
            raise ModelError(reason, "supports", number)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a model; None leaves a value as it is."""

    model: str
    state: Literal["online", "offline"] | None = None
    #: All gated fields that it supports afterwards.
    supports: frozenset[str] | None = None
    price: Price | None = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Change":
        """Return a change from JSON that keeps `schemas/files/model_change.json`."""
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
    """The models and planned changes. The caller holds the lock of the state."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models
        #: Sorted by time; changes due at the same time keep the order in which they were planned.
        self._planned: list[_Planned] = []

    @property
    def names(self) -> Collection[str]:
        """The names of all models."""
        return self._models.keys()

    def at(self, now: float) -> Mapping[str, Model]:
        """Return the models by name, after applying all changes that are due.

        An applied change stays, even if the clock is set back.
        """
        if self._planned and self._planned[0].at <= now:
            count = bisect(self._planned, now, key=lambda planned: planned.at)
            due, self._planned = self._planned[:count], self._planned[count:]
            # Mappings returned earlier stay as they are.
            models = dict(self._models)
            for planned in due:
                change = planned.change
                model = models[change.model]
                models[model.id] = replace(
                    model,
                    state=change.state or model.state,
                    supports=model.supports if change.supports is None else change.supports,
                    price=change.price or model.price,
                )
            self._models = MappingProxyType(models)
        return self._models

    def put(self, model: Model) -> None:
        """Add a model, or replace the one of that name."""
        self._models = MappingProxyType({**self._models, model.id: model})

    def remove(self, name: str) -> None:
        """Remove a model and what was planned for it."""
        self._models = MappingProxyType({n: m for n, m in self._models.items() if n != name})
        self._planned = [planned for planned in self._planned if planned.change.model != name]

    def plan(self, at: float, change: Change) -> None:
        """Plan a change for the time `at`."""
        insort(self._planned, _Planned(at, change), key=lambda planned: planned.at)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the models as JSON."""
        return [model.to_json() for model in self._models.values()]

    def plans(self) -> list[dict[str, Any]]:
        """Return the planned changes as JSON."""
        return [{"at": planned.at, **planned.change.to_json()} for planned in self._planned]

    def rollback(
        self, models: Iterable[Mapping[str, Any]], plans: Iterable[Mapping[str, Any]]
    ) -> None:
        """Restore these models and planned changes."""
        self._models = MappingProxyType({row["id"]: Model.from_json(row) for row in models})
        self._planned = []
        for row in plans:
            self.plan(row["at"], Change.from_json(row))
