"""Which tests run, for which models and faults, and in which order."""

from collections.abc import Iterable, Iterator, Mapping

import pytest

from ..contract import REQUIREMENTS, Model, model_named, representatives
from ..judging.limits import EFFORTS, Effort
from ..strategies import Fault, faults
from .options import selects

_LEVELS = ("spec", "observed", "open")


def chosen(names: Iterable[str]) -> tuple[Model, ...]:
    """The models of those names; without names the cheapest of each kind."""
    return tuple(map(model_named, names)) or representatives()


def firsts(models: Iterable[Model]) -> list[Model]:
    """The first model of each form."""
    return list({model.form: model for model in reversed(list(models))}.values())[::-1]


def models_for(marker: pytest.Mark | None, judged: Iterable[Model]) -> list[Model]:
    """The models that a test with that mark ``models`` is for; without it one of each form."""
    judged = list(judged)
    if marker is None:
        return firsts(judged)
    gate: Mapping[str, str] = marker.kwargs
    known = [model for model in judged if model.supports is not None]
    if "supports" in gate:
        return firsts(model for model in known if gate["supports"] in (model.supports or ()))
    if "lacks" in gate:
        return [model for model in known if gate["lacks"] not in (model.supports or ())]
    if marker.args == ("every",):
        return judged
    return firsts(model for model in judged if model.form in marker.args)


def faults_of(field: str, judged: Iterable[Model], effort: Effort) -> Iterator[tuple[Model, Fault]]:
    """The faults of the field, each with the first model of each form that must refuse it."""
    seen: set[tuple[str, str]] = set()
    for model in judged:
        for fault in faults(model):
            name = (model.form, str(fault))
            if fault.field == field and (effort.every_fault or fault.telling) and name not in seen:
                seen.add(name)
                yield model, fault


def requirements_of(item: pytest.Item) -> list[str]:
    """Ids of the requirements that a test names."""
    return [name for marker in item.iter_markers("requirement") for name in marker.args]


def is_on(item: pytest.Item, only: Iterable[str], effort: Effort) -> bool:
    """Whether a test is to run: it is asked for by ``--only``, or within the effort."""
    wanted = list(only)
    if wanted:
        return any(selects(one, name) for one in wanted for name in requirements_of(item))
    return _least_effort(item).examples <= effort.examples


def rank(item: pytest.Item) -> tuple[int, int, int]:
    """What a test is sorted by: the most telling first, then level, then the contract's order."""
    names = requirements_of(item) or ["endpoint.rerank"]
    fault = parameter(item, "fault")
    least = _least_effort(item)
    if isinstance(fault, Fault) and not fault.telling:
        least = EFFORTS["standard"]
    level = min(_LEVELS.index(REQUIREMENTS[name].level) for name in names)
    return least.examples, level, min(map(list(REQUIREMENTS).index, names))


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
