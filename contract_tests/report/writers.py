"""Every form in which a report can be written to a file. A new one gets its line in the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import badge as report_badge
from . import behaviour as report_behaviour
from . import html_page as report_html
from . import json_report as report_json
from . import junit as report_junit
from . import markdown as report_markdown
from . import sarif as report_sarif
from .model import Report


@dataclass(frozen=True)
class Writer:
    """One form of the report."""

    #: What it is, for the help of the option.
    what: str
    write: Callable[[Report], str]


#: Name of the option, without its dashes -> the form that it asks for.
WRITERS: Mapping[str, Writer] = {
    "report-json": Writer("the report as JSON", report_json.write),
    "report-html": Writer("the report as one HTML page", report_html.write),
    "report-markdown": Writer("a summary in Markdown", report_markdown.write),
    "report-sarif": Writer("the violations as SARIF 2.1.0", report_sarif.write),
    "report-junit": Writer("the report as JUnit XML", report_junit.write),
    "behaviour-json": Writer("what was seen of each switch", report_behaviour.write),
    "badge-svg": Writer("the verdict as a badge", report_badge.write_svg),
    "badge-json": Writer("the verdict as an endpoint of shields.io", report_badge.write_json),
}


def save(report: Report, name: str, path: Path) -> None:
    """Write one form of the report."""
    write_file(path, WRITERS[name].write(report))


def write_file(path: Path, text: str) -> None:
    """Write a text; a reader of the file sees all of it or nothing. Raises `OSError`."""
    # A lone surrogate, which a target may send, is escaped as Python and JSON write it.
    content = text.encode("utf-8", "backslashreplace")
    if path.exists() and not path.is_file():
        # A device or a pipe, which no file may take the place of.
        path.write_bytes(content)
        return
    path = path.resolve()
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
