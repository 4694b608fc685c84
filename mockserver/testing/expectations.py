"""What a test expects of its clients, and the messages when they do not meet it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from ..advice.catalogue import RULES
from ..scenarios.armed import Receipt
from ..state.exchanges import Advice, Severity
from ..validation import likely
from ..wording import count_of
from .calls import LINES, Calls, describe, format_value, shorten
from .fixtures import RerankMock

FailOn: TypeAlias = Severity | Literal["nothing"]

#: From the mildest to the worst, with the headline of a message.
_HEADLINES: Mapping[Severity, str] = {
    "remark": "the client could do better",
    "mistake": "the client made a mistake",
    "breach": "the client broke the contract",
}
_RANKS: Mapping[str, int] = {name: rank for rank, name in enumerate([*_HEADLINES, "nothing"])}
_ADVICE = frozenset(rule.id for rule in RULES)


class ExpectationError(ValueError):
    """Invalid expectations; the message names the option and what it accepts."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """What fails a test."""

    #: The mildest severity of advice that fails the test.
    fail_on: FailOn = "breach"
    #: Ids of advice that never fails it.
    allow: frozenset[str] = frozenset()
    #: Whether each step of each armed scenario must have been reached.
    assert_all_met: bool = True

    def changed(self, options: Mapping[str, object]) -> "Expectations":
        """Return the expectations with these options changed. Raises `ExpectationError`."""
        for name, value in options.items():
            if name == "fail_on":
                if not isinstance(value, str) or value not in _RANKS:
                    choices = ", ".join(_RANKS)
                    raise ExpectationError(f"fail_on must be one of {choices}, not {value!r}")
            elif name == "allow":
                _check_allowed(value)
            elif name == "assert_all_met":
                if not isinstance(value, bool):
                    raise ExpectationError(f"assert_all_met must be True or False, not {value!r}")
            else:
                known = list(Expectations.__slots__)
                raise ExpectationError(f"unknown option {name!r}{likely(name, known)}")
        given = cast("dict[str, Any]", {**options})
        if "allow" in given:
            given["allow"] = frozenset(given["allow"])
        return replace(self, **given)

    def of_calls(self, mock: RerankMock, usage: Callable[[str], str]) -> str:
        """Return a message about the advice that fails the test, or an empty string.

        `usage` returns an option as a test would set it.
        """
        calls = mock.calls
        findings = list(self._findings(calls))
        if not findings:
            return ""
        worst = max(
            (found.advice for found in findings), key=lambda advice: _RANKS[advice.severity]
        )
        ids = list(dict.fromkeys(found.advice.id for found in findings))
        blocks = [f"{_HEADLINES[worst.severity]}: {', '.join(ids)}"]
        blocks += ["\n".join(found.lines(calls)) for found in findings[:LINES]]
        if len(findings) > LINES:
            blocks.append(f"and {len(findings) - LINES} more")
        blocks.append(f"If this is intended, add: {usage(f'allow={format_value(ids)}')}")
        return "\n\n".join(blocks)

    def of_scenarios(self, mock: RerankMock, usage: Callable[[str], str]) -> str:
        """Return a message about the armed steps that were never reached, or an empty string."""
        lines = [line for receipt in mock.receipts for line in _unmet(receipt)]
        if not (self.assert_all_met and lines):
            return ""
        head = "an armed step was never reached"
        intended = f"If this is intended, add: {usage('assert_all_met=False')}"
        return "\n\n".join([head, "\n".join(lines), intended])

    def _findings(self, calls: Calls) -> Iterator["_Finding"]:
        findings: dict[tuple[str, str], _Finding] = {}
        for number, entry in enumerate(calls, 1):
            for advice in entry.advice:
                counts = _RANKS[advice.severity] >= _RANKS[self.fail_on]
                if counts and advice.id not in self.allow:
                    key = (advice.id, advice.hint)
                    findings.setdefault(key, _Finding(advice, [])).numbers.append(number)
        yield from findings.values()


@dataclass(frozen=True, slots=True)
class _Finding:
    """Advice, and the calls that it is about."""

    advice: Advice
    #: The numbers of the calls, from 1.
    numbers: list[int]

    def lines(self, calls: Calls) -> Iterator[str]:
        """Yield lines about the first of the calls, and the numbers of the others."""
        first, *others = self.numbers
        entry = calls[first - 1]
        yield describe(first, entry)
        if entry.request.body:
            yield f"  sent    {shorten(entry.request.body.decode(errors='replace'))}"
        yield f"  {self.advice.severity:7} {self.advice.id}: {self.advice.sentence}"
        yield f"  hint    {self.advice.hint}"
        if others:
            noun = "call" if len(others) == 1 else "calls"
            more = "" if len(others) <= LINES else " and more"
            yield f"  again   in {noun} {', '.join(map(str, others[:LINES]))}{more}"


def _unmet(receipt: Receipt) -> Iterator[str]:
    for number, (step, met) in enumerate(
        zip(receipt.scenario.steps, receipt.steps, strict=True), 1
    ):
        if met == "never":
            yield (
                f"scenario {receipt.scenario.name!r}, step {number} {format_value(step.to_json())}:"
                f" the scenario got {count_of(sum(receipt.taken), 'request')}"
            )


def _check_allowed(value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ExpectationError(
            f'allow must be a list of advice ids such as ["null_field"], not {value!r}'
        )
    for name in cast("Collection[object]", value):
        if not isinstance(name, str) or name not in _ADVICE:
            hint = likely(str(name), sorted(_ADVICE))
            raise ExpectationError(f"allow: unknown advice {name!r}{hint}")
