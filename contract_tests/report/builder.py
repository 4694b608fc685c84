"""Makes a report of what a run has learnt so far."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from ..contract import Requirement
from ..judging.causes import causes
from ..judging.outcomes import Outcome
from ..judging.probes import Probes, Sighting
from ..judging.run import Run
from .baseline import Deviation, State
from .model import USUAL, Access, Report, RequirementResult


def report_of(
    run: Run,
    options: Sequence[str] = (),
    access: Access = USUAL,
    baseline: Sequence[Deviation] = (),
    today: date = date.min,
) -> Report:
    """What has been learnt so far; `options` of the command would judge so again."""
    ledger, budget = run.ledger, run.connection.budget
    reliability = run.connection.reliability
    entries = {
        requirement.id: _entry(run, requirement)
        for requirement in run.contract.requirements.values()
    }
    hindered = {
        name: ledger.hindered[name]
        for name, entry in entries.items()
        if entry.is_hindered and name in ledger.hindered
    }
    states: list[tuple[Deviation, State]] = []
    for known in baseline:
        entry = entries[known.requirement]
        state = known.state(entry.outcome, is_hindered=entry.is_hindered, today=today)
        states.append((known, state))
        if state is State.KNOWN:
            reason = f"until {known.expires}: {known.reason}"
            entries[known.requirement] = replace(entry, outcome=Outcome.KNOWN, reason=reason)
    return Report(
        contract=run.contract,
        target=run.target,
        seed=run.seed,
        effort=run.effort.name,
        requests_sent=budget.spent,
        tokens=budget.tokens,
        cost=budget.cost,
        coverage=tuple(
            run.coverage.rows(
                [
                    run.contract.model_named(name)
                    for name, reason in run.served.models.items()
                    if reason is None
                ],
                ledger.tried,
            ),
        ),
        models={**run.served.left_out, **run.served.models},
        entries=tuple(entries.values()),
        switches={name: _seen(run.probes, name) for name in run.contract.switches},
        accepted={
            name: max(numbers.items()) for name, numbers in run.probes.accepted.items() if numbers
        },
        unlike=dict(run.probes.unlike),
        causes=causes(
            run.contract,
            {name: ledger.worst(name) for name in ledger.violations if name not in ledger.broken},
            ledger.accepted,
            hindered,
        ),
        answered=reliability.answered,
        asked_again=dict(reliability.asked_again),
        latency=reliability.percentiles(),
        fault=ledger.fault,
        baseline=tuple(states),
        options=tuple(options),
        access=access,
    )


def _seen(probes: Probes, name: str) -> dict[str, Sighting]:
    """What was seen of a switch; of a number, the refusal of the next one."""
    limit = probes.limit(name)
    if limit is not None:
        return {str(limit): probes.refused[name][limit + 1]}
    return dict(sorted(probes.seen.get(name, {}).items()))


def _entry(run: Run, requirement: Requirement) -> RequirementResult:
    ledger, name = run.ledger, requirement.id
    outcome = ledger.outcome(name)
    return RequirementResult(
        requirement,
        outcome,
        ledger.reason(name),
        tuple(sorted(ledger.observed.get(name, ()))),
        () if name in ledger.broken else tuple(ledger.worst(name)),
        ledger.first_broken.get(name),
        tuple(test for test, named in ledger.tests.items() if name in named),
        is_hindered=outcome is Outcome.INCONCLUSIVE and name not in ledger.inconclusive,
    )
