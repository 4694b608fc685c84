"""Reads files of recorded traffic, and makes of each row what can be judged, without its keys."""

import codecs
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..contract import AnyJson
from ..exchanges import Answer, Credential, Layout, Request, is_object, parse_json
from ..files import UTF_16
from ..redaction import blot_headers
from . import cassettes
from .bodies import BodyError, as_sent, decoded
from .json_array import JsonArray, JsonError, TooLong
from .rows import READERS, Body, Row, RowError
from .secrets import Secrets, is_hidden, is_secret

#: The words of an Authorization header that are no secrets.
_SCHEMES = ("bearer", "basic", "token")
#: Earliest and latest time that the mock takes, in seconds since the epoch.
_TIMES = (0.0, 253402300799.0)


class RecordingError(ValueError):
    """A file that cannot be read, or not to its end; the message says where and why."""


@dataclass(frozen=True)
class Recorded:
    """An exchange with `/rerank` that was recorded."""

    #: Where it stands, such as `run.har, entry 3`.
    place: str
    #: What stands before `/rerank`, the same for equal ones.
    base_url: str
    request: Request
    answer: Answer
    #: Why the answer cannot be judged; empty where it can.
    unjudged: str
    #: The request as the mock takes it for advice.
    sent: Mapping[str, AnyJson]
    #: Ids of the advice that the recording does not bear out.
    unadvised: frozenset[str]
    #: From when to when it was under way, in seconds since the epoch; None where that is not known.
    span: tuple[float, float] | None


@dataclass
class Tally:
    """How much was read."""

    #: Rows that were read.
    rows: int = 0
    #: Why a row was not judged -> how many were not.
    skipped: Counter[str] = field(default_factory=Counter[str])


def read(path: Path, tally: Tally, progress: Callable[[int], None]) -> Iterator[Recorded]:
    """The exchanges with `/rerank` in a file. Raises `RecordingError` where it ends too early."""
    number = 0

    def rows() -> Iterator[tuple[str, AnyJson, str]]:
        nonlocal number
        for number, (reader, row) in enumerate(_rows(path, progress), 1):
            yield reader, row, f"{path}, entry {number}"

    try:
        yield from judgeable(rows(), tally)
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from None
    except (JsonError, cassettes.CassetteError) as error:
        where = f" after entry {number}" if number else ""
        raise RecordingError(f"{path} {error}{where}") from None


def judgeable(rows: Iterable[tuple[str, AnyJson, str]], tally: Tally) -> Iterator[Recorded]:
    """The exchanges with `/rerank` among rows: what reads a row, the row, and its place."""
    for reader, row, place in rows:
        tally.rows += 1
        try:
            if isinstance(row, TooLong):
                raise RowError("it is too long")
            found = _recorded(READERS[reader](row), place)
        except RowError as error:
            tally.skipped[f"{error}"] += 1
            continue
        if found is None:
            tally.skipped["it is not for /rerank"] += 1
        else:
            yield found


def _rows(path: Path, progress: Callable[[int], None]) -> Iterator[tuple[str, AnyJson]]:
    """Each row, with the name of what it is read by."""
    with path.open("rb") as file:
        beginning = file.read(64)
        file.seek(0)
        if is_wide := beginning.startswith(UTF_16):
            beginning = beginning.decode("utf-16", "replace").encode()
        if beginning.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
            readable = codecs.EncodedFile(file, "utf-8", "utf-16") if is_wide else file
            array = JsonArray(readable, progress)
            for row in array.members():
                yield array.path[0] if array.path else _kind(row), row
            array.finish()
            return
    for row in cassettes.interactions(path):
        yield "interactions", row
    progress(path.stat().st_size)


def _kind(row: AnyJson) -> str:
    """What reads a row of an array without a name."""
    is_har = is_object(row) and "request" in row and "method" not in row
    return "log" if is_har else "entries"


def _recorded(row: Row, place: str) -> Recorded | None:
    """What is to be judged of a row; None where it is not for `/rerank`. Raises `RowError`."""
    try:
        url = urlsplit(row.url)
    except ValueError:
        raise RowError("its URL is none") from None
    before, found, after = url.path.rpartition("/rerank")
    if not found or after not in ("", "/"):
        return None
    if row.method.upper() == "OPTIONS" and row.status < 400:
        raise RowError("it is a preflight of a browser")
    secrets = Secrets(row)
    try:
        body = secrets.blot(_content(row.body, row.headers))
    except BodyError as error:
        raise RowError(f"the body of its request cannot be judged: {error}") from None
    answer, unjudged = _answer(row, secrets)
    address, before = map(secrets.blot_text, (url.netloc.rpartition("@")[2], before))
    is_json, value = parse_json(body)
    request = Request(
        (value if is_json else body) if body else None,
        row.method.upper(),
        f"/rerank{after}",
        Credential.KEY,
        row.headers.get("content-type"),
        # What was escaped may be a lone surrogate, which cannot be written otherwise.
        Layout(escaped=b"\\u" in body),
        base_url=f"{url.scheme}://{address}{before}",
    )
    base_url = _same(url.scheme, address, before)
    sent = _sent(row, before + found + after, body, secrets) | _outcome(row, base_url, place)
    # An answer that is played again comes with the id that was recorded.
    at = None if row.source == "recording" else row.at
    span = None if at is None else (at, at + row.milliseconds / 1000)
    return Recorded(
        place, base_url, request, answer, unjudged, sent, frozenset(_unadvised(row)), span
    )


