"""Recorded answers, read from an HTTP archive, HAR 1.2, of any tool: nothing in one is trusted."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, cast, get_args
from urllib.parse import urlsplit

import orjson

from ..contract import Contract
from ..files import FileError, read_file
from ..packing import KNOWN, PackingError, is_packed, unpack
from ..parsed_request import RerankRequest
from ..redaction import is_secret_header
from ..validation import MOST_VALUES, InputError, within
from ..wire import Json, Request, Response, WireError, load
from ..wording import count_of

#: The most bytes of a file, of one body in it, and of all bodies together, unpacked.
LONGEST = 128 * 1024 * 1024
LONGEST_BODY = 16 * 1024 * 1024
LONGEST_BODIES = 256 * 1024 * 1024

#: What becomes of a request that was not recorded: it is refused, or answered as usual.
Unrecorded: TypeAlias = Literal["refuse", "answer"]

#: Headers that belong to the connection on which an answer came, to the coding of its body, or to
#: the server that sent it.
_NOT_REPLAYED = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "trailer", "transfer-encoding"),
        *("alt-svc", "content-encoding", "content-length", "date", "server", "upgrade", "via"),
    }
)
_OURS = "x-rerank-mock-"
#: An escape in JSON; `half` of a surrogate pair is without the other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)
#: What is read for such a half: no character, and in no text.
_HALF = "\ufdd0"
#: Charsets that a body is put back into; others take long, or are no charsets of the web.
_CHARSET = re.compile(
    r"charset=\"?(utf-(?:16|32)(?:le|be)?|(?:iso-8859|windows)-\d+|gb\w+|big5|euc-\w+|shift_jis)\b",
    re.IGNORECASE,
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")


class RecordingError(InputError):
    """A file without recordings that can be replayed: what is wrong with it."""


class _LeftOutError(Exception):
    """An exchange with /rerank that cannot be replayed; the message says why."""


class Question(NamedTuple):
    """What a request means: equal ones ask the same, however they are written."""

    method: str
    #: `/rerank`, or `/rerank/`.
    path: str
    media_type: str
    #: The JSON, with the defaults that the page names; or the text, if it is not JSON.
    body: Json

    @property
    def key(self) -> bytes:
        """The same for equal ones."""
        return orjson.dumps([*self], option=orjson.OPT_SORT_KEYS)


class Recording(NamedTuple):
    """A recorded request, and its answer."""

    #: Where it stands: `entry 3`.
    place: str
    question: Question
    response: Response


@dataclass(frozen=True, eq=False)
class Recordings:
    """What a file has recorded."""

    #: The name of the file.
    source: str
    rows: tuple[Recording, ...]
    #: Why an exchange with /rerank is left out -> how many are.
    left_out: Mapping[str, int]

    @property
    def summary(self) -> str:
        """How many there are, and how many exchanges are left out, in one line."""
        reasons = "".join(f"; {n} left out: {reason}" for reason, n in self.left_out.items())
        return f"{self.source}: {count_of(len(self.rows), 'recording')}{reasons}"


def read_unrecorded(value: object) -> Unrecorded:
    """Return a value of `Unrecorded`. Raises `RecordingError`."""
    if value not in get_args(Unrecorded):
        known = " or ".join(get_args(Unrecorded))
        raise RecordingError(f"unrecorded is {known}, not {value!r}")
    return cast("Unrecorded", value)


def is_asked(request: Request) -> bool:
    """Return whether a request may be answered from recordings."""
    return request.path in ("/v1/rerank", "/v1/rerank/") and request.method != "OPTIONS"


def question_of(contract: Contract, request: Request) -> Question:
    """Return what a request asks."""
    sent = RerankRequest(request.body)
    body = sent.body
    if isinstance(body, dict):
        form = contract.form_of(contract.models.get(sent.model or ""))
        body = {name: _plain(value) for name, value in {**form.defaults, **body}.items()}
    elif sent.problem is not None:
        body = request.body.decode("latin-1")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    path = "/rerank/" if request.path.endswith("/") else "/rerank"
    return Question(request.method, path, kind or "application/json", body)


def _plain(value: Json) -> Json:
    """Return a number without a fraction as an integer: JSON does not tell them apart."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def load_recordings(path: str | Path, contract: Contract) -> Recordings:
    """Read recordings from a file. Raises `RecordingError`, which names the file."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return _read(path, contract)
    return _kept(Path(path), (found.st_ino, found.st_mtime_ns, found.st_size), contract)


@cache
def _kept(path: Path, _version: tuple[int, ...], contract: Contract) -> Recordings:
    """Read a file once: each test that names it has recordings of its own otherwise."""
    return _read(path, contract)


def _read(path: str | Path, contract: Contract) -> Recordings:
    try:
        archive = _load(read_file(path, LONGEST))
    except (FileError, WireError) as error:
        reason = str(error)
        raise RecordingError(reason[:1].lower() + reason[1:], source=path) from None
    with within(source=path):
        return _recordings(archive, Path(path).name, contract)


def _load(content: bytes) -> Json:
    """Return the JSON, with a mark for half of a surrogate pair. Raises `WireError`."""
    try:
        return load(content, most=MOST_VALUES)
    except WireError:
        marked = _ESCAPE.sub(_without_half, content)
        if marked == content:
            raise
        return load(marked, most=MOST_VALUES)


def _without_half(escape: re.Match[bytes]) -> bytes:
    return _HALF.encode("ascii", "backslashreplace") if escape["half"] else escape[0]


def _recordings(archive: Json, source: str, contract: Contract) -> Recordings:
    entries = _member(_member(archive, "log"), "entries")
    if not isinstance(entries, list):
        raise RecordingError("is not an HTTP archive (HAR): it has no array $.log.entries")
    rows: list[Recording] = []
    left_out: Counter[str] = Counter()
    size = 0
    for number, entry in enumerate(cast("list[Json]", entries), 1):
        try:
            if row := _recording(entry, f"entry {number}", contract):
                rows.append(row)
                size += len(row.response.body)
        except _LeftOutError as reason:
            left_out[str(reason)] += 1
        if size > LONGEST_BODIES:
            raise RecordingError(f"its answers have more than {LONGEST_BODIES // 1024**2} MiB")
    if not rows:
        why = "".join(f"; {n} left out: {reason}" for reason, n in left_out.items())
        raise RecordingError(f"has no answer of /rerank that can be replayed{why}")
    return Recordings(source, tuple(rows), left_out)


def _recording(entry: Json, place: str, contract: Contract) -> Recording | None:
    """Return an entry; None if it is not for /rerank. Raises `_LeftOutError`."""
    request, response = _member(entry, "request"), _member(entry, "response")
    path = _path(_text(request, "url"))
    _, found, after = path.rpartition("/rerank")
    if not found or after not in ("", "/") or _text(request, "method") in ("", "OPTIONS"):
        return None
    status = _member(response, "status")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise _LeftOutError("no answer came")
    if _member(entry, "_source") == "mock":
        raise _LeftOutError("a mock answered in place of the service")
    if status == 401:
        raise _LeftOutError("the key was refused")
    headers = _headers(_member(request, "headers"))
    posted, content = _member(request, "postData"), _member(response, "content")
    sent = _body(posted, _number(request, "bodySize"), headers)
    headers.setdefault("content-type", _text(posted, "mimeType"))
    asked = Request(_text(request, "method").upper(), f"/v1/rerank{after}", "", headers, sent)
    answered = _headers(_member(response, "headers"))
    # These have no body, whatever a recorder has written there.
    body = b"" if status in (204, 304) else _body(content, _number(content, "size"), answered)
    answered.setdefault("content-type", _text(content, "mimeType"))
    kept = {name: value for name, value in answered.items() if value and _is_replayed(name)}
    return Recording(place, question_of(contract, asked), Response(status, kept, body))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _is_replayed(name: str) -> bool:
    return not (name in _NOT_REPLAYED or name.startswith(_OURS) or _is_private(name))


def _is_private(name: str) -> bool:
    return name == "set-cookie" or is_secret_header(name)


def _headers(pairs: Json) -> dict[str, str]:
    """Return headers that can be sent; names in lower case."""
    headers: dict[str, str] = {}
    for pair in _items(pairs):
        name, value = _text(pair, "name").lower(), _text(pair, "value")
        if _HEADER.fullmatch(name) and value.isascii() and value.isprintable():
            is_more = name == "content-encoding" and name in headers
            headers[name] = f"{headers[name]}, {value}" if is_more else value
    return headers


def _body(content: Json, size: float, headers: Mapping[str, str]) -> bytes:
    """Return a body as it is meant. Raises `_LeftOutError`."""
    if _member(content, "_cut"):
        raise _LeftOutError("the recorder has cut a body")
    text = _member(content, "text")
    if not isinstance(text, str):
        if size > 0:
            raise _LeftOutError("the recorder left out a body")
        return b""
    if _HALF in text:
        raise _LeftOutError("a body has half of a character, which no body has")
    body = _as_sent(text, size, headers.get("content-type", ""))
    if "base64" in (_member(content, "encoding"), _member(content, "_encoding")):
        try:
            body = base64.b64decode(body)
        except binascii.Error:
            raise _LeftOutError("a body is not base64") from None
    codings = _codings(headers.get("content-encoding", ""))
    coding = codings[0] if len(codings) == 1 else ""
    if is_packed(body, coding):
        try:
            body = unpack(body, LONGEST_BODY)
        except PackingError as error:
            raise _LeftOutError(str(error)) from None
    elif coding in ("br", "zstd") and not _is_text(body):
        raise _LeftOutError(f"a body is packed with {coding}")
    elif len(codings) > 1 and not _is_text(body):
        raise _LeftOutError("a body is packed more than once, as its Content-Encoding says")
    elif coding not in ("", *KNOWN) and not _is_text(body):
        raise _LeftOutError("a body is packed in a way that is not read")
    if len(body) > LONGEST_BODY:
        raise _LeftOutError(f"a body is longer than {LONGEST_BODY // 1024**2} MiB")
    return body


def _codings(encoding: str) -> list[str]:
    """Return the codings that a Content-Encoding lists, but for the one that changes nothing."""
    names = (name.strip().lower() for name in encoding.split(","))
    return [name for name in names if name not in ("", "identity")]


def _as_sent(text: str, size: float, content_type: str) -> bytes:
    """Return the bytes of a text, which an archive has in UTF-8 whatever came over the wire.

    They are those of the charset that its Content-Type names if only these are `size` bytes.
    """
    body, named = text.encode(), _CHARSET.search(content_type)
    if named is None or len(body) == size or len(body) > LONGEST_BODY:
        return body
    # UTF-16 without a byte order mark is taken as little-endian, as browsers do.
    for charset in (named[1], f"{named[1]}-le"):
        try:
            sent = text.encode(charset)
        except (LookupError, UnicodeEncodeError):
            continue
        if len(sent) == size:
            return sent
    return body


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _member(value: Json, name: str) -> Any:  # noqa: ANN401 - any JSON
    return value.get(name) if isinstance(value, dict) else None


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json, name: str) -> str:
    found = _member(value, name)
    return found if isinstance(found, str) else ""


def _number(value: Json, name: str) -> float:
    found = _member(value, name)
    return cast("float", found) if type(found) in (int, float) else 0.0
