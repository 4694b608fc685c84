"""Blots a key out of whatever a target sends back, in each spelling that a reader could undo.

It is found in the bytes as they came: what is escaped for JSON, a URL or HTML is the key again as
soon as somebody reads the text.
"""

import base64
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

BLOT = b"[key]"
#: A shorter key is no secret, and stands in other texts by chance.
SHORTEST_SECRET = 8
#: What may stand between the digits of two letters.
_APART = b" :,-"
#: How an escape begins, or what UTF-16 has between two letters.
_ESCAPE = re.compile(rb"[\\%=&\0]|[ux]\{?0{0,6}[0-9a-f]{2}", re.IGNORECASE)
#: One letter: as it is or escaped, in UTF-8 or UTF-16. Repetitions have a limit, so that no text
#: takes the square of its length.
_LETTER = (
    rb"(?:\\{0,8}(?:%(plain)b|u\{?0{0,6}(?:%(hex)b)\}?|x(?:%(hex)b))|\\{1,8}0?(?:%(octal)b)"
    rb"|[%%=](?:25|3d){0,4}(?:%(hex)b)"
    rb"|&(?:amp;){0,4}#(?:0{0,6}(?:%(decimal)b)|x0{0,6}(?:%(hex)b));?)\0{0,3}"
)


def blot(text: bytes, key: str) -> bytes:
    """`text` without the key: in any case, escaped, reversed, in hexadecimal, base64 or base32.

    The key without its last letter is as secret.
    """
    if len(key) < SHORTEST_SECRET:
        return text
    spellings, escaped = _spellings(key)
    lowered = text.lower()
    searched = lowered + b"\n" + lowered.translate(None, _APART)
    # Few texts have any of the parts, and to make one pattern of a key takes longer than a request.
    there = [spelling for part, spelling in spellings if part in searched]
    if there or key.encode()[:-1].lower() in lowered or _ESCAPE.search(text):
        return re.sub(b"|".join([*there, escaped]), BLOT, text, flags=re.IGNORECASE)
    return text


def blot_text(text: str, *keys: str) -> str:
    """The same for a text and several keys."""
    blotted = text.encode("utf-8", "surrogatepass")
    for key in keys:
        blotted = blot(blotted, key)
    return blotted.decode("utf-8", "surrogatepass")


def blot_headers(headers: Mapping[str, str], without: Callable[[str], str]) -> dict[str, str]:
    """Headers without what `without` blots out of a text; in their names, too."""
    # Few headers have anything of it, and one long text takes less time than many short ones.
    whole = "\n".join([*headers, *headers.values()])
    if without(whole) == whole:
        return dict(headers)
    return {without(name): without(value) for name, value in headers.items()}


def blot_unknown(message: str) -> str:
    """A message without what looks like a key, since a key may be given where none belongs."""
    return re.sub(r"(?<![a-zA-Z])sk-[\w-]+", BLOT.decode(), message, flags=re.ASCII)


@lru_cache(maxsize=16)
def _spellings(key: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Patterns of the key, each with a part without which it is not there; and with escapes."""
    raw = key.encode()
    *letters, last = map(_letter, raw)
    # The whole before its front: what remains of a key must not be its last letter.
    both = (raw, raw[:-1])
    # Pairs may stand apart, as in a dump.
    apart = b"[%b]?" % re.escape(_APART)
    dumped = [(each.hex().encode(), apart.join(b"%02x" % code for code in each)) for each in both]
    based = [word for each in both for word in _base64(each)]
    twice = [word for each in based for word in _base64(each)]
    words = [*based, *twice, *(word for each in both for word in _base32(each))]
    # URLs have - and _ where others have + and /, and JSON may escape the latter.
    parts = [max(re.split(rb"[+/]", word), key=len).lower() for word in words]
    spellings = [re.sub(rb"[+/]", rb"\\\\{0,8}[-+/_]", word) for word in words]
    reversed_ = [(each[::-1].lower(), re.escape(each[::-1])) for each in both]
    escaped = b"".join(letters) + b"(?:%b)?" % last
    return [*dumped, *zip(parts, spellings, strict=True), *reversed_], escaped


def _letter(code: int) -> bytes:
    both = sorted({ord(chr(code).lower()), ord(chr(code).upper())})
    return _LETTER % {
        b"plain": re.escape(bytes([code])),
        b"hex": b"|".join(b"%x" % each for each in both),
        b"octal": b"|".join(b"%o" % each for each in both),
        b"decimal": b"|".join(b"%d" % each for each in both),
    }


def _base64(raw: bytes) -> list[bytes]:
    """What of the key shows in base64, wherever in the encoded bytes it begins."""
    return _in_digits(raw, base64.b64encode, group=3, bits=6)


def _base32(raw: bytes) -> list[bytes]:
    """The same for base32."""
    return _in_digits(raw, base64.b32encode, group=5, bits=5)


def _in_digits(
    raw: bytes, encode: Callable[[bytes], bytes], *, group: int, bits: int
) -> list[bytes]:
    """What `encode` makes of each `group` of bytes, in digits of so many `bits`.

    Digits at either end that hold bits of what stands beside the key are left out.
    """
    shown: list[bytes] = []
    for before in range(group):
        digits = encode(bytes(before) + raw)
        start, end = -(-8 * before // bits), 8 * (before + len(raw)) // bits
        shown.append(digits[start:end])
    return shown
