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


#: How much earlier than a window another clock may be that it still belongs to, in seconds: the
#: clocks of several machines differ a little.
SKEW = 1.0


class Quotas:
    """The windows of all accounts and models. The caller holds the lock of the state."""

    def __init__(self) -> None:
        #: By account; then by model and limit.
        self._windows: dict[str, dict[tuple[str, LimitName], _Window]] = {}

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
                self._windows.setdefault(account, {})[model, name] = window
        meters: dict[LimitName, Meter] = {
            name: Meter(held[name], windows[name].used, left[name]) for name in held
        }
        return max(full, key=left.__getitem__, default=None), meters

    def give_back(self, account: str, model: str, limits: Iterable[LimitName], tokens: int) -> None:
        """Uncount one request with its tokens."""
        own = self._windows.get(account, {})
        for name in limits:
            window = own.get((model, name))
            if window is not None:
                window.used -= _amount(name, tokens)
                if window.used <= 0:
                    del own[model, name]

    def uses(self, limits_of: Callable[[str, str], Limits], now: float) -> list[Use]:
        """Return what is used of each limit whose window is open.

        `limits_of` takes the names of an account and a model.
        """
        return [
            Use(account, model, name, Meter(limit, window.used, left))
            for account, own in self._windows.items()
            for (model, name), window in own.items()
            if (limit := limits_of(account, model).get(name)) is not None
            and (left := _left(name, window, now))
        ]

    def _open(self, account: str, model: str, name: LimitName, now: float) -> _Window:
        """Return the open window, or a new one if it is over or the clock was set back."""
        window = self._windows.get(account, {}).get((model, name))
        if window and _left(name, window, now):
            return window
        return _Window(now, 0)

    def forget(self, account: str) -> None:
        """Delete the windows of an account."""
        self._windows.pop(account, None)

    def forget_model(self, model: str) -> None:
        """Delete the windows of a model."""
        for own in self._windows.values():
            for key in [key for key in own if key[0] == model]:
                del own[key]

    def of(self, account: str) -> list[dict[str, Any]]:
        """Return the windows of an account as JSON."""
        return [
            {
                "account": account,
                "model": model,
                "limit": limit,
                "opened": window.opened,
                "used": window.used,
            }
            for (model, limit), window in self._windows.get(account, {}).items()
        ]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all windows as JSON."""
        return [row for account in self._windows for row in self.of(account)]

    def rollback(self, snapshot: Iterable[Mapping[str, Any]]) -> None:
        """Restore the windows of the snapshot."""
        self._windows = {}
        self.restore(snapshot)

    def restore(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add these windows."""
        for row in rows:
            window = _Window(row["opened"], int(row["used"]))
            self._windows.setdefault(row["account"], {})[row["model"], row["limit"]] = window


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
    """Return the seconds until the window closes, without floating-point noise; 0 if it is closed.

    A window that opens later is closed, too, but for `SKEW`.
    """
    left, length = round(window.opened + SECONDS[name] - now, 6), SECONDS[name]
    return min(left, length) if 0 < left <= length + SKEW else 0.0


def _amount(name: LimitName, tokens: int) -> int:
    """Return how much one request uses of the limit."""
    return 1 if name[0] == "R" else tokens
