"""What shows only when a request is held against what the same caller sent before.

As in `advice_on_requests`, name and docstring of a function are id and sentence of its advice.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ..state.entry import Entry

#: A request that comes back within this time is a retry, in seconds.
RETRY_SECONDS = 60.0

#: Who retries earlier than this has not waited, in seconds.
HOT_SECONDS = 0.1

#: What is refused today is refused again.
FINAL = frozenset({400, 401, 403, 404, 405, 413})

#: What may pass if it is tried again.
PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Past:
    """What a caller did before."""

    #: Its last exchange.
    last: Entry | None
    #: The last one with an equal request.
    same: Entry | None


def retried_refusal(now: Entry, past: Past) -> Iterator[str]:
    """A request that was refused for good was sent again."""
    status = now.response.status
    if status in FINAL and _retries(now, past.same, {status}):
        yield f"A {status} does not pass: tell the user what its body says"


def retried_before_retry_after(now: Entry, past: Past) -> Iterator[str]:
    """A request came back before Retry-After was over."""
    if past.same and _retries(now, past.same, PASSING):
        wait, waited = _retry_after(past.same), _pause(now, past.same)
        if wait is not None and waited < wait:
            yield f"Wait {wait:g} seconds, and not {waited:.3g}"


def retried_at_once(now: Entry, past: Past) -> Iterator[str]:
    """A request that failed was sent again without a pause."""
    if past.same and _retries(now, past.same, PASSING) and _retry_after(past.same) is None:
        waited = _pause(now, past.same)
        if waited < HOT_SECONDS:
            yield f"Wait more than {waited:.3g} seconds, longer each time, and vary it by chance"


def paid_twice(now: Entry, past: Past) -> Iterator[str]:
    """The same request was paid for again."""
    if past.same and past.same.usage.charge and now.usage.charge:
        yield f"Keep the answer: it was in number {past.same.number} of the journal"


def redirect_ignored(now: Entry, past: Past) -> Iterator[str]:
    """A redirect was not followed."""
    last = past.last
    if last and _retries(now, last, {307}) and now.request.path == last.request.path:
        where = last.response.headers.get("location", "")
        if urlsplit(where).path != now.request.path:
            yield f"Ask {where}, or let the client follow redirects"


def dead_key(now: Entry, past: Past) -> Iterator[str]:
    """A key that was refused is used for other requests."""
    last = past.last
    if (
        last
        and last.response.status == now.response.status == 401
        and last.asked != now.asked
        and "authorization" in now.request.headers
    ):
        yield "A key that was refused stays refused: stop, and ask for another"


def _retries(now: Entry, before: Entry | None, statuses: Container[int]) -> bool:
    """Return whether one of those answers was had before this was asked, and not long before."""
    return (
        before is not None
        and before.response.status in statuses
        and 0 <= _pause(now, before) < RETRY_SECONDS
    )


def _pause(now: Entry, before: Entry) -> float:
    """Return the seconds from the answer to what came next; below 0 if that came before it."""
    return now.at - (before.at + before.milliseconds / 1000)


def _retry_after(entry: Entry) -> float | None:
    """Return the seconds that the answer asked to wait for, whether as a number or as a date."""
    given = entry.response.headers.get("retry-after")
    if given is None:
        return None
    try:
        return float(given)
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(given)
    except ValueError:
        return None
    return date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp() - entry.at
