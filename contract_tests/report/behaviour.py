"""What was seen of each switch, as a file that `rerank-mock serve --behaviour` takes."""

from datetime import datetime, timezone

from ..contract import AnyJson
from ..judging.connection import seen
from ..judging.probes import Sighting
from .json_report import to_text
from .model import Report
from .reproduction import brief_curl

VERSION = 1


def write(report: Report) -> str:
    """The observation as `schemas/files/observation.json` describes it.

    A switch that not all answers show alike has none for the mock, which keeps its own then.
    """
    constant = {
        name: [*values]
        for name, values in report.switches.items()
        if len(values) == 1 and name not in report.unlike
    }
    content: AnyJson = {
        **{name: _value(report, name, value) for name, (value,) in constant.items()},
        "observed": {
            "version": VERSION,
            "revision": report.contract.revision,
            "target": report.target,
            "switches": {name: _switch(report, name) for name in report.switches},
        },
    }
    return to_text(content)


def _switch(report: Report, name: str) -> AnyJson:
    unlike = report.unlike.get(name)
    values = report.switches[name].items()
    return {
        "question": report.contract.switches[name].question,
        "values": [
            {"value": _value(report, name, value), **_evidence(report, shown)}
            for value, shown in values
        ],
        **_accepted(report, name),
        "unlike": _evidence(report, unlike) if unlike else None,
        "shown_by": report.shown_by(name),
    }


def _value(report: Report, name: str, value: str) -> str | int:
    return value if report.contract.switches[name].exceeded is None else int(value)


def _accepted(report: Report, name: str) -> AnyJson:
    """The largest number that was accepted, for a switch that is one."""
    if name not in report.accepted:
        return {}
    number, shown = report.accepted[name]
    return {"accepted": {"number": number, **_evidence(report, shown)}}


def _evidence(report: Report, sighting: Sighting) -> AnyJson:
    last = datetime.fromtimestamp(sighting.at, timezone.utc)
    return {
        "times": sighting.times,
        "last_seen": last.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "request": brief_curl(report, sighting.exchange.request, "cut"),
        "status": sighting.exchange.answer.status,
        "answer": seen(sighting.exchange.answer),
    }
