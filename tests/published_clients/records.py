"""What is recorded of the published clients, and how it is made.

`grades.json`, written by `python -m tests.published_clients`, has for each client the version, the
day, what it passed, and of each failure the reasons, the statuses that the mock answered the
requests with and what the client told, on CPython 3.11. `settings.json`, written by hand, has what
a library asks for when its base URL is set so.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract_tests.interop.clients import Client

from .clients import HERE, ROOT, environment, installed

GRADES = HERE / "grades.json"
GRADED = ("passed", "failed", "not_applicable")

#: What tries a setting.
TASK: dict[str, Any] = {
    "id": "setting",
    "model": "BAAI/bge-reranker-v2-m3",
    "query": "apple",
    "documents": ["banana", "apple", "fruit", "pear", "plum", "cherry"],
    "options": {},
    "timeout": 60,
}

#: What differs from run to run, and what stands for it.
_PASSING = (
    (re.compile(r"\b[0-9a-f]{32}\b"), "TRACE"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "DATE"),
    (re.compile(r"\b0x[0-9a-f]+\b"), "ADDRESS"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=port=)\d+"), "PORT"),
    (re.compile(re.escape(str(ROOT))), "ROOT"),
)


@dataclass(frozen=True)
class Setting:
    """A base URL that a library is given, and what follows; `…` stands for scheme and host."""

    client: str
    driver: Sequence[str]
    #: What the driver is given, to make `value` of it.
    base_url: str
    #: What is set, in Markdown.
    setting: str
    #: What it is set to.
    value: str
    #: The path that is asked for.
    asks: str
    status: int
    #: How many come for the six documents; 0 stands for an error.
    results: int


_ROWS: list[dict[str, Any]] = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
SETTINGS = [Setting(**row) for row in _ROWS]


def recorded() -> dict[str, Any]:
    """Return the recorded grades, by the name of the client."""
    read: dict[str, Any] = json.loads(GRADES.read_text(encoding="utf-8"))
    return read


def graded(client: Client, folder: Path) -> dict[str, Any]:
    """Let a client be graded; return what is to be recorded of it.

    A run that ended early has no grade for some scenarios: it raises `RuntimeError`.
    """
    report = folder / "grades.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "contract_tests", "client"),
            *("--report-json", str(report), "--", *installed(client)),
        ],
        check=False,  # a client that fails a scenario makes it fail
        cwd=ROOT,
        env=environment(client),
        capture_output=True,
        text=True,
    )
    if not report.exists():
        raise RuntimeError(f"{client.name}: exit code {done.returncode}\n{done.stderr}")
    rows = json.loads(report.read_text(encoding="utf-8"))["grades"]
    if ungraded := [row["id"] for row in rows if row["grade"] not in GRADED]:
        raise RuntimeError(f"{client.name}: no grade for {', '.join(ungraded)}")
    return {
        "version": client.version,
        "passed": [row["id"] for row in rows if row["grade"] == "passed"],
        "failed": {row["id"]: _failure(row) for row in rows if row["grade"] == "failed"},
        "not_applicable": {
            row["id"]: row["reasons"][0] for row in rows if row["grade"] == "not_applicable"
        },
    }


def _failure(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reasons": [lasting(reason) for reason in row["reasons"]],
        "statuses": [request["status"] for request in row["requests"]],
        "answer": _short(row["answer"]),
    }


def _short(answer: Mapping[str, Any] | None) -> object:
    """Return the ranking that a client told, or the message of its error."""
    if answer is None or "ranking" in answer:
        return answer and answer["ranking"]
    return lasting(answer["error"]["message"])[:200]


def lasting(text: str) -> str:
    """Return a text with words in place of what differs from run to run."""
    for pattern, word in _PASSING:
        text = pattern.sub(word, text)
    return text
