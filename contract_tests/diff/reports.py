"""What changed between two reports of the judge, of the same target or of two.

Numbers differ from run to run. They count as changed beyond a margin only, so that what is reported
is worth a look.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..contract import AnyJson, RevisionError, load_contract
from ..judging.outcomes import Outcome
from .model import Change, Comparison, Effect, Kind, Uncompared, worst_first

#: Networks and loads vary by tens of percent; the median doubles only if something happened. A
#: difference of less than this many milliseconds is noise of a fast target.
LATENCY_RATIO, LATENCY_MS = 2.0, 50.0
#: The same requests cost the same tokens, but failures are made smaller by requests of their own.
TOKENS_RATIO = 1.1
#: Share of the requests that is answered only when asked again: a few are chance.
AGAIN_SHARE, AGAIN_REQUESTS = 0.05, 5

#: A refusal as it stands in what was observed: its status, and its body.
_REFUSAL = re.compile(r'(status [45]\d\d), (\{[^}]*\}|"[^"]*"|[^,]*)')
_CODE = re.compile(r'"code": ?(\d+)')

#: Outcomes of a requirement that was not judged -> why not.
_UNTRIED = {
    Outcome.SKIPPED: "not tried",
    Outcome.OFF: "not tried",
    Outcome.BROKEN: "the suite itself failed",
}


def compare(names: tuple[str, str], old: AnyJson, new: AnyJson) -> Comparison:
    """Compare two reports."""
    pair = _Pair(names, old, new)
    found = [
        *pair.requirements(),
        *pair.models(),
        *pair.switches(),
        *pair.reliability(),
        *pair.tokens(),
        *pair.advice(),
    ]
    changes = worst_first(found)
    return Comparison(
        Kind.REPORTS, *names, pair.compared, changes, pair.uncompared, tuple(pair.notes())
    )


@dataclass
class _Pair:
    """Two reports."""

    names: tuple[str, str]
    old: AnyJson
    new: AnyJson
    #: Requirements that were judged in both.
    compared: int = 0
    uncompared: dict[str, Uncompared] = field(default_factory=dict[str, Uncompared])

    @property
    def is_same_run(self) -> bool:
        """Whether both have sent the same requests, as far as the target let them."""
        return all(self.old.get(name) == self.new.get(name) for name in _RUN)

    def requirements(self) -> Iterator[Change]:
        """Requirements that came out otherwise, and open points that were answered otherwise."""
        before, after = _by_id(self.old["requirements"]), _by_id(self.new["requirements"])
        shown_by_switch = self._shown_by_switch()
        for name in dict.fromkeys((*after, *before)):
            rows: tuple[AnyJson, AnyJson] = before.get(name), after.get(name)
            outcomes = self._outcomes(name, *rows)
            if outcomes is None:
                continue
            self.compared += 1
            yield from _outcome_change(name, outcomes, rows[1])
            was, is_now = (row["observed"] for row in rows)
            if self.is_same_run and name not in shown_by_switch and was and is_now:
                is_message = _without_messages(was) == _without_messages(is_now)
                effect = Effect.HARMLESS if is_message else Effect.VISIBLE
                yield from _change(name, was, is_now, effect)

    def _outcomes(self, name: str, *rows: AnyJson) -> tuple[Outcome, Outcome] | None:
        """How a requirement came out in both; None where it was not judged in one."""
        found: list[Outcome] = []
        untried: list[str] = []
        for file, row in zip(self.names, rows, strict=True):
            outcome = _outcome(row) if row else None
            reason = _UNTRIED.get(outcome) if outcome else "not in the revision"
            if outcome and not reason:
                found.append(outcome)
            else:
                untried.append(f"{reason} in {file}")
        if not untried:
            return found[0], found[1]
        if found:
            bad = "" if found[0] is Outcome.PASSED else f", {found[0].value} in the other"
            self._leave_out(f"{untried[0]}{bad}", name)
        return None

    def _shown_by_switch(self) -> set[str]:
        """Requirements whose answer is the value of a switch."""
        try:
            contract = load_contract(self.new.get("revision"))
        except RevisionError:
            return set()
        return {name for switch in contract.switches.values() for name in switch.requirements}

    def models(self) -> Iterator[Change]:
        """Models that are served now, or no longer."""
        before, after = _by_id(self.old["models"]), _by_id(self.new["models"])
        for name in dict.fromkeys((*after, *before)):
            if name in before and name in after:
                was, is_now = (
                    "served" if rows[name]["outcome"] == Outcome.PASSED.value else "not served"
                    for rows in (before, after)
                )
                effect = Effect.VISIBLE if is_now == "served" else Effect.BREAKS_CLIENTS
                reason = after[name]["reason"] or ""
                yield from _change(f"model {name}", was, is_now, effect, reason)
            else:
                file = self.names[1 if name in before else 0]
                self._leave_out(f"no request named it in {file}", f"model {name}")

    def switches(self) -> Iterator[Change]:
        """Switches that were seen with other values."""
        before, after = (
            {row["name"]: " or ".join(sorted(row["values"])) for row in report.get("switches", ())}
            for report in (self.old, self.new)
        )
        for name in dict.fromkeys((*after, *before)):
            values = before.get(name), after.get(name)
            if all(values):
                yield from _change(f"switch {name}", values[0], values[1], Effect.VISIBLE)
            elif any(values):
                file = self.names[0 if values[1] else 1]
                self._leave_out(f"not seen in {file}", f"switch {name}")

    def reliability(self) -> Iterator[Change]:
        """The median latency, and how many requests had to be sent again."""
        before, after = (report.get("reliability", _NONE) for report in (self.old, self.new))
        was, is_now = (row["latency_ms"].get("50") for row in (before, after))
        if was and is_now:
            fast, slow = sorted((was, is_now))
            if slow >= LATENCY_RATIO * fast and slow - fast >= LATENCY_MS:
                place = "latency (median)"
                yield Change(place, f"{was:.0f} ms", f"{is_now:.0f} ms", Effect.VISIBLE)
        if before["answered"] and after["answered"]:
            again = [_sent_again(each) for each in (before, after)]
            was, is_now = again[0] / before["answered"], again[1] / after["answered"]
            if abs(was - is_now) >= AGAIN_SHARE and max(again) >= AGAIN_REQUESTS:
                place = "requests answered only when sent again"
                yield Change(place, f"{was:.0%}", f"{is_now:.0%}", Effect.VISIBLE)

    def tokens(self) -> Iterator[Change]:
        """Tokens of a request, where both runs have sent the same requests."""
        sent = self.old["requests_sent"], self.new["requests_sent"]
        models = [
            {row["id"] for row in report["models"] if row["outcome"] == Outcome.PASSED.value}
            for report in (self.old, self.new)
        ]
        if not (self.is_same_run and all(sent) and models[0] == models[1]):
            return
        was, is_now = self.old["tokens"] / sent[0], self.new["tokens"] / sent[1]
        if max(was, is_now) > TOKENS_RATIO * min(was, is_now):
            place = "tokens of a request (mean)"
            yield Change(place, f"{was:.1f}", f"{is_now:.1f}", Effect.VISIBLE)

    def advice(self) -> Iterator[Change]:
        """Advice on recorded requests, of a kind that is new or gone."""
        if not (self.old.get("audit") and self.new.get("audit")):
            return
        before, after = (_by_id(report["audit"]["advice"]) for report in (self.old, self.new))
        for name in dict.fromkeys((*after, *before)):
            if name in before and name in after:
                continue
            row = after[name] if name in after else before[name]
            breaks = name in after and row["fails"]
            effect = Effect.BREAKS_CLIENTS if breaks else Effect.VISIBLE
            old, new = (
                rows[name]["severity"] if name in rows else None for rows in (before, after)
            )
            note = f"{row['sentence']} {row['place']}"
            yield Change(f"advice {name}", old, new, effect, note)

    def notes(self) -> Iterator[str]:
        """How the runs differ, and what is wrong with one."""
        for name in _RUN:
            if self.old.get(name) != self.new.get(name):
                yield f"the {name} differs: {self.old.get(name)} and {self.new.get(name)}"
        for file, report in zip(self.names, (self.old, self.new), strict=True):
            if report.get("fault"):
                yield f"{file}: the suite itself failed: {report['fault']}"
            for trouble in report.get("audit", {}).get("incomplete", ()):
                yield f"{file}: {trouble}"

    def _leave_out(self, reason: str, name: str) -> None:
        self.uncompared.setdefault(reason, Uncompared()).add(name)


#: What decides which requests a run sends.
_RUN = ("revision", "effort", "seed")
#: Reliability of a run that says nothing about it.
_NONE: Mapping[str, AnyJson] = {"answered": 0, "asked_again": [], "latency_ms": {}}


def _outcome(row: AnyJson) -> Outcome:
    """How a requirement came out, whether a baseline knows of it or not."""
    outcome = Outcome(row["outcome"])
    if outcome is not Outcome.KNOWN:
        return outcome
    if not row["violations"]:
        return Outcome.INCONCLUSIVE
    return Outcome.DIFFERS if row["level"] == "observed" else Outcome.FAILED


def _outcome_change(name: str, outcomes: tuple[Outcome, Outcome], row: AnyJson) -> Iterator[Change]:
    before, after = outcomes
    # `--fail-on-difference` makes a failure of a difference; the target is the same.
    if before is after or {before, after} == {Outcome.FAILED, Outcome.DIFFERS}:
        return
    effect = Effect.VISIBLE
    if after is Outcome.FAILED and before is Outcome.PASSED:
        effect = Effect.BREAKS_CLIENTS
    elif after is Outcome.PASSED and before is Outcome.INCONCLUSIVE:
        effect = Effect.HARMLESS
    note = row["reason"] or ""
    for violation in row["violations"][:1]:
        note = f"expected {violation['expected']}, received {violation['received']}"
    yield Change(name, before.value, after.value, effect, note)


def _without_messages(observed: str) -> str:
    """What was observed, of refusals the status and the code alone."""
    return _REFUSAL.sub(lambda found: f"{found[1]} {_CODE.findall(found[2])}", observed)


def _change(
    place: str, old: AnyJson, new: AnyJson, effect: Effect, note: str = ""
) -> Iterator[Change]:
    if old != new:
        yield Change(place, old, new, effect, note)


def _sent_again(reliability: AnyJson) -> int:
    return sum(row["requests"] for row in reliability["asked_again"])


def _by_id(rows: AnyJson) -> dict[str, AnyJson]:
    return {row["id"]: row for row in rows}
