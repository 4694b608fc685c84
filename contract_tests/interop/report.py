"""What works with a target, for people and for programs."""

from collections.abc import Iterable, Iterator, Sequence

from ..checks.violations import printable
from ..report.json_report import to_text
from ..report.markdown import escape
from ..wording import counted
from .clients import Client
from .findings import Report, Row
from .tasks import TASKS, Outcome

VERSION = 1
_HEADS = ("client", "version", *(task.id for task in TASKS))
#: Outcome -> the word before the lines that explain it, from the worst. What works needs none, but
#: what users read where their key is refused may be of interest.
_WORDS = {
    Outcome.FAILS: "fails",
    Outcome.NOT_TRIED: "not tried",
    Outcome.NOT_APPLICABLE: "n/a",
    Outcome.WORKS: "note",
}


class Table:
    """A table that is printed as it grows: what it will hold at most is known before."""

    def __init__(self, clients: Sequence[Client]) -> None:
        names, versions = zip(*((client.name, client.version) for client in clients), strict=True)
        columns = [names, versions, *([outcome.value for outcome in Outcome] for _ in TASKS)]
        self._widths = [
            max(map(len, (head, *cells))) for head, cells in zip(_HEADS, columns, strict=True)
        ]

    @property
    def head(self) -> str:
        """The first line."""
        return self._line(_HEADS)

    def line(self, row: Row) -> str:
        """The line of a client."""
        return self._line(_cells(row))

    def _line(self, cells: Iterable[str]) -> str:
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, self._widths, strict=True))
        return "  ".join(padded).rstrip()


def explanations(report: Report) -> Iterator[str]:
    """What is to be said below the table, and the verdict."""
    if report.trouble:
        yield printable(f"inconclusive: {report.target}: {report.trouble}")
        return
    for task, why in report.skipped.items():
        yield printable(f"{'n/a':<9}  {task}: {why}")
    for outcome, word in _WORDS.items():
        for row in report.rows:
            for tasks, says in _reasons(row, outcome, report):
                yield printable(f"{word:<9}  {row.client.name}: {tasks}: {says}")
    yield ""
    yield f"{report.verdict.value}: {report.target}: {_summary(report)}"


def listing(clients: Iterable[Client]) -> Iterator[str]:
    """The clients, and what each needs."""
    for client in clients:
        driver = " ".join(client.driver)
        yield f"{client.name} {client.version}: {client.runtime}, {client.package} ({driver})"


def write_json(report: Report) -> str:
    """The report as `schemas/files/interop.json` describes it."""
    content = {
        "version": VERSION,
        "verdict": report.verdict.value,
        "reason": report.trouble,
        "target": report.target,
        "model": report.model,
        "tasks": [
            {"id": task.id, "title": task.title, "skipped": report.skipped.get(task.id, "")}
            for task in TASKS
        ],
        "clients": [
            {
                "name": row.client.name,
                "package": row.client.package,
                "version": row.client.version,
                "runtime": row.client.runtime,
                "tasks": [
                    {"id": task, "outcome": found.outcome.value, "says": found.says}
                    for task, found in row.found.items()
                ],
            }
            for row in report.rows
        ],
    }
    return to_text(content)


def write_markdown(report: Report) -> str:
    """The report as Markdown, as GitHub shows it."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield f"## rerank-contract interop: {report.verdict.value}"
    yield ""
    if report.trouble:
        yield f"{escape(report.target)}: {escape(report.trouble)}"
        return
    yield f"{escape(report.target)}: {_summary(report)}."
    yield ""
    yield f"| {' | '.join(map(escape, _HEADS))} |"
    yield "|" + "---|" * len(_HEADS)
    for row in report.rows:
        yield f"| {' | '.join(map(escape, _cells(row)))} |"
    yield ""
    for task, why in report.skipped.items():
        yield f"- n/a: {escape(task)}: {escape(why)}"
    for outcome, word in _WORDS.items():
        for row in report.rows:
            for tasks, says in _reasons(row, outcome, report):
                yield f"- {word}: {escape(row.client.name)}: {escape(f'{tasks}: {says}')}"


def _reasons(row: Row, outcome: Outcome, report: Report) -> Iterator[tuple[str, str]]:
    """The tasks that came out so, and how; those of one reason together."""
    grouped: dict[str, list[str]] = {}
    for task, found in row.found.items():
        if found.outcome is outcome and found.says and task not in report.skipped:
            grouped.setdefault(found.says, []).append(task)
    for says, tasks in grouped.items():
        yield ("all tasks" if len(tasks) == len(TASKS) else ", ".join(tasks)), says


def _cells(row: Row) -> tuple[str, ...]:
    outcomes = (found.outcome.value for found in row.found.values())
    return (row.client.name, row.client.version, *outcomes)


def _summary(report: Report) -> str:
    rows = report.rows
    failing = sum(row.has(Outcome.FAILS) for row in rows)
    untried = sum(row.has(Outcome.NOT_TRIED) and not row.has(Outcome.FAILS) for row in rows)
    idle = sum(
        all(each.outcome is Outcome.NOT_APPLICABLE for each in row.found.values()) for row in rows
    )
    works = len(rows) - failing - untried - idle
    parts = [f"{works} of {counted(len(rows), 'client')} {'works' if works == 1 else 'work'}"]
    parts += [f"{failing} {'fails' if failing == 1 else 'fail'}"] if failing else []
    parts += [f"{untried} could not be tried"] if untried else []
    parts += [f"{idle} {'has' if idle == 1 else 'have'} no means for any task"] if idle else []
    return ", ".join(parts)
