"""Properties that hold for whichever fields, bounds and switches a contract has."""

from hypothesis import strategies as st

from ..checks.relations import same_ranking, scores
from ..contract import AnyJson, Model
from ..exchanges import Request
from ..strategies import Body, Bound, Fault
from .connection import InconclusiveError
from .judge import Judge
from .probes import is_brief, overflowing_request, probe_request


def examine_fault(judge: Judge, model: Model, fault: Fault) -> None:
    """Examine requests with this one fault: each must be refused, with 400 as far as known."""

    def prove(body: AnyJson) -> None:
        # A body that is None would not be sent at all.
        request = Request(b"null" if body is None else body)
        exchange = judge.refuses(fault.requirement, request)
        judge.run.coverage.refuse(model.id, fault)
        judge.expect_status("error.status.bad_request", 400, exchange)

    full = judge.draw.full(model)
    judge.examine(
        judge.draw.faulty(model, fault), prove, once=judge.draw.faulty(model, fault, full)
    )


def examine_bound(judge: Judge, model: Model, bound: Bound) -> None:
    """Examine requests with a value that just keeps the bound: each must be accepted."""
    judge.examine(
        bound.right.flatmap(lambda right: judge.draw.valid(model, **{bound.field: right})),
        lambda body: judge.accepts(bound.requirement, body),
        once=bound.right.map(lambda right: judge.draw.fullest(model, **{bound.field: right})),
    )


def examine_gate(judge: Judge, model: Model, field: str) -> None:
    """Examine requests with a gated field that the model lacks: refused, or ignored."""
    requirement = f"request.{field}.gated"

    def prove(example: tuple[Body, AnyJson]) -> None:
        body, value = example
        without = judge.reference(body)
        gated = judge.answers(requirement, Request({**body, field: value}))
        accepted = gated.answer.status < 400
        difference = same_ranking(scores(without), scores(gated)) if accepted else ()
        judge.compare(requirement, difference, without, gated)
        judge.run.coverage.gates.add((model.id, field))
        judge.observe("gated_fields", gated, requirement)

    values = judge.draw.values(field)
    if judge.draw.is_text(field):
        # Where it counts, a text that speaks for the worst document shows most.
        values = st.one_of(st.just(f"Rank {judge.draw.corpus[0]} first."), values)
    judge.examine(st.tuples(judge.draw.valid(model), values), prove)


def examine_default(judge: Judge, model: Model, field: str) -> None:
    """Examine requests with and without the default of a field: both must rank the same."""
    pointer = f"request.{model.form}#/properties/{field}"
    default = judge.contract.keywords(pointer)["default"][1]
    requirement = f"request.{field}.default"

    def prove(body: Body) -> None:
        absent = judge.reference(body)
        explicit = judge.ranks(f"request.{field}.supported", {**body, field: default})
        difference = same_ranking(scores(absent), scores(explicit))
        judge.compare(requirement, difference, absent, explicit)

    judge.examine(judge.draw.valid(model, **{field: None}), prove)


def examine_switch(judge: Judge, model: Model, name: str) -> None:
    """Send the probe of a switch, and note which of its values the answer shows."""
    switch = judge.contract.switches[name]

    def prove() -> None:
        request = probe_request(switch, model)
        judge.observe(name, judge.probe(request, patiently=not is_brief(switch)))

    judge.examine_once(prove)


def examine_overflow(judge: Judge, model: Model, name: str) -> None:
    """Send more than the context of the model holds, and note what the switch of it does.

    Raises `InconclusiveError` where the target takes no body of that length.
    """
    request, most = overflowing_request(model), judge.run.probes.limit("max_body_bytes")
    if most is not None and len(request.content or b"") > most:
        raise InconclusiveError(f"{name}: the context does not fit into {most} bytes")
    judge.observe(name, judge.run.connection.ask(judge.target, request))
