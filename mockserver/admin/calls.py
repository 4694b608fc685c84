"""What each call of `/__admin` does: it calls a method of the state.

The docstring of a call is its summary in the OpenAPI document.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..advising import Recorded, advise
from ..scenarios.catalogue import catalogue
from ..scenarios.shorthand import scenario_of
from ..state.accounts import Account, AccountError
from ..state.archive import archive
from ..state.decisions import ClosedError
from ..state.entry import Entry
from ..state.pins import read_pins
from ..state.store import State
from ..testing.calls import MISSING, Calls
from ..validation import likely, shorten, within
from ..version import installed
from ..wire import Request
from ..wording import count_of
from .bodies import OF_FIELDS, Assertion

#: The default limit of the entries that one call returns.
PAGE = 1000

#: The most differences of a call that are listed.
DIFFERENCES = 100


class WrongCallError(ValueError):
    """A call that is refused and has changed nothing."""

    def __init__(self, status: int, path: str, reason: str) -> None:
        self.status = status
        self.path = shorten(path)
        self.reason = shorten(reason)
        super().__init__(f"{self.path}: {self.reason}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose parameters and body match its route."""

    state: State
    #: The value of the path parameter, if there is one.
    place: str
    #: The parameters of the query.
    query: Mapping[str, str]
    body: Any

    def account(self, name: str | None, path: str, status: int = 400) -> str:
        """Return the name if there is such an account; `path` says where the name was given.

        Without a name it is the only account.
        """
        known = list(self.state.accounts)
        if name is None:
            if len(known) == 1:
                return known[0]
            accounts = count_of(len(known), "account")
            raise WrongCallError(status, path, f"is missing, and there are {accounts}")
        if name in known:
            return name
        owner = self.state.account_of(name)
        if owner:
            # The message does not repeat a key.
            raise WrongCallError(
                status, path, f"expected the name of an account, got a key of {owner.name!r}"
            )
        raise WrongCallError(status, path, f"there is no account {name!r}{likely(name, known)}")

    def number(self, name: str, default: int) -> int:
        """Return a numeric query parameter."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) <= 15):
            reason = f"must be a whole number of at least 0, not {text!r}"
            raise WrongCallError(400, f"?{name}", reason)
        return int(text)


def health(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Check that the mock is running."""
    state = call.state
    return {
        "status": "ok",
        "accounts": len(state.accounts),
        "exchanges": state.journal.seen,
        "clock": clock(call),
    }


def list_accounts(call: Call) -> Any:  # noqa: ANN401 - JSON
    """List the accounts."""
    return {"accounts": [account.to_json() for account in call.state.accounts.values()]}


