"""Says where in a message of HTTP a key stands, and how it is spelled there."""

import base64
import re
from collections.abc import Callable
from functools import partial

from ..redaction import SHORTEST_SECRET, blot
from .parts import SECRET_PART, blot_parts

_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/1\.\d")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?")


def place_of(messages: bytes, key: str, *others: str) -> str:
    """Such as `the header x-key, as base64`; empty where the key is in none of the messages.

    Neither is a part of it that others do not share.
    """
    has = partial(_has, key=key, others=others)
    if len(key) < SHORTEST_SECRET or not has(messages):
        return ""
    for line in messages.split(b"\r\n"):
        if has(line):
            is_whole = blot(line, key) != line
            spelling = _spelling(line, key) if is_whole else f"{SECRET_PART} letters of it or more"
            return f"{_part(line, has)}, {spelling}"
    return "the body, over several lines"


def _has(text: bytes, key: str, others: tuple[str, ...]) -> bool:
    return blot_parts(text, key, *others) != text


def _part(line: bytes, has: Callable[[bytes], bool]) -> str:
    if _REQUEST_LINE.match(line):
        return "the path of the URL" if has(line.partition(b"?")[0]) else "the query of the URL"
    if header := _HEADER.match(line):
        name = header[1].decode().lower()
        return "the name of a header" if has(header[1]) else f"the header {name}"
    return "the body"


def _spelling(line: bytes, key: str) -> str:
    raw = key.encode()
    if raw in line:
        return "as it is"
    if raw.lower() in line.lower():
        return "in another case"
    if raw[::-1].lower() in line.lower():
        return "reversed"
    if raw.hex().encode() in line.lower():
        return "in hexadecimal"
    for word in re.findall(rb"[A-Za-z0-9+/_-]+", line):
        standard = word.replace(b"-", b"+").replace(b"_", b"/")
        if raw in base64.b64decode(standard[: len(standard) // 4 * 4] + _rest(standard)):
            return "in base64"
    return "in another spelling"


def _rest(word: bytes) -> bytes:
    """The last digits of base64, with what fills them up."""
    rest = word[len(word) // 4 * 4 :]
    return rest.ljust(4, b"=") if len(rest) > 1 else b""
