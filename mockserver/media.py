"""Images and videos: URLs or data URIs."""

import re
from typing import Literal, TypeAlias

#: What a text is instead of an image or a video: bare base64, a data URI that is broken, or neither
#: a URL nor a data URI, such as the path of a file.
Fault: TypeAlias = Literal["base64", "broken", "path"]

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_HEAD = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]*)*;base64,", re.IGNORECASE)

#: Shorter texts of these letters may be the path of a file.
_BASE64_LENGTH = 64


def fault_of(text: str) -> Fault | None:
    """Return what is wrong with an image or a video, or None."""
    start = text[:8].lower()
    if start.startswith(("http://", "https://")):
        return None
    if start.startswith("data:"):
        head = _HEAD.match(text)
        return None if head and _is_base64(text, head.end()) else "broken"
    return "base64" if len(text) >= _BASE64_LENGTH and _is_base64(text, 0) else "path"


def is_media(value: object) -> bool:
    """Return whether a value is an image or a video, as far as that can be seen."""
    return fault_of(value) is None if isinstance(value, str) else bool(value)


def _is_base64(text: str, start: int) -> bool:
    return (len(text) - start) % 4 == 0 and bool(_BASE64.fullmatch(text, start))
