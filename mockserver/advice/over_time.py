"""Rules about a request and what the same caller sent before."""

from collections.abc import Container, Iterator
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ..state.exchanges import Exchange, Past
from .rules import rule

#: A request that is sent again within this time is a retry, in seconds.
RETRY_SECONDS = 60.0

#: A retry sooner than this is one without a pause, in seconds.
HOT_SECONDS = 0.1

#: Statuses for which a retry cannot succeed.
FINAL = frozenset({400, 401, 402, 403, 404, 405, 413})

#: Statuses for which a retry may succeed.
PASSING = frozenset({429, 500, 502, 503, 504})


def may_advise(now: Exchange, past: Past) -> bool:
    """Return whether a rule of this module may find anything. Called for every request."""
    last, same = past
    return (
        same is not None and (same.response.status >= 400 or bool(now.response.usage.charge))
    ) or (last is not None and last.response.status in (307, 401))


@rule("retried_refusal", "mistake")
def retried_refusal(now: Exchange, past: Past) -> Iterator[str]:
    """A request was sent again after an error that no retry helps."""
    if past.same and _retries(now, past.same, FINAL):
        yield (
            f"A retry after a {past.same.response.status} cannot succeed: report the error to the"
            " user"
        )


@rule("retried_before_retry_after", "mistake")
def retried_before_retry_after(now: Exchange, past: Past) -> Iterator[str]:
    """A request was sent again before the Retry-After time was over."""
    if past.same and _retries(now, past.same, PASSING):
        wait, waited = _retry_after(past.same), _pause(now, past.same)
        if wait is not None and waited < wait:
            yield f"Wait {wait:g} s; the client waited only {waited:.3g} s"


@rule("retried_at_once", "mistake")
def retried_at_once(now: Exchange, past: Past) -> Iterator[str]:
    """A request that failed was sent again without a pause."""
    if past.same and _retries(now, past.same, PASSING) and _retry_after(past.same) is None:
        waited = _pause(now, past.same)
        if waited < HOT_SECONDS:
            yield (
                f"The client waited {waited:.3g} s: wait longer each time, with jitter; a test that"
                " replaces sleeping may call `clock.advance` of the mock instead"
            )


@rule("paid_twice", "remark")
def paid_twice(now: Exchange, past: Past) -> Iterator[str]:
    """The same request was paid for again."""
    if past.same and past.same.response.usage.charge and now.response.usage.charge:
        yield f"Cache the answer: it is that of entry {past.same.number} in the journal"


@rule("redirect_ignored", "mistake")
def redirect_ignored(now: Exchange, past: Past) -> Iterator[str]:
    """A redirect was not followed."""
    last = past.last
    if last and _retries(now, last, {307}) and now.request.path == last.request.path:
        where = last.response.headers.get("location", "")
        if urlsplit(where).path != now.request.path:
            yield f"Use {where}, or let the client follow redirects"


@rule("dead_key", "mistake")
def dead_key(now: Exchange, past: Past) -> Iterator[str]:
    """A key that was refused was used again."""
    last = past.last
    if (
        last
        and last.response.status == now.response.status == 401
        and last.asked != now.asked
        and "authorization" in now.request.headers
    ):
        yield "A refused key stays refused: stop, and ask the user for another"


def _retries(now: Exchange, before: Exchange | None, statuses: Container[int]) -> bool:
    """Return whether the earlier answer had one of the statuses and was not long ago."""
    return (
        before is not None
        and before.response.status in statuses
        and 0 <= _pause(now, before) < RETRY_SECONDS
    )


def _pause(now: Exchange, before: Exchange) -> float:
    """Return the seconds from the answer to the request; below 0 if the request came first."""
    return now.at - (before.at + before.milliseconds / 1000)


def _retry_after(entry: Exchange) -> float | None:
    """Return the seconds of the Retry-After header, which holds a number or a date."""
    given = entry.response.headers.get("retry-after")
    if given is None:
        return None
    try:
        return float(given)
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(given)
        return date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp() - entry.at
    except (ValueError, OverflowError):
        return None
