"""Bodies as recorders keep them, decoded: never more than a bound, however they are packed."""

import base64
import binascii
import zlib

#: Longest body that is judged, in bytes, decoded.
LONGEST = 16 * 1024 * 1024
#: Content-Encoding -> the window that zlib wants; 32 takes a head of gzip or of zlib.
_WINDOWS = {"gzip": 32 + zlib.MAX_WBITS, "x-gzip": 32 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
#: How what is packed begins; without that a recorder has unpacked it already.
_BEGINNINGS = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "deflate": b"x"}


class BodyError(ValueError):
    """A body that is not there as it went over the wire; the message says why."""


def decoded(body: str | bytes, *, is_base64: bool, encoding: str) -> bytes:
    """The body as it is meant; `encoding` is its Content-Encoding. Raises `BodyError`."""
    if len(body) > 2 * LONGEST:
        raise BodyError(f"it is longer than {LONGEST:,} bytes")
    content = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    if is_base64:
        try:
            content = base64.b64decode(content)
        except binascii.Error:
            raise BodyError("it is not base64") from None
    name = encoding.strip().lower()
    if content.startswith(_BEGINNINGS.get(name, b"\0\0\0")):
        content = _unpacked(content, _WINDOWS[name])
    elif name in ("br", "zstd") and not _is_text(content):
        raise BodyError(f"it is packed with {name}, which is not read")
    if len(content) > LONGEST:
        raise BodyError(f"it is longer than {LONGEST:,} bytes")
    return content


def _unpacked(content: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        unpacked = unpacker.decompress(content, LONGEST + 1)
    except zlib.error:
        raise BodyError("it cannot be unpacked") from None
    if not unpacker.eof and len(unpacked) <= LONGEST:
        raise BodyError("it is packed, and ends too early")
    return unpacked


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
