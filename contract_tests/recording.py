"""Records exchanges into an HTTP archive, HAR 1.2: `schemas/files/har.json`.

What is recorded is a `Request` and an `Answer`, neither of which can hold a key: the one names its
credential, and the target has blotted the other.
"""

import base64
import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, urlsplit

from .contract import AnyJson
from .exchanges import Answer, Request
from .targets import Target, UnreachableError
from .version import installed

#: What stands behind the last entry.
_END = b"\n]}}\n"
#: What is written for a cookie: it is as good as a key to whoever set it.
_COOKIE = "[cookie]"


class Archive:
    """A file that grows by one entry at a time, and can be opened at any moment.

    A write that is killed may be done in part. So there are two files, and each entry is written
    to the one that nobody sees, which then takes the name of the other.
    """

    def __init__(self, path: Path) -> None:
        """Replace the file. Raises `OSError`."""
        self._path = path.resolve()
        if path.exists() and not path.is_file():
            # A device must not be replaced.
            raise OSError(errno.EINVAL, "it is not a plain file")
        self._hidden, self._free = (
            self._path.with_name(f"{self._path.name}.partial-{number}") for number in (0, 1)
        )
        creator = {"name": "rerank-contract", "version": installed()}
        front = json.dumps({"log": {"version": "1.2", "creator": creator, "entries": []}})
        #: What the file that nobody sees lacks.
        self._lacking = b""
        self._is_empty = True
        self._lock = threading.Lock()
        #: Why nothing more is written; empty while all is well.
        self._trouble = ""
        self._remove()
        self._files = [self._path.open("wb", buffering=0), self._hidden.open("wb", buffering=0)]
        for file in self._files:
            _append(file, front.encode()[: -len("]}}")])
        self._swap()

    def add(self, entry: AnyJson) -> None:
        """Write one entry, unless writing has failed before."""
        # A lone surrogate is escaped as Python and JSON write it.
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace")
        with self._lock:
            if self._trouble:
                return
            text = (b"\n" if self._is_empty else b",\n") + text
            try:
                _append(self._files[1], self._lacking + text, len(_END))
                self._swap()
            except (FileExistsError, FileNotFoundError):
                self._trouble = "another run writes it too"
            except OSError as error:
                self._trouble = error.strerror or type(error).__name__
            self._lacking, self._is_empty = text, False

    def close(self) -> str:
        """Close the file; say why it does not have everything, or nothing where it has."""
        for file in self._files:
            file.close()
        self._remove()
        return f"it lacks the last exchanges: {self._trouble}" if self._trouble else ""

    def _swap(self) -> None:
        """Let the two files change their names, at no moment without one that is whole."""
        os.link(self._path, self._free)
        self._hidden.replace(self._path)
        self._hidden, self._free = self._free, self._hidden
        self._files.reverse()

    def _remove(self) -> None:
        for path in (self._hidden, self._free):
            path.unlink(missing_ok=True)


def _append(file: BinaryIO, text: bytes, over: int = 0) -> None:
    """Write over the last bytes of a file, and the end of an archive after that."""
    rest = memoryview(text + _END)
    file.seek(-over, os.SEEK_END)
    while rest:
        rest = rest[file.write(rest) or 0 :]


@dataclass(frozen=True)
class RecordedTarget:
    """A target whose exchanges are recorded."""

    target: Target
    archive: Archive
    #: The test that sends, and the requirements that it tries; empty before the first.
    test: str = ""
    requirements: Sequence[str] = ()
    #: Seconds since the epoch.
    now: Callable[[], float] = field(default=time.time)
    clock: Callable[[], float] = field(default=time.perf_counter)

    @property
    def base_url(self) -> str:
        """Where it is."""
        return self.target.base_url

    def send(self, request: Request) -> Answer:
        """Send one request, and record what came of it. Raises `UnreachableError`."""
        at, began = self.now(), self.clock()
        try:
            answer = self.target.send(request)
        except UnreachableError as error:
            self._record(request, Answer(0, {}, b"", cut=str(error)), at, self.clock() - began)
            raise
        self._record(request, answer, at, self.clock() - began)
        return answer

    def _record(self, request: Request, answer: Answer, at: float, seconds: float) -> None:
        entry = entry_of(self.base_url, request, answer, at, seconds)
        ours = {"_test": self.test, "_requirements": list(self.requirements)} if self.test else {}
        self.archive.add(entry | ours)


def entry_of(
    base_url: str, request: Request, answer: Answer, at: float, seconds: float
) -> dict[str, AnyJson]:
    """An exchange as an entry of HAR; it was sent `at`, in seconds since the epoch."""
    milliseconds = round(max(seconds, 0.0) * 1000, 3)
    sent = datetime.fromtimestamp(at, timezone.utc)
    return {
        "startedDateTime": sent.isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": _request(base_url, request),
        "response": _response(answer),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }


def _request(base_url: str, request: Request) -> AnyJson:
    url = base_url + request.path
    headers = list(request.headers)
    if request.credential.value is not None:
        headers.append(("authorization", request.credential.value))
    if request.content_type is not None:
        headers.append(("content-type", request.content_type))
    shown: AnyJson = {
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": _pairs(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(request.content or b""),
    }
    if request.content is not None:
        kind = request.content_type or ""
        shown["postData"] = {"mimeType": kind, **_content(request.content, "_encoding")}
    return shown


def _response(answer: Answer) -> AnyJson:
    headers = [
        (name, _COOKIE if name == "set-cookie" else value) for name, value in answer.headers.items()
    ]
    # Of an answer that was cut off nobody knows the size.
    size = -1 if answer.cut else len(answer.body)
    cut = {"_cut": answer.cut} if answer.cut and answer.status else {}
    lost = {} if answer.status else {"_error": answer.cut}
    kind = answer.headers.get("content-type", "")
    return {
        "status": answer.status,
        "statusText": _phrase(answer.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "content": {
            "size": len(answer.body),
            "mimeType": kind,
            **_content(answer.body, "encoding"),
            **cut,
        },
        "redirectURL": answer.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": size,
        **lost,
    }


def _content(body: bytes, encoding: str) -> dict[str, str]:
    """A body as text, or in base64, which the member `encoding` says then."""
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode(), encoding: "base64"}


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
