"""What tests are parametrized with, read out of the contract: faults, bounds, fields, switches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..contract import Model, kinds
from ..exchanges import is_object
from ..judging.limits import Effort
from ..judging.numbers import limits
from ..judging.probes import probed
from ..strategies import Strategies
from .selection import firsts

#: Tokens of the largest context that is filled: a larger one would cost too much.
ASKED_CONTEXT = 32_768


@dataclass(frozen=True)
class Case:
    """A model, and what is to be tried with it."""

    model: Model
    value: object
    #: The requirements that it tries.
    requirements: tuple[str, ...]
    #: Whether one example will do, as the same or the like is tried elsewhere.
    brief: bool = False

    @property
    def id(self) -> str:
        """What pytest calls it."""
        return self.model.id if is_object(self.value) else f"{self.model.id}-{self.value}"


def _faults(own: Strategies, judged: Sequence[Model], effort: Effort) -> Iterator[Case]:
    """The faults of all fields, each with the first model of each form that must refuse it.

    Where the effort is wide, the telling ones with every model.
    """
    seen: set[tuple[str, str]] = set()
    for model in judged:
        for fault in own.faults(model):
            name = (model.form, str(fault))
            is_first = name not in seen
            seen.add(name)
            if (fault.telling and is_first) or (effort.wide and (fault.telling or is_first)):
                # There is one way to leave a field out, and many to send a wrong one.
                in_depth = fault.telling and is_first and fault.wrong is not None
                yield Case(model, fault, (fault.requirement,), not in_depth)


def _bounds(own: Strategies, judged: Sequence[Model], effort: Effort) -> Iterator[Case]:
    """The bounds of all fields, each with the first model of each form that has the field.

    Where the effort is wide, with every model.
    """
    seen: set[tuple[str, str]] = set()
    for model in judged:
        for bound in own.bounds(model):
            name = (model.form, str(bound))
            is_first = name not in seen
            seen.add(name)
            if is_first or effort.wide:
                yield Case(model, bound, (bound.requirement,), not is_first)


def _supported(own: Strategies, judged: Sequence[Model], effort: Effort) -> Iterator[Case]:
    """The gated fields, each with the first model of each form that supports it.

    Where the effort is wide, with every model that does.
    """
    for field in own.contract.gated_fields:
        having = [model for model in judged if field in (model.supports or ())]
        for model in having if effort.wide else firsts(having):
            yield Case(model, field, (f"request.{field}.supported",), model not in firsts(having))


def _unsupported(own: Strategies, judged: Sequence[Model], _: Effort) -> Iterator[Case]:
    """The gated fields, each with every model that is known to lack it."""
    in_depth = kinds(judged)
    for field in own.contract.gated_fields:
        for model in judged:
            if model.supports is not None and field not in model.supports:
                yield Case(model, field, (f"request.{field}.gated",), model not in in_depth)


def _defaults(own: Strategies, judged: Sequence[Model], effort: Effort) -> Iterator[Case]:
    """The gated fields with a default, with the models that support them."""
    for case in _supported(own, judged, effort):
        pointer = f"request.{case.model.form}#/properties/{case.value}"
        if "default" in own.contract.keywords(pointer):
            yield Case(case.model, case.value, (f"request.{case.value}.default",), case.brief)


def _switches(own: Strategies, judged: Sequence[Model], effort: Effort) -> Iterator[Case]:
    """The switches that one request shows, with the first model or models."""
    for switch in probed(own.contract):
        for model in judged[: effort.asked]:
            yield Case(model, switch.name, switch.requirements)


def _limits(own: Strategies, judged: Sequence[Model], _: Effort) -> Iterator[Case]:
    """The switches that are numbers, with the first model."""
    for switch in limits(own.contract):
        for model in judged[:1]:
            yield Case(model, switch.name, switch.requirements)


def _overflows(own: Strategies, judged: Sequence[Model], _: Effort) -> Iterator[Case]:
    """The switch of the context, with the first model that does not chunk, or else the first."""
    known = [model for model in judged if 0 < (model.context_tokens or 0) <= ASKED_CONTEXT]
    known.sort(key=lambda model: "max_chunks_per_doc" in (model.supports or ()))
    switch = own.contract.switches.get("context_overflow")
    if switch and known:
        yield Case(known[0], switch.name, switch.requirements)


def _examples(own: Strategies, judged: Sequence[Model], _: Effort) -> Iterator[Case]:
    """The request that the page prints, with the model that it names."""
    for printed in own.contract.schemas["request.classic"].get("examples", []):
        # A revision may have lost a field that its examples still have.
        example = {name: value for name, value in printed.items() if name in own.fields("classic")}
        for model in judged:
            if model.id == example["model"]:
                yield Case(model, example, ("endpoint.rerank",))


#: Name of a parameter -> the cases that a run tries of it.
CASES: Mapping[str, Callable[[Strategies, Sequence[Model], Effort], Iterator[Case]]] = {
    "fault": _faults,
    "bound": _bounds,
    "supported": _supported,
    "unsupported": _unsupported,
    "defaulted": _defaults,
    "switch": _switches,
    "limit": _limits,
    "overflow": _overflows,
    "example": _examples,
}
