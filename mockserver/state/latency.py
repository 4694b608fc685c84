"""How long answers to an account take: always the same, or drawn."""

from collections.abc import Mapping
from random import Random
from typing import Any, TypeAlias

#: Seconds, or a distribution by `schemas/files/account.json`.
Latency: TypeAlias = "float | Mapping[str, Any]"

#: No answer takes longer, in seconds.
_LONGEST = 86400.0


def problem(latency: Latency) -> str:
    """Return why a latency that keeps the schema makes no sense, or an empty text."""
    if isinstance(latency, Mapping) and latency.get("lower", 0) > latency.get("upper", 0):
        return "lower must not be greater than upper"
    return ""


def seconds(latency: Latency, number: int) -> float:
    """Return how long one answer takes; all that is drawn depends on the number."""
    if not isinstance(latency, Mapping):
        return latency
    draw = Random(number)  # noqa: S311 - repeatable by design
    if latency["type"] == "uniform":
        return draw.uniform(latency["lower"], latency["upper"])
    median: float = latency["median"]
    return min(median * draw.lognormvariate(0, latency["sigma"]), _LONGEST)