def open_account(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Open an account; a key is generated if none is given."""
    terms: dict[str, Any] = dict(call.body)
    keys, name = terms.pop("keys", []), terms.pop("name", None)
    try:
        key = call.state.open_account(*keys, name=name, **terms)
    except AccountError as error:
        if error.way == ("name",) and name in call.state.accounts:
            raise WrongCallError(409, "$.name", error.reason) from None
        raise
    account = call.state.account_of(key)
    if account is None:
        raise ClosedError
    return {"account": account.to_json()} | ({} if keys else {"key": key})


def show_account(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show an account."""
    return _placed_account(call).to_json()


def change_account(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Change the given members of an account."""
    name = _placed_account(call).name
    return call.state.change_account(name, **call.body).to_json()


def close_account(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Close an account and delete its keys, counts, scenarios and pins."""
    return call.state.close_account(_placed_account(call).name).to_json()


def _placed_account(call: Call) -> Account:
    name = call.account(call.place, "/accounts/{account}", 404)
    account = call.state.accounts.get(name)
    if account is None:
        raise ClosedError
    return account


def list_uses(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show how much accounts have used of their limits; only of windows that are open."""
    name = call.query.get("account")
    whose = name and call.account(name, "?account")
    uses = [use.to_json() for use in call.state.uses() if whose in (None, use.account)]
    return {"uses": uses}


def list_models(call: Call) -> Any:  # noqa: ANN401 - JSON
    """List the models as they are now, and the planned changes."""
    models = [model.to_json() for model in call.state.models.values()]
    return {"models": models, "planned_changes": call.state.planned_changes}


def change_model(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Change a model now, or at a given time."""
    changes: dict[str, Any] = dict(call.body)
    call.state.change_model(changes.pop("model"), **changes)
    return list_models(call)


def clock(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show the clock."""
    return {"now": call.state.clock.now(), "frozen": call.state.clock.frozen}


def freeze_clock(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Stop the clock."""
    call.state.clock.freeze(call.body.get("at"))
    return clock(call)


def advance_clock(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Move the clock forward, whether it is frozen or not."""
    try:
        call.state.clock.advance(call.body["seconds"])
    except ValueError as error:
        raise WrongCallError(400, "$.seconds", str(error)) from None
    return clock(call)


def resume_clock(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Let the clock run on."""
    call.state.clock.resume()
    return clock(call)


def list_receipts(call: Call) -> Any:  # noqa: ANN401 - JSON
    """List the receipts of the armed scenarios."""
    name = call.query.get("account")
    receipts = call.state.receipts(name and call.account(name, "?account"))
    return {"receipts": [receipt.to_json() for receipt in receipts]}


def show_receipt(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show the receipt of a scenario."""
    for receipt in call.state.receipts():
        if str(receipt.number) == call.place:
            return receipt.to_json()
    raise WrongCallError(404, "/scenarios/{number}", f"there is no receipt {call.place!r}")


def arm_scenario(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Arm a scenario for the next rerank requests of an account."""
    with within("scenario"):
        given, times = call.body["scenario"], call.body.get("times")
        scenario = scenario_of(given, call.state.contract, None if times is None else int(times))
    name = call.account(call.body.get("account"), "$.account")
    return call.state.arm(name, scenario).to_json()


def disarm_scenarios(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Remove the scenarios of an account."""
    receipts = call.state.disarm(call.account(call.query.get("account"), "?account"))
    return {"receipts": [receipt.to_json() for receipt in receipts]}


def list_ready_made(call: Call) -> Any:  # noqa: ANN401 - JSON
    """List the ready-made scenarios."""
    made = catalogue(call.state.contract)
    return {"scenarios": [scenario.to_json() for scenario in made.values()]}


def show_pins(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show the scores that are pinned for an account."""
    pins = call.state.pins(call.account(call.query.get("account"), "?account"))
    return {"pins": [pin.to_json() for pin in pins]}


def pin_scores(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Pin scores for an account; the latest pins win."""
    name = call.account(call.body.get("account"), "$.account")
    with within("pins"):
        call.state.pin(name, read_pins(call.body["pins"]))
    return {"pins": [pin.to_json() for pin in call.state.pins(name)]}


def unpin_scores(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Remove the pins of an account, and return them."""
    pins = call.state.unpin(call.account(call.query.get("account"), "?account"))
    return {"pins": [pin.to_json() for pin in pins]}


def query_journal(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Find exchanges, oldest first."""
    entries, limit = _found(call), call.number("limit", PAGE)
    return {
        "seen": call.state.journal.seen,
        "found": len(entries),
        "entries": [entry.to_json() for entry in entries[:limit]],
    }


def archive_journal(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Return exchanges as an HTTP archive, HAR 1.2, oldest first."""
    return archive(_found(call), installed())


def _found(call: Call) -> list[Entry]:
    wanted = {name: call.query.get(name) for name in ("account", "model", "outcome")}
    _check_outcome(call, wanted["outcome"])
    _refuse_key(call, wanted["account"])
    entries = call.state.journal.query(after=call.number("after", 0), **wanted)
    if not entries and wanted["account"] is not None:
        _check_seen(call, wanted["account"])
    return entries


def verify_journal(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Check what a client has sent, as `assert_called_with` does."""
    assertion: Assertion = call.body.get("assertion", "called_with")
    fields: dict[str, Any] = call.body.get("fields", {})
    if fields and assertion not in OF_FIELDS:
        raise WrongCallError(400, "$.fields", f"{assertion} takes no fields")
    state, whose = call.state, None
    if "account" in call.body:
        whose = (call.account(call.body["account"], "$.account"), None)
    since = state.journal.query(after=int(call.body.get("after", 0)))
    made = [entry for entry in since if whose is None or entry.account in whose]
    calls = Calls(made, state.redact, state.contract.fields)
    found: dict[str, Any] = {"verified": True, "calls": len(calls), "message": ""}
    try:
        getattr(calls, f"assert_{assertion}")(**fields)
    except AssertionError as error:
        found |= {"verified": False, "message": str(error)}
        if calls and assertion in OF_FIELDS:
            found["nearest"] = _nearest(calls, assertion, fields)
    except ValueError as error:
        # The journal has kept only the beginning of a body.
        raise WrongCallError(409, "$.fields", str(error)) from None
    return found


def _nearest(calls: Calls, assertion: Assertion, fields: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    try:
        place = len(calls) if assertion == "called_with" else calls.nearest(fields)
        differences = calls.differences(place, fields)
    except ValueError as error:
        raise WrongCallError(409, "$.fields", str(error)) from None
    return {
        "number": calls[place - 1].number,
        "differences": [
            {"field": field, "expected": expected}
            | ({} if actual is MISSING else {"actual": actual})
            for field, expected, actual in differences[:DIFFERENCES]
        ],
    }


def advise_on_requests(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Advise on requests that another server has answered; nothing is recorded or charged."""
    recorded = [_recorded(number, row) for number, row in enumerate(call.body["requests"])]
    advice = advise(call.state, recorded)
    return {"advice": [[found.to_json() for found in of_one] for of_one in advice]}


def _recorded(number: int, row: Mapping[str, Any]) -> Recorded:
    body = row.get("body", "").encode()
    if "encoding" in row:
        try:
            body = b64decode(body, validate=True)
        except ValueError:
            where = f"$.requests[{number}].body"
            raise WrongCallError(400, where, "is not base64") from None
    headers = _lower_case(row.get("headers", {}))
    return Recorded(
        Request(row["method"], row["path"], row.get("query", ""), headers, body),
        row.get("caller", ""),
        row.get("at", 0.0),
        row.get("milliseconds", 0.0),
        row.get("status"),
        _lower_case(row.get("response_headers", {})),
    )


def _lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def clear_journal(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Delete the exchanges of an account, or all."""
    name = call.query.get("account")
    _refuse_key(call, name)
    forgotten = call.state.journal.clear(name)
    if not forgotten and name is not None:
        _check_seen(call, name)
    return {"forgotten": forgotten}


def _check_outcome(call: Call, name: str | None) -> None:
    """Refuse what is no outcome: see `Entry.outcome`."""
    known = ["answered", "redirected", *call.state.contract.errors]
    if name is not None and name not in known and not name.startswith("status_"):
        reason = f"there is no outcome {name!r}{likely(name, known)}"
        raise WrongCallError(400, "?outcome", reason)


def _refuse_key(call: Call, name: str | None) -> None:
    """Refuse a key in place of a name, before a shared state is asked for it."""
    if name is not None and name not in call.state.accounts and call.state.is_key(name):
        call.account(name, "?account")


def _check_seen(call: Call, name: str) -> None:
    """Refuse the name of an account that neither exists nor is in the journal."""
    if not call.state.journal.query(account=name):
        call.account(name, "?account")


def show_replay(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show what is replayed, and how often each recording was played."""
    tape = call.state.tape
    if tape is None:
        raise WrongCallError(404, "/replay", "nothing is replayed: start the mock with --replay")
    return {
        "source": tape.recordings.source,
        "unrecorded": tape.unrecorded,
        "recordings": [
            {"place": row.place, "status": row.response.status, "played": played}
            for row, played in tape.played
        ],
    }


def show_behaviour(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Show all switches."""
    return call.state.behaviour.to_json()


def replace_behaviour(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Set a preset, and the switches that differ from it."""
    call.state.change_behaviour({"base": "observed", **call.body})
    return show_behaviour(call)


def change_behaviour(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Change some switches, for all accounts."""
    call.state.change_behaviour(call.body)
    return show_behaviour(call)


def take_snapshot(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Return the whole state, in the form of a state file."""
    return call.state.snapshot()


def restore_snapshot(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Restore a snapshot, for all accounts; everything since is lost."""
    call.state.rollback(call.body)
    return health(call)


def reset(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Restore the initial state, for all accounts; everything since is lost."""
    call.state.reset()
    return health(call)
