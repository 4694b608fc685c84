"""What a row holds that nobody may see, and how it is blotted out.

A key is found in every spelling. That takes a pattern which is dear to make, so of what is longer
than a key, or one too many, only the word itself is found.
"""

import re
from urllib.parse import parse_qsl, urlsplit

from ..redaction import BLOT, SHORTEST_SECRET, blot
from .rows import Row

#: Parts of the names of headers and parameters whose values are secrets.
_SECRET = re.compile(r"key|token|secret|auth(?!or(?!iz))|cookie|password|credential")
#: What recorders write in place of a secret.
_HIDDEN = re.compile(
    r"\W*(redacted|filtered|removed|hidden|masked|key|dummy|x+|)\W*", re.IGNORECASE
)
#: What looks like a key, whoever may have it.
_KEY = re.compile(rb"(?<![A-Za-z])sk-[\w-]{16,}", re.ASCII)
#: Longest key that is found in every spelling, and most of them; most words that are found at all.
_LONGEST, _SPELT, _MOST = 200, 4, 100


def is_secret(name: str) -> bool:
    """Whether the value of a header or parameter is a secret."""
    return _SECRET.search(name.lower()) is not None


def is_hidden(value: str) -> bool:
    """Whether a recorder has put something in place of a secret."""
    return _HIDDEN.fullmatch((value.split() or [""])[-1]) is not None


class Secrets:
    """The secrets of one row."""

    def __init__(self, row: Row) -> None:
        given = [*row.headers.items(), *parse_qsl(urlsplit(row.url).query)]
        # The key of this API comes first, and cookies last, of which there are many.
        given.sort(key=lambda pair: (pair[0] != "authorization", "cookie" in pair[0]))
        words = dict.fromkeys(
            word
            for name, value in given
            if is_secret(name)
            for word in re.split(r"[\s;,=\"'<>]+", value)
            if len(word) >= SHORTEST_SECRET and not _HIDDEN.fullmatch(word)
        )
        kept = [*words][:_MOST]
        spelt = [word for word in kept if len(word) <= _LONGEST][:_SPELT]
        # The longest first: one may begin like another.
        self._spelt = sorted(spelt, key=len, reverse=True)
        self._plain = sorted({*kept} - {*spelt}, key=len, reverse=True)

    def blot(self, content: bytes) -> bytes:
        """A text without any of the secrets, and without what looks like a key."""
        return _KEY.sub(BLOT, self._without(content))

    def are_in(self, content: bytes, *values: str) -> bool:
        """Whether a text or a header has one of the secrets."""
        texts = [content, *(value.encode("utf-8", "surrogatepass") for value in values)]
        return any(self._without(text) != text for text in texts)

    def _without(self, content: bytes) -> bytes:
        for word in self._spelt:
            content = blot(content, word)
        for word in self._plain:
            content = content.replace(word.encode("utf-8", "surrogatepass"), BLOT)
        return content

    def blot_text(self, text: str) -> str:
        """The same for a text."""
        raw = text.encode("utf-8", "surrogatepass")
        return self.blot(raw).decode("utf-8", "surrogatepass")
