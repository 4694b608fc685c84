"""Bodies that are packed with gzip or zlib, unpacked within a bound."""

import zlib

#: The window that zlib wants; 32 takes a head of gzip or of zlib.
_WINDOW = 32 + zlib.MAX_WBITS

#: How what is packed begins; without that it is not.
_BEGINNINGS = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "deflate": b"x"}

#: Codings that can be unpacked here.
KNOWN = frozenset(_BEGINNINGS)


class PackingError(ValueError):
    """A body that cannot be unpacked; the message says why."""


def is_packed(body: bytes, coding: str) -> bool:
    """Return whether a body with this Content-Encoding can be unpacked here."""
    return body.startswith(_BEGINNINGS.get(coding.strip().lower(), b"\0\0\0"))


def unpack(body: bytes, most: int) -> bytes:
    """Return what is packed, or so much that it is more than `most`. Raises `PackingError`."""
    unpacker = zlib.decompressobj(_WINDOW)
    try:
        found = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise PackingError("a body cannot be unpacked") from None
    if not unpacker.eof and len(found) <= most:
        raise PackingError("a packed body ends too early")
    return found
