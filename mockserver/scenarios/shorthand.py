"""Scenarios as people write them: a name, an error, a status, a step, or several of these."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ..contract import Contract, load_contract
from ..validation import likely, within
from .catalogue import catalogue
from .scenario import Scenario, ScenarioError, Step, check_errors

#: The error that a status stands for, where the table of errors has several.
_ERRORS = {400: "parameter_invalid", 401: "key_invalid", 403: "forbidden", 503: "overloaded"}

_FORMS = (
    "a scenario, the name of a ready-made one, the id or the status of an error, a step,"
    " or a list of these"
)

#: The name of a scenario that was given none.
UNNAMED = "scenario"


def scenario_of(
    given: object, contract: Contract | None = None, times: int | None = None
) -> Scenario:
    """Return what was given as a scenario.

    It is a `Scenario` or its JSON, with or without a name, the name of a ready-made one, the id or
    the status of an error, a `Step` or its JSON, or a list of these. `times` is the number of
    requests that its only fault affects. The default contract is the newest revision. Raises
    `ScenarioError`.
    """
    contract = contract or load_contract()
    scenario = _scenario(given, contract)
    if times is not None:
        scenario = _repeated(scenario, times)
    check_errors(contract, scenario)
    return scenario


def _scenario(given: object, contract: Contract) -> Scenario:
    if isinstance(given, Scenario):
        return given
    if isinstance(given, Step):
        return Scenario(UNNAMED, (given,))
    if isinstance(given, (str, int)) and not isinstance(given, bool):
        return _named(str(given), contract)
    if isinstance(given, Mapping):
        row: dict[str, Any] = {**cast("Mapping[str, Any]", given)}
        if not row.keys() & {"name", "steps"}:
            row = {"steps": [row]}
        return Scenario.from_json({"name": UNNAMED, **row})
    if isinstance(given, Sequence) and not isinstance(given, bytes) and given:
        return _several(cast("Sequence[object]", given), contract)
    raise ScenarioError(f"expected {_FORMS}, got {given!r}")


def _named(name: str, contract: Contract) -> Scenario:
    made = catalogue(contract)
    if name in made:
        return made[name]
    if name in contract.errors:
        return Scenario(name, (Step(error=name),))
    if name.isdecimal():
        return Scenario(name, (_step_of(int(name), contract),))
    other = "; a status, such as 503, is one too"
    hint = likely(name, [*made, *contract.errors]) or other
    raise ScenarioError(f"unknown scenario {name!r}{hint}")


def _step_of(status: int, contract: Contract) -> Step:
    """Return a step that answers with the status, and with the body of its error if it has one."""
    if status == 200:
        return Step()
    if not 400 <= status <= 599:
        raise ScenarioError(f"expected a status from 400 to 599, or 200, got {status}")
    errors = [name for name, error in contract.errors.items() if error.status == status]
    if not errors:
        return Step(body="", status=status, headers={"content-type": None})
    known = _ERRORS.get(status)
    return Step(error=known if known in errors else errors[0])


def _several(given: Sequence[object], contract: Contract) -> Scenario:
    scenarios: list[Scenario] = []
    for number, item in enumerate(given):
        with within(number, kind=ScenarioError):
            scenarios.append(_scenario(item, contract))
    names = ", ".join(dict.fromkeys(scenario.name for scenario in scenarios))
    return Scenario(names, tuple(step for scenario in scenarios for step in scenario.steps))


def _repeated(scenario: Scenario, times: int) -> Scenario:
    faults = [step for step in scenario.steps if replace(step, times=1) != Step()]
    if len(faults) != 1:
        reason = f"times needs a scenario with one fault; {scenario.name!r} has {len(faults)}"
        raise ScenarioError(f"{reason}: set `times` in its steps")
    steps = tuple(
        replace(step, times=times) if step is faults[0] else step for step in scenario.steps
    )
    return replace(scenario, steps=steps)
