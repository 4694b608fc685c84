"""Blots out parts of a key, in the spellings in which a whole key is found.

A gateway may show a key without its last letters, of which the rest tells too much.
"""

import base64
import binascii
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from ..redaction import BLOT, blot

#: A part is secret from so many letters in a row; masks such as `sk-…abcd` show fewer.
SECRET_PART = 12
#: What all keys of a service begin with.
_PREFIX = re.compile(rb"[A-Za-z]{2,4}[-_]")
#: One letter, escaped for JSON, a URL, a mail or HTML.
_ESCAPED = re.compile(
    rb"\\{1,8}(?:(?:u\{?0{0,6}|x)(?P<hex>[0-9a-f]{2})\}?|(?P<octal>[01]?[0-7]{2})|(?P<plain>.))"
    rb"|[%=](?:25|3d){0,4}(?P<percent>[0-9a-f]{2})"
    rb"|&(?:amp;){0,4}#(?:0{0,6}(?P<decimal>[0-9]{2,3})|x0{0,6}(?P<html>[0-9a-f]{2}));?",
    re.IGNORECASE | re.DOTALL,
)
#: Name of a group -> the base of its number.
_BASES = {"hex": 16, "octal": 8, "percent": 16, "decimal": 10, "html": 16}
#: Digits of hexadecimal that may stand apart, as in a dump; and those of base64 and base32.
_DUMPED = re.compile(rb"(?:[0-9a-f]{2}[ :,-]?){%d,}" % SECRET_PART, re.IGNORECASE)
_WORD = re.compile(rb"[\w+/-]{%d,}" % (SECRET_PART * 4 // 3), re.ASCII)
#: What a longer word may be is found out each time.
_REMEMBERED = 256


def blot_parts(text: bytes, key: str, *others: str) -> bytes:
    """`text` without the key and its parts; what others share with the key is no secret of it."""
    text, parts = blot(text, key), _parts(key, others)
    spans = [*_in_letters(text, parts), *_in_words(text, parts)] if parts else []
    for start, end in reversed(_merged(spans)):
        text = text[:start] + BLOT + text[end:]
    return text


def text_without_parts(text: str, key: str, *others: str) -> str:
    """The same for a text."""
    blotted = blot_parts(text.encode("utf-8", "surrogatepass"), key, *others)
    return blotted.decode("utf-8", "surrogatepass")


@lru_cache(maxsize=8)
def _parts(key: str, others: tuple[str, ...]) -> frozenset[bytes]:
    """The shortest parts that are secret, forwards and backwards, in lower case."""
    secret = key.encode()
    prefix = _PREFIX.match(secret)
    secret = secret[prefix.end() if prefix else 0 :].lower()
    starts = range(len(secret) - SECRET_PART + 1)
    parts = {secret[start : start + SECRET_PART] for start in starts}
    known = [other.encode().lower() for other in others]
    own = {part for part in parts if not any(part in other for other in known)}
    return frozenset({*own, *(part[::-1] for part in own)})


def _in_letters(text: bytes, parts: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Where parts stand letter by letter, as they are, between NULs, or escaped."""
    lowered = text.lower()
    yield from _found(lowered, parts, lambda place: place)
    if b"\0" in text:
        places = array("L", (place for place, code in enumerate(text + b"\1") if code))
        yield from _found(lowered.replace(b"\0", b""), parts, places.__getitem__)
    if not _ESCAPED.search(text):
        return
    plain, places, last = bytearray(), array("L"), 0
    for escape in _ESCAPED.finditer(text):
        plain += text[last : escape.start()]
        places.extend(range(last, escape.start()))
        name = escape.lastgroup or ""
        code = escape[name]
        plain += bytes([int(code, _BASES[name]) % 256]) if name in _BASES else code
        places.append(escape.start())
        last = escape.end()
    plain += text[last:]
    places.extend(range(last, len(text) + 1))
    yield from _found(bytes(plain).lower(), parts, places.__getitem__)


def _found(
    text: bytes, parts: Iterable[bytes], place_of: Callable[[int], int]
) -> Iterator[tuple[int, int]]:
    """Where parts stand; `place_of` says where a letter stands that was read."""
    for part in parts:
        start = text.find(part)
        while start >= 0:
            yield place_of(start), place_of(start + len(part))
            start = text.find(part, start + 1)


def _in_words(text: bytes, parts: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Where words and dumps are that have parts in hexadecimal, base64 or base32."""
    for pattern, read in ((_DUMPED, _of_dump), (_WORD, _of_word)):
        for word in pattern.finditer(text):
            hidden = (_hidden_again if len(word[0]) <= _REMEMBERED else _hidden)(read, word[0])
            if any(part in hidden for part in parts):
                yield word.span()


def _hidden(read: Callable[[bytes], Iterator[bytes]], word: bytes) -> bytes:
    """All that a word may be, in lower case."""
    return b"\n".join(read(word)).lower()


#: The same words stand in the headers of every message.
_hidden_again = lru_cache(maxsize=1024)(_hidden)


def _of_dump(dump: bytes) -> Iterator[bytes]:
    digits = re.sub(rb"[ :,-]", b"", dump)
    for start in range(2):
        yield bytes.fromhex(digits[start : len(digits) - (len(digits) - start) % 2].decode())


def _of_word(word: bytes, depth: int = 2) -> Iterator[bytes]:
    """What a word may be in base64, once and twice, or base32, wherever it begins."""
    standard = word.replace(b"-", b"+").replace(b"_", b"/")
    for start in range(4):
        digits = standard[start : len(standard) - (len(standard) - start) % 4 or None]
        whole = base64.b64decode(digits)
        rest = standard[start + len(digits) :]
        whole += base64.b64decode(rest.ljust(4, b"=")) if len(rest) > 1 else b""
        yield whole
        for inner in _WORD.findall(whole) if depth > 1 else ():
            yield from _of_word(inner, depth - 1)
    for start in range(8):
        digits = word[start:].upper()
        digits += b"A" * (-len(digits) % 8)
        try:
            yield base64.b32decode(digits)
        except binascii.Error:
            continue


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
