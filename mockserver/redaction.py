"""Remove keys from everything that is shown, wherever a client put them.

Removed are the keys of accounts and what a request sends as a secret, in any case, and as base64,
hexadecimal digits, URL and JSON with any escapes write them. Not removed: a key in pieces, or
encrypted.
"""

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from urllib.parse import quote, unquote_plus

import orjson

from .wire import Request

REDACTED = "[redacted]"

#: Headers whose whole value is secret.
SECRET_HEADERS = frozenset(
    {
        "api-key",
        "apikey",
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
    }
)

#: Parts of the name of a header whose whole value is secret, and names that only look like one.
_SECRET_NAME = re.compile(
    r"(^|[-_])(api)?(key|token|auth|authorization|secret|password|cookie|credentials?)($|[-_])"
)
_NO_SECRETS = frozenset({"idempotency-key", "x-idempotency-key", "sec-websocket-key"})

#: Parameters of a URL that are secret, in lower case and without `-` and `_`.
_SECRET_PARAMETERS = frozenset(
    {"accesstoken", "apikey", "auth", "authorization", "bearer", "key", "secret", "token"}
)

#: Authentication schemes in a header, which are not secret.
_SCHEMES = frozenset({"apikey", "basic", "bearer", "token"})

#: Common parts of URLs, which need no lookup.
_PLAIN = frozenset({"", "v1", "rerank", "models", "user", "info"})

#: What looks like a key: it counts as one if it is this long, or if the mock knows it.
_KEY = re.compile(r"sk-[\w-]+", re.ASCII)
_LONG = len("sk-") + 16

#: Shorter secrets are removed only where they were sent as secrets: not from heads, nor from
#: bodies, where a key such as `test` stands for itself.
_SHORTEST = 4
SHORTEST_IN_BODY = 8

#: The most secrets of one request; the longest are removed.
_MOST = 32


#: How many keys of accounts are remembered, and the longest in characters.
MOST_KEYS = 1000
LONGEST_KEY = 1000


class KnownKeys:
    """The keys that accounts have or had, which never leave this process."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._spellings: tuple[bytes, ...] | None = ()

    def add(self, key: str) -> None:
        """Remember a key, and forget the oldest if there are too many."""
        if key in self._keys or len(key) > LONGEST_KEY:
            return
        self._keys[key] = None
        if len(self._keys) > MOST_KEYS:
            del self._keys[next(iter(self._keys))]
        self._spellings = None

    @property
    def spellings(self) -> tuple[bytes, ...]:
        """All spellings of the keys, in lower case, the longest first."""
        found = self._spellings
        if found is None:
            found = self._spellings = _sorted(s for key in [*self._keys] for s in _spellings(key))
        return found


def without_keys(message: str) -> str:
    """Return a message without what looks like a key, known or not, or a password in a URL."""
    message = re.sub(r"(?<=://)\S*@", f"{REDACTED}@", message)
    return re.sub(f"(?<![a-zA-Z]){_KEY.pattern}", REDACTED, message, flags=re.ASCII)


class Redactor:
    """Removes the secrets of one request, and the known keys, from texts."""

    def __init__(
        self, request: Request, is_key: Callable[[str], bool], known: Sequence[bytes] = ()
    ) -> None:
        self._is_key = is_key
        found = {*secrets_in(request.headers), *keys_in_url(request, is_key)}
        most = sorted(found, key=lambda secret: (-len(secret), secret))[:_MOST]
        own = _sorted(s for secret in most for s in _spellings(secret))
        # The longest first: a secret may contain another.
        secrets = [*known, *own] if own else [*known]
        secrets.sort(key=len, reverse=True)
        #: The length of the longest secret, in bytes.
        self.longest = len(secrets[0]) if secrets else 0
        self._secrets = secrets
        #: How they begin. There are few ways, even if there are many secrets, and most texts have
        #: none of them.
        self._beginnings = {secret[:_SHORTEST] for secret in secrets}
        self._long = secrets[: bisect_right(secrets, -SHORTEST_IN_BODY, key=_shortness)]

    def text(self, text: str) -> str:
        """Return the text of a head without keys."""
        return self._without(text, self._secrets)

    def body(self, body: bytes) -> bytes:
        """Return a body without keys."""
        # Latin-1 gives each byte one character, and back.
        return self._without(body.decode("latin-1"), self._long, "latin-1").encode("latin-1")

    def _without(self, text: str, secrets: Sequence[bytes], encoding: str = "utf-8") -> str:
        raw = found = text.encode(encoding, "surrogatepass")
        lowered = raw.lower()
        if any(beginning in lowered for beginning in self._beginnings):
            found = _without(raw, secrets)
        if b"\\" in found:
            found = _without_escaped(found, secrets)
        text = text if found is raw else found.decode(encoding, "surrogatepass")
        return _KEY.sub(self._unless_harmless, text) if "sk-" in text else text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers without keys."""
        return {
            name: REDACTED if is_secret_header(name) else self.text(value)
            for name, value in headers.items()
        }

    def query(self, query: str) -> str:
        """Return a query string without keys, encoded or not."""
        return "&".join(self._parameter(part) for part in self.text(query).split("&"))

    def _parameter(self, part: str) -> str:
        name, separator, _ = part.partition("=")
        if separator and _is_secret(name):
            return f"{name}={REDACTED}"
        shown = self.text(part)
        decoded = unquote_plus(part)
        # The rest is re-encoded only if it contains an encoded key.
        return shown if self.text(decoded) == decoded else quote(self.text(decoded), safe="=[]")

    def _unless_harmless(self, match: re.Match[str]) -> str:
        word, start = match[0], match.start()
        before = match.string[max(start - 1, 0) : start]
        # After a letter it is part of a word, or of an escape such as \u82fa.
        is_long = len(word) >= _LONG and not (before.isascii() and before.isalpha())
        return REDACTED if is_long or self._is_key(word) else word


