"""What a test expects of its clients, and the messages when they do not meet it."""

import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from ..advice.catalogue import RULES
from ..scenarios.armed import Receipt
from ..state.entry import Entry
from ..state.exchanges import Advice, Severity
from ..validation import likely
from ..wording import count_of
from .calls import LINES, Calls, describe, format_value, shorten
from .fixtures import RerankMock
from .shared import Witness

FailOn: TypeAlias = Severity | Literal["nothing"]

#: From the mildest to the worst, with the headline of a message.
_HEADLINES: Mapping[Severity, str] = {
    "remark": "the client could do better",
    "mistake": "the client made a mistake",
    "breach": "the client broke the contract",
}
_RANKS: Mapping[str, int] = {name: rank for rank, name in enumerate([*_HEADLINES, "nothing"])}
_ADVICE = frozenset(rule.id for rule in RULES)

#: The most calls that the report of a failing test lists.
_LISTED = 100


class AdviceWarning(UserWarning):
    """A mistake of the client that did not fail the test."""


class ExpectationError(ValueError):
    """Invalid expectations; the message names the option and what it accepts."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """What fails a test."""

    #: The mildest severity of advice that fails the test.
    fail_on: FailOn = "breach"
    #: Ids of advice that never fails it.
    allow: frozenset[str] = frozenset()
    #: Whether each step of each armed scenario, and each pin, must have been used.
    assert_all_met: bool = True
    #: Whether the client must have called the mock.
    assert_called: bool = False

    def changed(self, options: Mapping[str, object]) -> "Expectations":
        """Return the expectations with these options changed. Raises `ExpectationError`."""
        for name, value in options.items():
            if name == "fail_on":
                if not isinstance(value, str) or value not in _RANKS:
                    choices = ", ".join(_RANKS)
                    raise ExpectationError(f"fail_on must be one of {choices}, not {value!r}")
            elif name == "allow":
                _check_allowed(value)
            elif not isinstance(value, bool):
                raise ExpectationError(f"{name} must be True or False, not {value!r}")
        given = cast("dict[str, Any]", {**options})
        if "allow" in given:
            given["allow"] = frozenset(given["allow"])
        return replace(self, **given)

    def failures(self, mock: RerankMock, usage: Callable[[str], str]) -> list[str]:
        """Return a message for each thing that fails the test.

        `usage` returns an option as a test would set it.
        """
        checks = self.of_reach, self.of_calls, self.of_scenarios, self.of_pins
        return [message for check in checks if (message := check(mock, usage))]

    def of_calls(self, mock: RerankMock, usage: Callable[[str], str], after: int = 0) -> str:
        """Return a message about the advice that fails the test, or an empty string.

        `after` leaves out the exchanges up to that number.
        """
        return self._about(mock, usage, after, _RANKS[self.fail_on], _RANKS["nothing"])

    def warning(self, mock: RerankMock, usage: Callable[[str], str], after: int = 0) -> str:
        """Return a message about mistakes that do not fail the test, or an empty string."""
        if self.fail_on == "nothing":
            return ""
        return self._about(mock, usage, after, _RANKS["mistake"], _RANKS[self.fail_on])

    def of_reach(self, mock: RerankMock, usage: Callable[[str], str]) -> str:
        """Return a message if the client had to call the mock and did not, or an empty string."""
        if not self.assert_called or mock.all_calls:
            return ""
        intended = f"If this is intended, add: {usage('assert_called=False')}"
        return f"no request reached the mock: {_reason(mock)}\n\n{intended}"

    def of_scenarios(self, mock: RerankMock, usage: Callable[[str], str]) -> str:
        """Return a message about the armed steps that were never reached, or an empty string."""
        lines = [line for receipt in mock.receipts for line in _unmet(receipt, mock.witness)]
        return self._unused("an armed step was never reached", lines, usage)

    def of_pins(self, mock: RerankMock, usage: Callable[[str], str]) -> str:
        """Return a message about the pins that no request matched, or an empty string."""
        lines = [
            f"pin {format_value(pin.to_json())}: {reason}" for pin, reason in mock.unmatched_pins()
        ]
        return self._unused("a pin matched no request", lines, usage)

    def _unused(self, head: str, lines: list[str], usage: Callable[[str], str]) -> str:
        if not (self.assert_all_met and lines):
            return ""
        intended = f"If this is intended, add: {usage('assert_all_met=False')}"
        return "\n\n".join([head, "\n".join(lines), intended])

    def _about(
        self, mock: RerankMock, usage: Callable[[str], str], after: int, mildest: int, above: int
    ) -> str:
        """Return a message about the advice from severity `mildest` on, below `above`."""
        if mildest >= above:
            return ""
        calls = mock.all_calls
        findings = [
            found
            for found in self._findings(calls, after)
            if mildest <= _RANKS[found.advice.severity] < above
        ]
        if not findings:
            return ""
        worst = max(
            (found.advice for found in findings), key=lambda advice: _RANKS[advice.severity]
        )
        ids = list(dict.fromkeys(found.advice.id for found in findings))
        blocks = [f"{_HEADLINES[worst.severity]}: {', '.join(ids)}"]
        blocks += ["\n".join(found.lines(calls, mock.witness)) for found in findings[:LINES]]
        if len(findings) > LINES:
            blocks.append(f"and {len(findings) - LINES} more")
        blocks.append(f"If this is intended, add: {usage(f'allow={format_value(ids)}')}")
        return "\n\n".join(blocks)

    def _findings(self, calls: Calls, after: int) -> Iterator["_Finding"]:
        findings: dict[tuple[str, str], _Finding] = {}
        for number, entry in enumerate(calls, 1):
            for advice in entry.advice if entry.number > after else ():
                if advice.id not in self.allow:
                    key = (advice.id, advice.hint)
                    findings.setdefault(key, _Finding(advice, [])).numbers.append(number)
        yield from findings.values()


def report(mock: RerankMock, usage: Callable[[str], str]) -> str:
    """Return all calls with all advice, for the report of a test that failed."""
    calls, state = mock.all_calls, mock.state
    lines = [
        line
        for number, call in enumerate(calls[:_LISTED], 1)
        for line in _told(number, call, mock.witness)
    ]
    if len(calls) > _LISTED:
        lines.append(f"and {len(calls) - _LISTED} more")
    if state.hostile and calls:
        again = usage(f"hostile={format_value(sorted(state.hostile))}, seed={state.seed}")
        lines.append(f"Answers were hostile; to have the same again: {again}")
    return "\n".join(lines)


def report_of_failure(mock: RerankMock, usage: Callable[[str], str]) -> str:
    """Return the report of a test that failed by itself: a call that is missing may be why."""
    return report(mock, usage) if mock.all_calls else f"no calls: {_reason(mock)}"


def warn(message: str, filename: str, line: int) -> None:
    """Warn about mistakes of the client, at the place of its test."""
    warnings.warn_explicit(message, AdviceWarning, filename, line)


@dataclass(frozen=True, slots=True)
class _Finding:
    """Advice, and the calls that it is about."""

    advice: Advice
    #: The numbers of the calls, from 1.
    numbers: list[int]

    def lines(self, calls: Calls, witness: Witness) -> Iterator[str]:
        """Yield lines about the first of the calls, and the numbers of the others."""
        first, *others = self.numbers
        entry = calls[first - 1]
        yield describe(first, entry)
        yield from _test_of(entry, witness)
        if entry.request.body:
            yield f"  sent    {shorten(entry.request.body.decode(errors='replace'))}"
        yield f"  {self.advice.severity:7} {self.advice.id}: {self.advice.sentence}"
        yield f"  hint    {self.advice.hint}"
        if others:
            noun = "call" if len(others) == 1 else "calls"
            yield f"  again   in {noun} {_some(list(map(str, others)))}"
            test_of = [witness.test_of("call", calls[number - 1].number) for number in self.numbers]
            if tests := [test for test in dict.fromkeys(test_of) if test not in ("", test_of[0])]:
                yield f"  also in {_some(tests)}"


def _some(words: list[str]) -> str:
    more = "" if len(words) <= LINES else f" and {len(words) - LINES} more"
    return ", ".join(words[:LINES]) + more


def _told(number: int, entry: Entry, witness: Witness) -> Iterator[str]:
    yield describe(number, entry)
    yield from _test_of(entry, witness)
    for advice in entry.advice:
        yield f"  {advice.severity:7} {advice.id}: {advice.sentence} {advice.hint}"


def _test_of(entry: Entry, witness: Witness) -> Iterator[str]:
    if test := witness.test_of("call", entry.number):
        yield f"  test    {test}"


def _reason(mock: RerankMock) -> str:
    """Return why no request may have reached the mock."""
    if mock.is_served:
        return f"the base URL for the client is {mock.base_url}"
    return (
        "only httpx and httpx2 are intercepted; for requests, aiohttp and others take"
        " rerank_server, or serve_rerank where there are no fixtures. The httpx_mock of"
        " pytest-httpx comes before the mock: see its should_mock"
    )


def _unmet(receipt: Receipt, witness: Witness) -> Iterator[str]:
    test = witness.test_of("scenario", receipt.number)
    where = f", armed in {test}" if test else ""
    for number, (step, met) in enumerate(
        zip(receipt.scenario.steps, receipt.steps, strict=True), 1
    ):
        if met == "never":
            yield (
                f"scenario {receipt.scenario.name!r}, step {number} {format_value(step.to_json())}:"
                f" the scenario got {count_of(sum(receipt.taken), 'request')}{where}"
            )


def check_base_url(value: object) -> None:
    """Raise `ExpectationError` unless it is a base URL that ends in `/v1`."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^/?#]+(/[^?#]*)?/v1", value):
        raise ExpectationError(f"base_url must be a URL that ends in /v1, not {value!r}")


def check_passthrough(value: object) -> None:
    """Raise `ExpectationError` unless it is a host, `all`, or a list of hosts."""
    hosts = [value] if isinstance(value, str) else value
    if not isinstance(hosts, Collection) or not all(
        isinstance(host, str) for host in cast("Collection[object]", hosts)
    ):
        raise ExpectationError(
            f'passthrough must be a list of hosts such as ["example.org"], or "all", not {value!r}'
        )


def read_seed(value: object) -> int:
    """Return the seed, which the ini option has as a text. Raises `ExpectationError`."""
    if isinstance(value, bool) or not str(value).removeprefix("-").isdecimal():
        raise ExpectationError(f"seed must be an integer, not {value!r}")
    return int(str(value))


def _check_allowed(value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ExpectationError(
            f'allow must be a list of advice ids such as ["null_field"], not {value!r}'
        )
    for name in cast("Collection[object]", value):
        if not isinstance(name, str) or name not in _ADVICE:
            hint = likely(str(name), sorted(_ADVICE))
            raise ExpectationError(f"allow: unknown advice {name!r}{hint}")
