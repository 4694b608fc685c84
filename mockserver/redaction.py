"""Remove keys from everything that is shown, wherever a client put them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

#: Shorter secrets are removed only where they were sent as secrets, not from other texts.
_SHORTEST = 4

#: The most secrets of one request; the longest are removed.
_MOST = 32


class Redactor:
    """Removes the secrets of one request from texts."""

    def __init__(self, request: Request, is_key: Callable[[str], bool]) -> None:
        self._is_key = is_key
        found = {*_of_headers(request.headers), *keys_in_url(request, is_key)}
        spellings = {s for secret in found for s in _spellings(secret) if len(s) >= _SHORTEST}
        # The longest first: a secret may contain another.
        secrets = sorted(spellings, key=lambda secret: (-len(secret), secret))[:_MOST]
        #: The length of the longest secret, in characters.
        self.longest = len(secrets[0]) if secrets else 0
        self._secrets = secrets

    def text(self, text: str) -> str:
        """Return the text without keys."""
        text = _without(text, self._secrets)
        return _KEY.sub(self._unless_harmless, text) if "sk-" in text else text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers without keys."""
        return {
            name: REDACTED if name in SECRET_HEADERS else self.text(value)
            for name, value in headers.items()
        }

    def query(self, query: str) -> str:
        """Return a query string without keys, encoded or not."""
        return "&".join(self._parameter(part) for part in query.split("&"))

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


def _without(text: str, secrets: Sequence[str]) -> str:
    """Return the text with each secret replaced by `REDACTED`, in the order of the secrets.

    A pattern of all secrets would compare them at each character, which takes quadratic time if
    they are long. Replacements are not searched again.
    """
    for number, secret in enumerate(secrets):
        if secret in text:
            pieces = text.split(secret)
            return REDACTED.join(_without(piece, secrets[number + 1 :]) for piece in pieces)
    return text


def keys_in_url(request: Request, is_key: Callable[[str], bool]) -> Iterator[str]:
    """Yield what is a key, or named like one, in query and path."""
    parameters = [part.partition("=") for part in request.query.split("&") if part]
    segments = [segment for segment in request.path.split("/") if segment]
    for name, value in [*((n, v) for n, _, v in parameters), *(("", s) for s in segments)]:
        for word in {value, unquote_plus(value)} - _PLAIN:
            if _is_secret(name) or is_key(word) or (_KEY.fullmatch(word) and len(word) >= _LONG):
                yield word


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name in SECRET_HEADERS.intersection(headers):
        for word in headers[name].split():
            if word.lower() not in _SCHEMES:
                yield word
                yield word.strip("\"'<>{}")
                # A cookie: its name is not secret.
                yield word.partition("=")[2].strip("\"';")


def _is_secret(name: str) -> bool:
    plain = unquote_plus(name).lower().replace("-", "").replace("_", "")
    return plain in _SECRET_PARAMETERS


def _spellings(secret: str) -> Iterable[str]:
    """Return the secret as it is, escaped for JSON, and encoded for a URL."""
    encodable = secret.encode(errors="replace").decode()
    return {secret, orjson.dumps(encodable).decode()[1:-1], quote(encodable)}
