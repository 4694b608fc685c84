"""Bodies as recorders keep them, decoded: never more than a bound, however they are packed."""

import base64
import binascii
import importlib
import re
import zlib
from types import ModuleType

#: Longest body that is judged, in bytes, decoded.
LONGEST = 16 * 1024 * 1024
#: Content-Encoding -> the window that zlib wants; 32 takes a head of gzip or of zlib.
_WINDOWS = {"gzip": 32 + zlib.MAX_WBITS, "x-gzip": 32 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
#: How what is packed begins; without that a recorder has unpacked it already.
_BEGINNINGS = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "deflate": b"x"}
#: Content-Encoding -> the package that unpacks it, an extra of ours.
_PACKAGES = {"br": "brotli", "zstd": "zstandard"}
#: Charsets that a body is put back into; others take long, or are no charsets of the web.
_CHARSET = re.compile(
    r"charset=\"?(utf-(?:16|32)(?:le|be)?|(?:iso-8859|windows)-\d+|gb\w+|big5|euc-\w+|shift_jis)\b",
    re.IGNORECASE,
)
#: Bytes that zstandard is handed at a time; each of them may become 32 KB.
_STEP = 256


class BodyError(ValueError):
    """A body that is not there as it went over the wire; the message says why."""


def decoded(body: str | bytes, *, is_base64: bool, encoding: str) -> bytes:
    """The body as it is meant; `encoding` is its Content-Encoding. Raises `BodyError`."""
    if len(body) > 2 * LONGEST:
        raise BodyError(f"it is longer than {LONGEST:,} bytes")
    try:
        content = body if isinstance(body, bytes) else body.encode()
    except UnicodeEncodeError:
        raise BodyError("it has half of a character, which no body has") from None
    if is_base64:
        try:
            content = base64.b64decode(content)
        except binascii.Error:
            raise BodyError("it is not base64") from None
    names = _codings(encoding)
    name = names[0] if len(names) == 1 else ""
    if content.startswith(_BEGINNINGS.get(name, b"\0\0\0")):
        content = _unpacked(content, _WINDOWS[name])
    elif name in _PACKAGES and not _is_text(content):
        content = _unpacked_by(_PACKAGES[name], content, name)
    elif len(names) > 1 and not _is_text(content):
        raise BodyError("it is packed more than once, as its Content-Encoding says")
    elif name not in ("", *_WINDOWS) and not _is_text(content):
        raise BodyError("it is packed in a way that is not read")
    if len(content) > LONGEST:
        raise BodyError(f"it is longer than {LONGEST:,} bytes")
    return content


def _codings(encoding: str) -> list[str]:
    """The codings that a Content-Encoding lists, but for the one that changes nothing."""
    names = (name.strip().lower() for name in encoding.split(","))
    return [name for name in names if name not in ("", "identity")]


def as_sent(text: str, size: int, content_type: str) -> str | bytes:
    """The body that a recorder keeps as a text, which HAR has in UTF-8 whatever came over the wire.

    It is put back into the charset of its Content-Type where only so it has its recorded length.
    """
    named = _CHARSET.search(content_type)
    if not named or len(text) > LONGEST or len(text.encode("utf-8", "replace")) == size:
        return text
    # Without a byte order mark, UTF-16 of the web is little-endian.
    for charset in (named[1], f"{named[1]}-le"):
        try:
            sent = text.encode(charset)
        except (LookupError, UnicodeEncodeError):
            continue
        if len(sent) == size:
            return sent
    return text


def _unpacked(content: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        unpacked = unpacker.decompress(content, LONGEST + 1)
    except zlib.error:
        raise BodyError("it cannot be unpacked") from None
    if not unpacker.eof and len(unpacked) <= LONGEST:
        raise BodyError("it is packed, and ends too early")
    return unpacked


def _unpacked_by(package: str, content: bytes, name: str) -> bytes:
    try:
        module = importlib.import_module(package)
    except ImportError:
        module = None
    # An older brotli cannot stop in time.
    if module is None or (
        name == "br" and not hasattr(module.Decompressor, "can_accept_more_data")
    ):
        raise BodyError(f"it is packed with {name}, which is read if {package} is installed")
    error: type[Exception] = module.error if name == "br" else module.ZstdError
    try:
        unpacked, is_whole = (_of_brotli if name == "br" else _of_zstandard)(module, content)
    except error:
        raise BodyError("it cannot be unpacked") from None
    if not is_whole and len(unpacked) <= LONGEST:
        raise BodyError("it is packed, and ends too early")
    return unpacked


def _of_brotli(brotli: ModuleType, content: bytes) -> tuple[bytes, bool]:
    """A little more than the bound at most, and whether it was all."""
    unpacker = brotli.Decompressor()
    unpacked: bytes = unpacker.process(content, output_buffer_limit=LONGEST + 1)
    while len(unpacked) <= LONGEST and not unpacker.can_accept_more_data():
        unpacked += unpacker.process(b"", output_buffer_limit=LONGEST + 1)
    return unpacked, unpacker.is_finished()


def _of_zstandard(zstandard: ModuleType, content: bytes) -> tuple[bytes, bool]:
    """The same."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=LONGEST).decompressobj()
    unpacked = bytearray()
    for start in range(0, len(content), _STEP):
        if unpacker.eof or len(unpacked) > LONGEST:
            break
        unpacked += unpacker.decompress(content[start : start + _STEP])
    return bytes(unpacked), unpacker.eof


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
