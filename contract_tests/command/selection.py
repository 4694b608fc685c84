"""Which tests run, for which models and faults, and in which order."""

from collections.abc import Iterable

import pytest

from ..contract import Contract, Model
from ..judging.limits import EFFORTS, Effort
from ..strategies import Fault
from .options import selects

_LEVELS = ("spec", "observed", "open")


def chosen(contract: Contract, names: Iterable[str], effort: Effort) -> tuple[Model, ...]:
    """The models of those names; without names the cheapest of each kind, or all if it is wide."""
    usual = contract.online() if effort.wide else contract.representatives()
    return tuple(map(contract.model_named, names)) or usual


def firsts(models: Iterable[Model]) -> list[Model]:
    """The first model of each form."""
    return list({model.form: model for model in reversed(list(models))}.values())[::-1]


def models_for(marker: pytest.Mark | None, judged: Iterable[Model], effort: Effort) -> list[Model]:
    """The models that a test with that mark `models` is for; without it one of each form."""
    judged = list(judged)
    if marker is None:
        return firsts(judged)
    if "supports" in marker.kwargs:
        field: str = marker.kwargs["supports"]
        return firsts(model for model in judged if field in (model.supports or ()))
    if marker.args == ("every",) or (marker.args == ("wide",) and effort.wide):
        return judged
    if marker.args == ("first",):
        return judged[:1]
    if marker.args == ("wide",):
        return firsts(judged)
    return firsts(model for model in judged if model.form in marker.args)


def requirements_of(item: pytest.Item, contract: Contract) -> list[str]:
    """Ids of the requirements that a test names, as far as the contract has them."""
    names = [name for marker in item.iter_markers("requirement") for name in marker.args]
    for marker in item.iter_markers("states"):
        schema = f"{marker.args[0]}#"
        names += [id_ for place, id_ in contract.stated_by.items() if place.startswith(schema)]
    return [name for name in dict.fromkeys(names) if name in contract.requirements]


def is_on(item: pytest.Item, contract: Contract, only: Iterable[str], effort: Effort) -> bool:
    """Whether a test is to run: `--only` asks for it, or it is within the effort.

    A test of requirements that the contract lacks is not.
    """
    names, wanted = requirements_of(item, contract), list(only)
    if wanted:
        return any(selects(one, name) for one in wanted for name in names)
    of_switch = ("switch", "limit", "overflow")
    is_of_switch = any(parameter(item, name) is not None for name in of_switch)
    return bool(names or is_of_switch) and _least_effort(item).examples <= effort.examples


def rank(item: pytest.Item, contract: Contract) -> tuple[bool, int, int, int]:
    """What a test is sorted by: the most telling first, then level, then the contract's order."""
    order = list(contract.requirements)
    names = requirements_of(item, contract) or order[-1:]
    fault = parameter(item, "fault")
    least = _least_effort(item)
    if isinstance(fault, Fault) and not fault.telling:
        least = EFFORTS["standard"]
    level = min(_LEVELS.index(contract.requirements[name].level) for name in names)
    late = item.get_closest_marker("telling") is None
    return late, least.examples, level, min(map(order.index, names))


def model_of(item: pytest.Item) -> Model | None:
    """The model that a test is run for."""
    model = parameter(item, "model")
    return model if isinstance(model, Model) else None


def parameter(item: pytest.Item, name: str) -> object:
    """What the test has that parameter for; None where it has none."""
    case = getattr(item, "callspec", None)
    return case.params.get(name) if case else None


def _least_effort(item: pytest.Item) -> Effort:
    marker = item.get_closest_marker("effort")
    return EFFORTS[marker.args[0] if marker else "smoke"]