def same_base_url(base_url: str) -> str:
    """The base URL, the same for equal ones: case and the usual port do not count.

    Raises `ValueError` where it is none.
    """
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(base_url)
    return _same(url.scheme, url.netloc, url.path)


def _same(scheme: str, address: str, path: str) -> str:
    usual = {"http": ":80", "https": ":443"}.get(scheme, "")
    return f"{scheme}://{address.lower().removesuffix(usual)}{path.rstrip('/')}"


def _unadvised(row: Row) -> Iterator[str]:
    """Advice that needs more than was recorded, or that the answer refutes."""
    if "authorization" not in row.headers:
        # Many recorders leave it out.
        yield "key_unknown"
    if 200 <= row.status < 300:
        # A gateway has names of its own.
        yield "unknown_model"


def _answer(row: Row, secrets: Secrets) -> tuple[Answer, str]:
    """The answer without keys, and why it cannot be judged."""
    raw = {name: value for name, value in row.response_headers.items() if name != "set-cookie"}
    headers = blot_headers(raw, secrets.blot_text)
    if row.source == "mock":
        reason = "the mock answered in place of the service"
        return Answer(row.status, headers, b"", cut=reason), reason
    if not row.status:
        return Answer(0, {}, b"", cut="no answer was recorded"), "no answer was recorded"
    try:
        content = _content(row.response_body, raw)
    except BodyError as error:
        reason = f"the body of its answer cannot be judged: {error}"
        return Answer(row.status, headers, b"", cut=str(error)), reason
    body = secrets.blot(content)
    answer = Answer(row.status, headers, body, secrets.are_in(content, *raw.values()))
    if not answer.is_json and len(content) < row.response_body.size:
        return answer, "the body of its answer is shorter than the recording says"
    return answer, ""


def _content(body: Body, headers: Mapping[str, str]) -> bytes:
    """A body, decoded. Raises `BodyError`."""
    if body.cut:
        raise BodyError(body.cut)
    content, encoding = body.content or b"", headers.get("content-encoding", "")
    if isinstance(content, str) and not body.is_base64:
        content = as_sent(content, body.size, headers.get("content-type", ""))
    return decoded(content, is_base64=body.is_base64, encoding=encoding)


def _sent(row: Row, path: str, body: bytes, secrets: Secrets) -> dict[str, AnyJson]:
    """The request as the mock takes it.

    Where the answer shows that path and key were right, they are given as the contract has them:
    a gateway may be mounted anywhere, and recorders leave out keys.
    """
    is_right = 200 <= row.status < 300
    shown = {name: value for name, value in row.headers.items() if not is_secret(name)}
    headers = blot_headers(shown, secrets.blot_text)
    given = row.headers.get("authorization", "")
    is_judged = row.status == 401 and not is_hidden(given)
    headers["authorization"] = _reshaped(given) if is_judged else "Bearer key"
    headers.setdefault("content-type", "application/json")
    sent: dict[str, AnyJson] = {
        "method": row.method.upper(),
        "path": "/v1/rerank" if is_right else _from_v1(path),
        "query": secrets.blot_text(urlsplit(row.url).query),
        "headers": headers,
    }
    try:
        sent["body"] = body.decode()
    except UnicodeDecodeError:
        sent |= {"body": b64encode(body).decode(), "encoding": "base64"}
    return sent


def _outcome(row: Row, base_url: str, place: str) -> dict[str, AnyJson]:
    """What became of the request, as the mock takes it; nothing where that is not known."""
    if row.at is None or not row.status:
        return {}
    given = row.headers.get("authorization", "")
    if is_hidden(given):
        # Where a key was refused that is not to be seen, the next one may be another.
        given = place if row.status == 401 else ""
    return {
        "caller": f"{hash((base_url, given)):x}",
        "at": min(max(row.at, _TIMES[0]), _TIMES[1]),
        "milliseconds": row.milliseconds,
        "status": row.status,
        "response_headers": {
            name: value
            for name, value in row.response_headers.items()
            if name in ("retry-after", "location")
        },
    }


def _reshaped(authorization: str) -> str:
    """The header with its words and signs, but no secret in it."""
    return re.sub(
        r"[\w.+/-]+",
        lambda word: word[0] if word[0].lower() in _SCHEMES else "key",
        authorization,
        flags=re.ASCII,
    )


def _from_v1(path: str) -> str:
    """The path without what a gateway is mounted at."""
    mounted, found, rest = path.partition("/v1/")
    return f"/v1/{rest}" if found and mounted.strip("/") else path
