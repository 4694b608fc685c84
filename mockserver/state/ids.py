"""Ids, made from a time and a number, and the numbers that are drawn for them."""

import functools
import random
from datetime import datetime, timezone

# An odd factor permutes the numbers below any power of two, so none comes twice.
_SPREAD = 0x9E3779B97F4A7C15F39D


def distinct(seed: int, drawn: int) -> int:
    """Return the number that is drawn after `drawn` others."""
    return _offset(seed) + drawn * _SPREAD


@functools.cache
def _offset(seed: int) -> int:
    return random.Random(seed).getrandbits(74)  # noqa: S311 - ids are no secrets


def uuid7(now: float, number: int) -> str:
    """Return a version 7 UUID as 32 hexadecimal digits, unique for each number."""
    unique = number & (1 << 74) - 1
    high, low = unique >> 62, unique & (1 << 62) - 1
    return f"{int(now * 1000) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"


def page_id(now: float, number: int) -> str:
    """Return an id like the page's example: `rerank-20240115-abc123def456`."""
    day = datetime.fromtimestamp(now, timezone.utc)
    return f"rerank-{day:%Y%m%d}-{number & (1 << 48) - 1:012x}"
