"""Coverage: what of the contract a run has tried, against all that there is to try."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..contract import AnyJson, Model
from ..strategies import Strategies

BOUNDS = ("minimum", "maximum", "minLength", "minItems")


@dataclass
class Coverage:
    """What a run has tried."""

    strategies: Strategies
    #: Requirements of which something was accepted, as it must be.
    accepted: set[str] = field(default_factory=set[str])
    #: Requirements of which something was refused, as it must be.
    refused: set[str] = field(default_factory=set[str])
    #: Form and fault.
    faults: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    #: Model and gated field.
    gates: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def accept(self, requirement: str, body: AnyJson) -> None:
        """Take down a body that was accepted."""
        self.accepted.add(requirement)
        model = body["model"]
        self.gates |= {
            (model, name) for name in self.strategies.contract.gated_fields if name in body
        }

    def rows(self, models: Iterable[Model], tried: set[str]) -> Iterator[tuple[str, int, int]]:
        """What there is to try, how much of it was tried, and how much there is for these models.

        A fault is a field that is missing, null, of a wrong type or out of range.
        """
        judged, contract = list(models), self.strategies.contract
        bounds = {
            requirement
            for pointer, requirement in contract.stated_by.items()
            if pointer.startswith("request") and pointer.endswith(BOUNDS)
        }
        sides = len(bounds & self.accepted) + len(bounds & self.refused)
        yield "sides of bounds", sides, 2 * len(bounds)
        wrong = {
            (model.form, str(fault)) for model in judged for fault in self.strategies.faults(model)
        }
        yield (
            "faults",
            len(wrong & self.faults),
            len(wrong),
        )
        gates = {
            (model.id, name)
            for model in judged
            if model.supports is not None
            for name in contract.gated_fields
        }
        yield "gated fields by model", len(gates & self.gates), len(gates)
        yield "requirements", len(tried & contract.requirements.keys()), len(contract.requirements)
