"""The grades of a client, for people and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ..checks.violations import printable
from ..contract import AnyJson
from ..report.json_report import to_text
from .grading import Grade, Graded
from .scenarios import ClientScenario, version

VERSION = 1
#: Most characters of a body that are reported.
LONGEST = 2_000
_MARGIN = " " * 10


def title(scenario: ClientScenario) -> str:
    """A scenario in one line."""
    return f"{scenario.number:>3} {scenario.id}: {scenario.title}"


def line(graded: Graded) -> str:
    """One line for the grade in a scenario."""
    line = f"{_word(graded.grade):<8}{title(graded.scenario)}"
    reason = f" ({graded.reasons[0]})" if graded.grade is Grade.NOT_APPLICABLE else ""
    return printable(line + reason)


def failures(all_graded: Sequence[Graded], again: str) -> Iterator[str]:
    """What failed, in full; `again` is the command for one scenario, with ID in its place."""
    for graded in all_graded:
        if graded.grade is not Grade.FAILED:
            continue
        scenario = graded.scenario
        yield ""
        yield f"FAILED {title(scenario)}"
        yield from (printable(f"{'wrong:':<{len(_MARGIN)}}{reason}") for reason in graded.reasons)
        yield f"{'right:':<{len(_MARGIN)}}{scenario.right}"
        yield f"{'why:':<{len(_MARGIN)}}{scenario.why}"
        if scenario.known:
            yield f"{'known:':<{len(_MARGIN)}}{', '.join(scenario.known)}"
        for request in _requests(graded):
            yield printable(f"{'sent:':<{len(_MARGIN)}}{request['method']} {request['path']}")
            if request["body"]:
                yield printable(f"{'body:':<{len(_MARGIN)}}{_cut(request['body'], 200)}")
            yield f"{_MARGIN}answered with {request['status']}"
        if again:
            yield f"{'again:':<{len(_MARGIN)}}{again.replace(' ID ', f' {scenario.id} ', 1)}"


def summary(all_graded: Sequence[Graded]) -> str:
    """How many there are of each grade."""
    counts = _counts(all_graded)
    return ", ".join(f"{counts[grade]} {_word(grade)}" for grade in Grade if counts[grade])


def write(all_graded: Sequence[Graded]) -> str:
    """The grades as `schemas/client/grades.schema.json` describes them."""
    counts = _counts(all_graded)
    content: AnyJson = {
        "version": VERSION,
        "scenarios_version": version(),
        "counts": {grade.value: counts[grade] for grade in Grade},
        "grades": [_row(graded) for graded in all_graded],
    }
    return to_text(content)


def _row(graded: Graded) -> AnyJson:
    scenario = graded.scenario
    return {
        "number": scenario.number,
        "id": scenario.id,
        "grade": graded.grade.value,
        "reasons": list(graded.reasons),
        "title": scenario.title,
        "why": scenario.why,
        "known": list(scenario.known),
        "right": scenario.right,
        "requests": _requests(graded),
        "answer": graded.attempt.answer,
    }


def _requests(graded: Graded) -> list[dict[str, AnyJson]]:
    return [
        {
            "method": entry["method"],
            "path": entry["path"],
            "body": _cut(entry["body"], LONGEST),
            "status": entry["status"],
            "advice": [advice["id"] for advice in entry["advice"]],
        }
        for entry in graded.attempt.entries
    ]


def _counts(all_graded: Sequence[Graded]) -> Counter[Grade]:
    return Counter(graded.grade for graded in all_graded)


def _word(grade: Grade) -> str:
    return "n/a" if grade is Grade.NOT_APPLICABLE else grade.value


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
