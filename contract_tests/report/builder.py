"""Makes a report of what a run has learnt so far."""

from collections.abc import Sequence

from ..judging.causes import causes
from ..judging.run import Run
from .model import Report, RequirementResult


def report_of(run: Run, options: Sequence[str] = ()) -> Report:
    """What has been learnt so far; `options` of the command would judge so again."""
    ledger, budget = run.ledger, run.connection.budget
    models, reliability = run.served.models, run.connection.reliability
    return Report(
        contract=run.contract,
        target=run.target,
        seed=run.seed,
        effort=run.effort.name,
        requests_sent=budget.spent,
        tokens=budget.tokens,
        cost=budget.cost,
        coverage=tuple(
            run.coverage.rows(map(run.contract.model_named, models), ledger.tried),
        ),
        models=dict(models),
        entries=tuple(
            RequirementResult(
                requirement,
                ledger.outcome(name),
                ledger.reason(name),
                tuple(sorted(ledger.observed.get(name, ()))),
                () if name in ledger.broken else tuple(ledger.worst(name)),
                ledger.first_broken.get(name),
                tuple(test for test, named in ledger.tests.items() if name in named),
            )
            for name, requirement in run.contract.requirements.items()
        ),
        switches={
            name: tuple(sorted(run.probes.seen.get(name, ()))) for name in run.contract.switches
        },
        causes=causes(
            run.contract,
            {name: ledger.worst(name) for name in ledger.violations if name not in ledger.broken},
            ledger.accepted,
        ),
        answered=reliability.answered,
        asked_again=dict(reliability.asked_again),
        latency=reliability.percentiles(),
        fault=ledger.fault,
        options=tuple(options),
    )
