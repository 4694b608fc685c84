"""What shows only when a request is held against what the same caller sent before."""

from collections.abc import Container, Iterator
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ..state.exchanges import Exchange, Past
from .rules import rule

#: A request that comes back within this time is a retry, in seconds.
RETRY_SECONDS = 60.0

#: Who retries earlier than this has not waited, in seconds.
HOT_SECONDS = 0.1

#: What is refused today is refused again.
FINAL = frozenset({400, 401, 403, 404, 405, 413})

#: What may pass if it is tried again.
PASSING = frozenset({429, 500, 502, 503, 504})


def _was_refused_before(now: Exchange, past: Past) -> bool:  # noqa: ARG001 - asked as all others
    return past.same is not None and past.same.response.status >= 400


def _was_paid_before(now: Exchange, past: Past) -> bool:  # noqa: ARG001 - the same
    return past.same is not None and bool(past.same.response.usage.charge)


def _was_turned_away(now: Exchange, past: Past) -> bool:  # noqa: ARG001 - the same
    return past.last is not None and past.last.response.status in (307, 401)


@rule("retried_refusal", "mistake", when=_was_refused_before)
def retried_refusal(now: Exchange, past: Past) -> Iterator[str]:
    """A request that was refused for good was sent again."""
    status = now.response.status
    if status in FINAL and _retries(now, past.same, {status}):
        yield f"A {status} does not pass: tell the user what its body says"


@rule("retried_before_retry_after", "mistake", when=_was_refused_before)
def retried_before_retry_after(now: Exchange, past: Past) -> Iterator[str]:
    """A request came back before Retry-After was over."""
    if past.same and _retries(now, past.same, PASSING):
        wait, waited = _retry_after(past.same), _pause(now, past.same)
        if wait is not None and waited < wait:
            yield f"Wait {wait:g} seconds, and not {waited:.3g}"


@rule("retried_at_once", "mistake", when=_was_refused_before)
def retried_at_once(now: Exchange, past: Past) -> Iterator[str]:
    """A request that failed was sent again without a pause."""
    if past.same and _retries(now, past.same, PASSING) and _retry_after(past.same) is None:
        waited = _pause(now, past.same)
        if waited < HOT_SECONDS:
            yield f"Wait more than {waited:.3g} seconds, longer each time, and vary it by chance"


@rule("paid_twice", "remark", when=_was_paid_before)
def paid_twice(now: Exchange, past: Past) -> Iterator[str]:
    """The same request was paid for again."""
    if past.same and past.same.response.usage.charge and now.response.usage.charge:
        yield f"Keep the answer: it was in number {past.same.number} of the journal"


@rule("redirect_ignored", "mistake", when=_was_turned_away)
def redirect_ignored(now: Exchange, past: Past) -> Iterator[str]:
    """A redirect was not followed."""
    last = past.last
    if last and _retries(now, last, {307}) and now.request.path == last.request.path:
        where = last.response.headers.get("location", "")
        if urlsplit(where).path != now.request.path:
            yield f"Ask {where}, or let the client follow redirects"


@rule("dead_key", "mistake", when=_was_turned_away)
def dead_key(now: Exchange, past: Past) -> Iterator[str]:
    """A key that was refused is used for other requests."""
    last = past.last
    if (
        last
        and last.response.status == now.response.status == 401
        and last.asked != now.asked
        and "authorization" in now.request.headers
    ):
        yield "A key that was refused stays refused: stop, and ask for another"


def _retries(now: Exchange, before: Exchange | None, statuses: Container[int]) -> bool:
    """Return whether one of those answers was had before this was asked, and not long before."""
    return (
        before is not None
        and before.response.status in statuses
        and 0 <= _pause(now, before) < RETRY_SECONDS
    )


def _pause(now: Exchange, before: Exchange) -> float:
    """Return the seconds from the answer to what came next; below 0 if that came before it."""
    return now.at - (before.at + before.milliseconds / 1000)


def _retry_after(entry: Exchange) -> float | None:
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
