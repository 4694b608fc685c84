"""Blots a key out of whatever a target sends back, in each spelling that a reader could undo.

It is found in the bytes as they came: what is escaped for JSON, a URL or HTML is the key again as
soon as somebody reads the text.
"""

import base64
import re
from functools import lru_cache

BLOT = b"[key]"
#: A shorter key is no secret, and stands in other texts by chance.
SHORTEST_SECRET = 8
#: One letter: as it is or escaped, in UTF-8 or UTF-16. Repetitions have a limit, so that no text
#: takes the square of its length.
_LETTER = (
    rb"(?:\\{0,8}(?:%(plain)b|u\{?0{0,6}(?:%(hex)b)\}?|x(?:%(hex)b)|0?(?:%(octal)b))"
    rb"|[%%=](?:25|3d){0,4}(?:%(hex)b)"
    rb"|&(?:amp;){0,4}#(?:0{0,6}(?:%(decimal)b)|x0{0,6}(?:%(hex)b));?)\0{0,3}"
)


def blot(text: bytes, key: str) -> bytes:
    """`text` without the key: in any case, escaped, in hexadecimal, or in base64.

    The key without its last letter is as secret.
    """
    return text if len(key) < SHORTEST_SECRET else _spellings(key).sub(BLOT, text)


def blot_text(text: str, *keys: str) -> str:
    """The same for a text and several keys."""
    blotted = text.encode("utf-8", "surrogatepass")
    for key in keys:
        blotted = blot(blotted, key)
    return blotted.decode("utf-8", "surrogatepass")


def blot_unknown(message: str) -> str:
    """A message without what looks like a key, since a key may be given where none belongs."""
    return re.sub(r"(?<![a-zA-Z])sk-[\w-]+", BLOT.decode(), message, flags=re.ASCII)


@lru_cache(maxsize=16)
def _spellings(key: str) -> re.Pattern[bytes]:
    raw = key.encode()
    *letters, last = map(_letter, raw)
    # The whole before its front: what remains of a key must not be its last letter.
    both = (raw, raw[:-1])
    # Pairs may stand apart, as in a dump.
    dumped = [b"[ :,-]?".join(b"%02x" % code for code in each) for each in both]
    # URLs have - and _ where others have + and /, and JSON may escape the latter.
    words = [word for each in both for word in _base64(each)]
    encoded = [*dumped, *(re.sub(rb"[+/]", rb"\\\\{0,8}[-+/_]", word) for word in words)]
    escaped = b"".join(letters) + b"(?:%b)?" % last
    return re.compile(b"|".join([*encoded, escaped]), re.IGNORECASE)


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
    whole = [base64.b64encode(bytes(before) + raw).rstrip(b"=") for before in range(3)]
    # Letters at either end that hold bits of what stands beside the key.
    starts, rest = (0, 2, 3), len(raw)
    return [
        word[start : len(word) - ((before + rest) % 3 > 0)]
        for before, (start, word) in enumerate(zip(starts, whole, strict=True))
    ]
