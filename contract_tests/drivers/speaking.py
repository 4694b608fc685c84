"""What every driver of a Python client says and hears: the protocol of `rerank-contract client`.

A driver hands over a function that calls its library; whatever that returns or raises is told.
"""

import contextlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """What is to be ranked, and where."""

    #: Ends in `/v1`, sometimes with a slash after it.
    base_url: str
    api_key: str
    model: str
    query: str
    documents: Sequence[str]
    #: Further fields of the request, such as `top_n`.
    options: Mapping[str, Any]
    #: Seconds.
    timeout: float
    #: Further headers of each request.
    headers: Mapping[str, str]

    @property
    def endpoint(self) -> str:
        """The URL of the endpoint, for a library that asks for the whole of it."""
        return f"{self.base_url.rstrip('/')}/rerank"

    @property
    def root(self) -> str:
        """The base URL for a library that adds `/v1` itself; a slash at its end stays there."""
        return re.sub(r"/v1(?=/?$)", "", self.base_url)


class NotApplicableError(Exception):
    """The library has no means for the task."""


def allow(task: Task, *sendable: str) -> None:
    """Refuse a task with an option that the library cannot send."""
    for name in task.options:
        if name not in sendable:
            raise NotApplicableError(f"no way to send {name}")


def answer(rank: Callable[[Task], Mapping[str, Any]], *, sends_headers: bool) -> None:
    """Read a task, let `rank` do it, and print what came of it as one line of JSON."""
    read = json.load(sys.stdin)
    task = Task(
        os.environ["RERANK_BASE_URL"],
        os.environ["RERANK_API_KEY"],
        *(read[name] for name in ("model", "query", "documents", "options", "timeout")),
        headers=json.loads(os.environ.get("RERANK_HEADERS", "{}")),
    )
    said: Mapping[str, Any]
    with contextlib.redirect_stdout(sys.stderr):  # libraries print
        try:
            if task.headers and not sends_headers:
                raise NotApplicableError("no way to send headers")
            said = rank(task)
        except NotApplicableError as reason:
            said = {"not_applicable": str(reason)}
        except Exception as error:  # noqa: BLE001 - whatever a library raises is its answer
            said = {"error": _told(error)}
    print(json.dumps(said))


def _told(error: Exception) -> dict[str, Any]:
    """Return an error as its user meets it: the last line of the traceback, and the status."""
    message = "".join(traceback.format_exception_only(error)).strip()
    status = getattr(error, "status_code", None)
    return {"message": message, **({"status": status} if isinstance(status, int) else {})}
