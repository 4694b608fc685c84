"""Rate limits: how much of each model an account has used.

A window opens with the first request that it counts and lasts a minute, an hour or a day; the
service does not document when its windows open. Refused requests do not count.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

#: As in the message of a 429: requests or tokens per minute, hour or day.
LimitName: TypeAlias = Literal["RPM", "TPM", "RPH", "TPH", "RPD", "TPD"]

#: The most that a window allows; None, or no value, means no limit.
Limits: TypeAlias = Mapping[LimitName, "int | None"]

#: The default limits of the service for rerank models.
TIER: Limits = MappingProxyType({"RPM": 2000, "TPM": 500_000})

#: The length of the window of each limit, in seconds.
SECONDS: Mapping[LimitName, int] = MappingProxyType(
    {"RPM": 60, "TPM": 60, "RPH": 3600, "TPH": 3600, "RPD": 86400, "TPD": 86400}
)


class Meter(NamedTuple):
    """One limit of an account for a model, and its use."""

    limit: int
    used: int
    #: Seconds until the window closes.
    resets_in: float

    @property
    def wait(self) -> int:
        """The whole seconds to wait until the window has closed."""
        return math.ceil(self.resets_in)


class Use(NamedTuple):
    """How much of a limit an account has used for a model; the window is open."""

    account: str
    model: str
    name: LimitName
    meter: Meter

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
        return {
            "account": self.account,
            "model": self.model,
            "limit": self.name,
            "most": self.meter.limit,
            "used": self.meter.used,
            "resets_in": self.meter.resets_in,
        }


@dataclass(slots=True)
class _Window:
    #: Seconds since the epoch.
    opened: float
    used: int


class Quotas:
    """The windows of all accounts and models. The caller holds the lock of the state."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str, LimitName], _Window] = {}

    def take(
        self, account: str, model: str, limits: Limits, tokens: int, now: float
    ) -> tuple[LimitName | None, dict[LimitName, Meter]]:
        """Count one request with its tokens in every window, or in none.

        Return the limit that it would exceed, or None, and the meter of each limit. If it would
        exceed several, return the one whose window closes last.
        """
        held: dict[LimitName, int] = {
            name: limit for name in SECONDS if (limit := limits.get(name)) is not None
        }
        windows: dict[LimitName, _Window] = {
            name: self._open(account, model, name, now) for name in held
        }
        left = {name: _left(name, window, now) for name, window in windows.items()}
        full: list[LimitName] = [
            name
            for name, window in windows.items()
            if window.used + _amount(name, tokens) > held[name]
        ]
        if not full:
            for name, window in windows.items():
                window.used += _amount(name, tokens)
                self._windows[account, model, name] = window
        meters: dict[LimitName, Meter] = {
            name: Meter(held[name], windows[name].used, left[name]) for name in held
        }
        return max(full, key=left.__getitem__, default=None), meters

    def give_back(self, account: str, model: str, limits: Iterable[LimitName], tokens: int) -> None:
        """Uncount one request with its tokens."""
        for name in limits:
            window = self._windows.get((account, model, name))
            if window is not None:
                window.used -= _amount(name, tokens)
                if window.used <= 0:
                    del self._windows[account, model, name]

    def uses(self, limits_of: Callable[[str, str], Limits], now: float) -> list[Use]:
        """Return what is used of each limit whose window is open.

        `limits_of` takes the names of an account and a model.
        """
        return [
            Use(account, model, name, Meter(limit, window.used, left))
            for (account, model, name), window in self._windows.items()
            if (limit := limits_of(account, model).get(name)) is not None
            and 0 < (left := _left(name, window, now)) <= SECONDS[name]
        ]

    def _open(self, account: str, model: str, name: LimitName, now: float) -> _Window:
        """Return the open window, or a new one if it is over or the clock was set back."""
        window = self._windows.get((account, model, name))
        if window and 0 < _left(name, window, now) <= SECONDS[name]:
            return window
        return _Window(now, 0)

    def forget(self, name: str) -> None:
        """Delete the windows of an account, or of a model."""
        for key in [key for key in self._windows if name in key[:2]]:
            del self._windows[key]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all windows as JSON."""
        return [
            {
                "account": account,
                "model": model,
                "limit": limit,
                "opened": window.opened,
                "used": window.used,
            }
            for (account, model, limit), window in self._windows.items()
        ]

    def rollback(self, snapshot: list[dict[str, Any]]) -> None:
        """Restore the windows of the snapshot."""
        self._windows = {
            (row["account"], row["model"], row["limit"]): _Window(row["opened"], int(row["used"]))
            for row in snapshot
        }


def rate_limit_headers(meters: Mapping[LimitName, Meter]) -> dict[str, str]:
    """Return the limits per minute as headers with commonly used names."""
    headers: dict[str, str] = {}
    units: dict[LimitName, str] = {"RPM": "requests", "TPM": "tokens"}
    for name, unit in units.items():
        if name in meters:
            meter = meters[name]
            headers[f"x-ratelimit-limit-{unit}"] = str(meter.limit)
            headers[f"x-ratelimit-remaining-{unit}"] = str(max(meter.limit - meter.used, 0))
            headers[f"x-ratelimit-reset-{unit}"] = str(meter.wait)
    return headers


def _left(name: LimitName, window: _Window, now: float) -> float:
    """Return the seconds until the window closes, without floating-point noise."""
    return round(window.opened + SECONDS[name] - now, 6)


def _amount(name: LimitName, tokens: int) -> int:
    """Return how much one request uses of the limit."""
    return 1 if name[0] == "R" else tokens
