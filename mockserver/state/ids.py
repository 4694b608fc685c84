"""Ids, made from a time and a number."""

from datetime import datetime, timezone


def uuid7(now: float, number: int) -> str:
    """Return a version 7 UUID as 32 hexadecimal digits, unique for each number."""
    unique = number & (1 << 74) - 1
    high, low = unique >> 62, unique & (1 << 62) - 1
    return f"{int(now * 1000) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"


def page_id(now: float, number: int) -> str:
    """Return an id like the page's example: `rerank-20240115-abc123def456`."""
    day = datetime.fromtimestamp(now, timezone.utc)
    return f"rerank-{day:%Y%m%d}-{number & (1 << 48) - 1:012x}"
