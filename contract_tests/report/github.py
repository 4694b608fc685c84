"""What a run prints for a GitHub workflow: annotations on standard output, and the step summary."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..checks.violations import printable
from ..judging.outcomes import Outcome
from ..wording import counted
from . import markdown as report_markdown
from .model import TITLE, Report

#: Variable that names the file for the summary of a step.
SUMMARY = "GITHUB_STEP_SUMMARY"


def summary_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where the summary goes; None outside of a workflow."""
    return Path(environment[SUMMARY]) if environment.get(SUMMARY) else None


def summarize(report: Report, path: Path) -> None:
    """Add the report to what other tools have written of the same step."""
    with path.open("ab") as summary:
        summary.write(report_markdown.write(report).encode("utf-8", "backslashreplace"))


def annotations(report: Report) -> Iterator[str]:
    """One line for each requirement that is broken, and for each reason to be in doubt."""
    if report.fault:
        yield _annotation("error", "the suite itself failed", report.fault)
    for fault in report.faults:
        entry = fault.entry
        text = [entry.requirement.sentence, *fault.notes]
        for violation in entry.violations[:1]:
            text += [f"expected {violation.expected}", f"received {violation.received}"]
        kind = "warning" if entry.outcome is Outcome.DIFFERS else "error"
        yield _annotation(kind, entry.requirement.id, "\n".join(filter(None, text)))
    for deviation, why in report.lapsed:
        yield _annotation("error", f"baseline of {deviation.requirement}", why)
    for reason, entries in report.unjudged(Outcome.INCONCLUSIVE).items():
        title = f"{counted(len(entries), 'requirement')} inconclusive"
        yield _annotation("warning", title, reason)
    counts = [f"{count} {outcome.value}" for outcome, count in report.counts.items()]
    text = [f"{report.verdict.value}: {', '.join(counts)}", report.reliability]
    yield _annotation("notice", TITLE, "\n".join(filter(None, text)))


def _annotation(kind: str, title: str, message: str) -> str:
    """A command of a workflow; what would end the message is escaped."""
    message = printable(message, keep="\n")
    for sign in "%\n":
        message = message.replace(sign, f"%{ord(sign):02X}")
    return f"::{kind} title={title}::{message}"
