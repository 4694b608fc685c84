"""What a test demands of the client, and what is to be said of one that does not keep it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from ..advice.catalogue import RULES
from ..scenarios.armed import Receipt
from ..state.exchanges import Advice, Severity
from ..validation import likely
from .calls import DIFFERENCES, Calls, clipped, shown, told
from .fixtures import RerankMock

FailOn: TypeAlias = Severity | Literal["nothing"]

#: From the mildest to the worst, with what it says of a client.
_SAID: Mapping[Severity, str] = {
    "remark": "the client gave cause for a remark",
    "mistake": "the client made a mistake",
    "breach": "the client broke the contract",
}
_RANKS: Mapping[str, int] = {name: rank for rank, name in enumerate([*_SAID, "nothing"])}
_ADVICE = frozenset(rule.id for rule in RULES)


class ExpectationError(ValueError):
    """Expectations that are none; the message names the option, and what it may be."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a client must keep to, or the test fails."""

    #: The mildest severity of advice that fails the test.
    fail_on: FailOn = "breach"
    #: Ids of advice that never does.
    allow: frozenset[str] = frozenset()
    #: Whether each step of each armed scenario must have been met once.
    assert_all_met: bool = True

    def changed(self, options: Mapping[str, object]) -> "Expectations":
        """Return the demands with these in place of their own. Raises `ExpectationError`."""
        for name, value in options.items():
            if name == "fail_on":
                if not isinstance(value, str) or value not in _RANKS:
                    raise ExpectationError(f"fail_on is one of {', '.join(_RANKS)}, not {value!r}")
            elif name == "allow":
                _check_allowed(value)
            elif name == "assert_all_met":
                if not isinstance(value, bool):
                    raise ExpectationError(f"assert_all_met is True or False, not {value!r}")
            else:
                known = list(Expectations.__slots__)
                raise ExpectationError(f"there is no option {name!r}{likely(name, known)}")
        given = cast("dict[str, Any]", {**options})
        if "allow" in given:
            given["allow"] = frozenset(given["allow"])
        return replace(self, **given)

    def of_calls(self, mock: RerankMock, switch: Callable[[str], str]) -> str:
        """Tell what was sent and should not have been; nothing if there is nothing to tell.

        `switch` tells where to put an option that allows it.
        """
        calls = mock.calls
        finds = list(self._finds(calls))
        if not finds:
            return ""
        worst = max((find.advice for find in finds), key=lambda advice: _RANKS[advice.severity])
        ids = list(dict.fromkeys(find.advice.id for find in finds))
        blocks = [f"{_SAID[worst.severity]}: {', '.join(ids)}"]
        blocks += ["\n".join(find.lines(calls)) for find in finds[:DIFFERENCES]]
        if len(finds) > DIFFERENCES:
            blocks.append(f"and {len(finds) - DIFFERENCES} more finds")
        blocks.append(f"Is it meant so? {switch(f'allow={shown(ids)}')}")
        return "\n\n".join(blocks)

    def of_scenarios(self, mock: RerankMock, switch: Callable[[str], str]) -> str:
        """Tell which steps were armed and never met; nothing if there are none."""
        lines = [line for receipt in mock.receipts for line in _unmet(receipt)]
        if not (self.assert_all_met and lines):
            return ""
        head = "what was armed was never met"
        meant = f"Is it meant so? {switch('assert_all_met=False')}"
        return "\n\n".join([head, "\n".join(lines), meant])

    def _finds(self, calls: Calls) -> Iterator["_Find"]:
        finds: dict[tuple[str, str], _Find] = {}
        for number, entry in enumerate(calls, 1):
            for advice in entry.advice:
                counts = _RANKS[advice.severity] >= _RANKS[self.fail_on]
                if counts and advice.id not in self.allow:
                    find = finds.setdefault((advice.id, advice.hint), _Find(advice, []))
                    find.numbers.append(number)
        yield from finds.values()


@dataclass(frozen=True, slots=True)
class _Find:
    """Advice, and the calls that gave cause for it."""

    advice: Advice
    #: From 1.
    numbers: list[int]

    def lines(self, calls: Calls) -> Iterator[str]:
        """Tell of the first of the calls, and name the others."""
        first, *others = self.numbers
        entry = calls[first - 1]
        yield told(first, entry)
        if entry.request.body:
            yield f"  sent    {clipped(entry.request.body.decode(errors='replace'))}"
        yield f"  {self.advice.severity:7} {self.advice.id}: {self.advice.sentence}"
        yield f"  hint    {self.advice.hint}"
        if others:
            more = "" if len(others) <= DIFFERENCES else " and more"
            yield f"  again   in call {', '.join(map(str, others[:DIFFERENCES]))}{more}"


def _unmet(receipt: Receipt) -> Iterator[str]:
    for number, (step, met) in enumerate(
        zip(receipt.scenario.steps, receipt.steps, strict=True), 1
    ):
        if met == "never":
            came = sum(receipt.taken)
            requests = "1 request" if came == 1 else f"{came} requests"
            yield (
                f"scenario {receipt.scenario.name!r}, step {number} {shown(step.to_json())}:"
                f" {requests} came to the scenario"
            )


def _check_allowed(value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ExpectationError(
            f'allow is a list of ids of advice such as ["null_field"], not {value!r}'
        )
    for name in cast("Collection[object]", value):
        if not isinstance(name, str) or name not in _ADVICE:
            hint = likely(str(name), sorted(_ADVICE))
            raise ExpectationError(f"allow: no advice has the id {name!r}{hint}")