def _without(text: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return the text with each secret replaced by `REDACTED`, in the order of the secrets.

    A pattern of all secrets would compare them at each character, which takes quadratic time if
    they are long. Replacements are not searched again.
    """
    lowered = text.lower()
    for number, secret in enumerate(secrets):
        if secret in lowered:
            ends = [0]
            for piece in lowered.split(secret):
                ends.append(ends[-1] + len(piece) + len(secret))
            pieces = (text[start : end - len(secret)] for start, end in pairwise(ends))
            rest = secrets[number + 1 :]
            return REDACTED.encode().join(_without(piece, rest) for piece in pieces)
    return text


def _without_escaped(text: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return the text without secrets of which any characters are written as escapes of JSON."""
    plain = _ESCAPE.sub(_unescaped, text).lower()
    hidden = bytearray(len(plain))
    for secret in secrets:
        start = plain.find(secret)
        while start >= 0:
            end = start + len(secret)
            hidden[start:end] = b"x" * len(secret)
            start = plain.find(secret, end)
    if not any(hidden):
        return text
    # Where each character of the plain text begins in the text.
    places = [*(match.start() for match in _CHARACTER.finditer(text)), len(text)]
    pieces, end = list[bytes](), 0
    for run in re.finditer(b"x+", hidden):
        pieces += [text[places[end] : places[run.start()]], REDACTED.encode()]
        end = run.end()
    return b"".join([*pieces, text[places[end] :]])


#: The escapes of JSON for ASCII, one of them or else one byte.
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])|\\/")
_CHARACTER = re.compile(_ESCAPE.pattern + b"|.", re.DOTALL)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode()) if escape[1] else b"/"


def is_secret_header(name: str) -> bool:
    """Return whether the whole value of a header is secret; the name is in lower case."""
    return name in SECRET_HEADERS or (
        _SECRET_NAME.search(name) is not None and name not in _NO_SECRETS
    )


def keys_in_url(request: Request, is_key: Callable[[str], bool]) -> Iterator[str]:
    """Yield what is a key, or named like one, in query and path."""
    parameters = [part.partition("=") for part in request.query.split("&") if part]
    segments = [segment for segment in request.path.split("/") if segment]
    for name, value in [*((n, v) for n, _, v in parameters), *(("", s) for s in segments)]:
        for word in {value, unquote_plus(value)} - _PLAIN:
            if _is_secret(name) or is_key(word) or (_KEY.fullmatch(word) and len(word) >= _LONG):
                yield word


def secrets_in(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what the headers of a request send as a secret."""
    for name in filter(is_secret_header, headers):
        for word in headers[name].split():
            if word.lower() not in _SCHEMES:
                yield word
                yield word.strip("\"'<>{}")
                # A cookie: its name is not secret.
                yield word.partition("=")[2].strip("\"';")


def _is_secret(name: str) -> bool:
    plain = unquote_plus(name).lower().replace("-", "").replace("_", "")
    return plain in _SECRET_PARAMETERS


def _spellings(secret: str) -> Iterator[bytes]:
    """Yield the secret as it is, and as JSON, URLs, base64 and hexadecimal digits spell it."""
    if len(secret) < _SHORTEST:
        return
    raw = secret.encode(errors="replace")
    yield raw
    yield orjson.dumps(raw.decode())[1:-1]
    yield quote(raw).encode()
    yield quote(raw, safe="").encode()
    if len(raw) < SHORTEST_IN_BODY:
        return
    yield raw.hex().encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    # Base64 at each place in its groups of three bytes, without the characters at both ends that
    # depend on what stands beside the secret.
    for before in range(3):
        encode = base64.b64encode(b" " * before + raw)
        core = encode[-(-8 * before // 6) : (before + len(raw)) * 8 // 6]
        yield core
        yield core.translate(_URL_SAFE)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _sorted(spellings: Iterable[bytes]) -> tuple[bytes, ...]:
    lowered = {spelling.lower() for spelling in spellings}
    return tuple(sorted(lowered, key=lambda spelling: (-len(spelling), spelling)))


def _shortness(secret: bytes) -> int:
    return -len(secret)
