"""Coverage: what of the contract a run has tried, against all that there is to try."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..contract import AnyJson, Model
from ..strategies import Fault, Strategies


@dataclass
class Coverage:
    """What a run has tried."""

    strategies: Strategies
    #: Model and requirement of which something was accepted, as it must be.
    accepted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    #: Model, fault that was refused as it must be, and the keyword that it breaks.
    faults: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    #: Model and gated field.
    gates: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    #: Models that have taken a single string for documents.
    strings: set[str] = field(default_factory=set[str])

    def refuse(self, model: str, fault: Fault) -> None:
        """Take down a fault that was refused."""
        self.faults.add((model, str(fault), fault.pointer))

    def accept(self, requirement: str, body: AnyJson) -> None:
        """Take down a body that was accepted."""
        model = body["model"]
        self.accepted.add((model, requirement))
        self.gates |= {
            (model, name) for name in self.strategies.contract.gated_fields if name in body
        }
        if isinstance(body["documents"], str):
            self.strings.add(model)

    def merge(self, other: "Coverage") -> None:
        """Take over what another process of the run has tried."""
        self.accepted |= other.accepted
        self.faults |= other.faults
        self.gates |= other.gates
        self.strings |= other.strings

    def rows(self, models: Iterable[Model], tried: set[str]) -> Iterator[tuple[str, int, int]]:
        """What there is to try, how much of it was tried, and how much there is for these models.

        A fault is a field that is missing, null, of a wrong type or out of range; a rule is the
        keyword of a schema that it breaks.
        """
        judged, contract = list(models), self.strategies.contract
        bounds = {(model.id, bound) for model in judged for bound in self.strategies.bounds(model)}
        faults = {(model, fault) for model in judged for fault in self.strategies.faults(model)}
        refused = {(model, fault) for model, fault, _ in self.faults}
        sides = sum(
            ((model, bound.requirement) in self.accepted) + ((model, str(bound)) in refused)
            for model, bound in bounds
        )
        yield "sides of bounds by model", sides, 2 * len(bounds)
        rules = {(model.id, fault.pointer) for model, fault in faults}
        broken = {(model, pointer) for model, _, pointer in self.faults}
        yield "rules by model", len(rules & broken), len(rules)
        kinds = {(model.form, str(fault)) for model, fault in faults}
        forms = {model.id: model.form for model in judged}
        seen = {(forms[model], fault) for model, fault in refused if model in forms}
        yield "faults by form", len(kinds & seen), len(kinds)
        gates = {
            (model.id, name)
            for model in judged
            if model.supports is not None
            for name in contract.gated_fields
        }
        yield "gated fields by model", len(gates & self.gates), len(gates)
        takers = {model.id for model in judged if "documents" in self.strategies.fields(model.form)}
        yield "documents as a string by model", len(takers & self.strings), len(takers)
        yield "requirements", len(tried & contract.requirements.keys()), len(contract.requirements)
