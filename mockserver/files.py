"""Reading the files that a user names: any file may be anything, and of any length."""

import codecs
import os
import select
import stat
from pathlib import Path

#: The most bytes of a file, unless its reader allows more.
LONGEST = 16 * 1024 * 1024

#: How long to wait for what a process writes into a pipe, in seconds.
_PATIENCE = 60.0

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileError(ValueError):
    """A file that cannot be read; the message says why, without its name."""


def read_file(path: str | Path, most: int = LONGEST) -> bytes:
    """Return the text in a file as UTF-8, without a byte order mark. Raises `FileError`.

    UTF-16, as some editors write it, is known by its byte order mark.
    """
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 - the path may be a text
        content = _piped(path, most) if stat.S_ISFIFO(kind) else _stored(path, most)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise FileError("cannot be read: its name cannot be encoded") from None
    if len(content) > most:
        raise FileError(f"is longer than {most // 1024**2} MiB")
    try:
        if content.startswith(_UTF_16) and not content.startswith(codecs.BOM_UTF32_LE):
            return content.decode("utf-16").encode()
        text = content.removeprefix(codecs.BOM_UTF8)
        text.decode()
    except UnicodeError:
        raise FileError("is not text in UTF-8") from None
    if b"\0" in text:
        raise FileError("is not text in UTF-8: it has NUL characters, as UTF-16 has")
    return text


def _stored(path: str | Path, most: int) -> bytes:
    """Return what is in a file, or so much that it is more than `most`."""
    with Path(path).open("rb") as file:
        return file.read(most + 1)


def _piped(path: str | Path, most: int) -> bytes:
    """Return what is written into a pipe, likewise; opening it must not wait for a writer."""
    content = b""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while len(content) <= most:
            try:
                piece = os.read(descriptor, 64 * 1024)
            except BlockingIOError:
                if not select.select([descriptor], [], [], _PATIENCE)[0]:
                    raise FileError(f"is a pipe that was silent for {_PATIENCE:g} s") from None
                continue
            if not piece:
                break
            content += piece
    finally:
        os.close(descriptor)
    if not content:
        raise FileError("is a pipe that no process writes to")
    return content
