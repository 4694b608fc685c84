"""What each call of `/__admin` does: it asks the state, and decides nothing.

The docstring of a call is what the OpenAPI document says of it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from ..behaviour import read_behaviour
from ..scenarios.catalogue import CATALOGUE, find
from ..scenarios.scenario import ScenarioError
from ..state.pins import read_pins
from ..state.store import State
from ..validation import likely

Json: TypeAlias = Any

#: The most entries of the journal that one call returns, unless it asks for fewer or more.
PAGE = 1000


class WrongCallError(ValueError):
    """A call that is refused; nothing has changed."""

    def __init__(self, status: int, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.status = status
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has the form of its route."""

    state: State
    #: What stands in the place in the path, if there is one.
    place: str
    #: The parameters of the query.
    query: Mapping[str, str]
    body: Json

    def account(self, name: str, path: str, status: int = 400) -> str:
        """Return the name of an account if there is one; `path` is where it was named."""
        known = list(self.state.accounts)
        if name in known:
            return name
        owner = self.state.account_of(name)
        if owner:
            # A key is not repeated.
            raise WrongCallError(status, path, f"is a key; its account is {owner.name!r}")
        raise WrongCallError(status, path, f"there is no account {name!r}{likely(name, known)}")

    def number(self, name: str, default: int) -> int:
        """Return a number of the query."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) <= 15):
            raise WrongCallError(400, f"?{name}", "must be a whole number")
        return int(text)


def health(call: Call) -> Json:
    """Say that the mock is there, and how far it has come."""
    state = call.state
    return {
        "status": "ok",
        "accounts": len(state.accounts),
        "exchanges": state.journal.seen,
        "clock": clock(call),
    }


def list_accounts(call: Call) -> Json:
    """List the accounts."""
    return {"accounts": call.state.snapshot()["accounts"]}


def open_account(call: Call) -> Json:
    """Open an account; a key is made up if none is named."""
    terms: dict[str, Any] = dict(call.body)
    keys, name = terms.pop("keys", []), terms.pop("name", None)
    state = call.state
    with state.lock:
        if name in state.accounts:
            raise WrongCallError(409, "$.name", f"there is an account {name!r} already")
        key = state.open_account(*keys, name=name, **terms)
        row = state.accounts[list(state.accounts)[-1]].to_json()
    return {"account": row} if keys else {"account": row, "key": key}


def show_account(call: Call) -> Json:
    """Show an account."""
    with call.state.lock:
        return call.state.accounts[call.account(call.place, "/accounts/{account}", 404)].to_json()


def change_account(call: Call) -> Json:
    """Change what is named of an account."""
    with call.state.lock:
        name = call.account(call.place, "/accounts/{account}", 404)
        return call.state.change_account(name, **call.body).to_json()


def close_account(call: Call) -> Json:
    """Close an account: its keys, counts, scenarios and pins are gone."""
    with call.state.lock:
        row = show_account(call)
        call.state.close_account(call.place)
        return row


def list_models(call: Call) -> Json:
    """List the models as they are now, and what is planned for them."""
    with call.state.lock:
        models = [model.to_json() for model in call.state.models.values()]
        return {"models": models, "planned_changes": call.state.snapshot()["planned_changes"]}


def change_model(call: Call) -> Json:
    """Change a model now, or later if a time is named."""
    changes: dict[str, Any] = dict(call.body)
    with call.state.lock:
        call.state.change_model(changes.pop("model"), **changes)
        return list_models(call)


def clock(call: Call) -> Json:
    """Show the clock."""
    return {"now": call.state.clock.now(), "frozen": call.state.clock.frozen}


def freeze_clock(call: Call) -> Json:
    """Stop the clock."""
    call.state.clock.freeze(call.body.get("at"))
    return clock(call)


def advance_clock(call: Call) -> Json:
    """Move the clock forward, whether it runs or stands."""
    try:
        call.state.clock.advance(call.body["seconds"])
    except ValueError as error:
        raise WrongCallError(400, "$.seconds", str(error)) from None
    return clock(call)


def resume_clock(call: Call) -> Json:
    """Let the clock run on."""
    call.state.clock.resume()
    return clock(call)


def list_receipts(call: Call) -> Json:
    """List what has become of the scenarios that were armed."""
    receipts = call.state.scenarios.receipts(call.query.get("account"))
    return {"receipts": [receipt.to_json() for receipt in receipts]}


def show_receipt(call: Call) -> Json:
    """Show what has become of a scenario."""
    for receipt in call.state.scenarios.receipts():
        if str(receipt.number) == call.place:
            return receipt.to_json()
    raise WrongCallError(404, "/scenarios/{number}", f"there is no receipt {call.place!r}")


def arm_scenario(call: Call) -> Json:
    """Let the next rerank requests of an account play a scenario."""
    try:
        scenario = find(call.body["scenario"])
    except ScenarioError as error:
        place, _, reason = str(error).partition(": ")
        raise WrongCallError(400, place.replace("$", "$.scenario", 1), reason) from None
    with call.state.lock:
        name = call.account(call.body["account"], "$.account")
        return call.state.scenarios.arm(name, scenario).to_json()


def disarm_scenarios(call: Call) -> Json:
    """Forget the scenarios of an account."""
    with call.state.lock:
        receipts = call.state.scenarios.disarm(call.account(call.query["account"], "?account"))
    return {"receipts": [receipt.to_json() for receipt in receipts]}


def list_ready_made(_call: Call) -> Json:
    """List the scenarios that have a name."""
    return {"scenarios": [scenario.to_json() for scenario in CATALOGUE.values()]}


def show_pins(call: Call) -> Json:
    """Show the scores that are pinned for an account."""
    with call.state.lock:
        pins = call.state.pins.of(call.account(call.query["account"], "?account"))
    return {"pins": [pin.to_json() for pin in pins]}


def pin_scores(call: Call) -> Json:
    """Pin scores for an account, before those that are pinned already."""
    pins = read_pins(call.body["pins"])
    with call.state.lock:
        name = call.account(call.body["account"], "$.account")
        call.state.pins.pin(name, pins)
        return {"pins": [pin.to_json() for pin in call.state.pins.of(name)]}


def unpin_scores(call: Call) -> Json:
    """Forget the scores that are pinned for an account; what they were is returned."""
    with call.state.lock:
        shown = show_pins(call)
        call.state.pins.unpin(call.query["account"])
        return shown


def query_journal(call: Call) -> Json:
    """Find exchanges, oldest first."""
    wanted = {name: call.query.get(name) for name in ("account", "model", "outcome")}
    after, limit = call.number("after", 0), call.number("limit", PAGE)
    entries = call.state.journal.query(after=after, **wanted)
    return {
        "seen": call.state.journal.seen,
        "found": len(entries),
        "entries": [entry.to_json() for entry in entries[:limit]],
    }


def clear_journal(call: Call) -> Json:
    """Forget the exchanges of an account, or all."""
    return {"forgotten": call.state.journal.clear(call.query.get("account"))}


def show_behaviour(call: Call) -> Json:
    """Show all switches."""
    return asdict(call.state.behaviour)


def replace_behaviour(call: Call) -> Json:
    """Take a preset, and the switches that differ."""
    call.state.behaviour = read_behaviour(call.body)
    return show_behaviour(call)


def change_behaviour(call: Call) -> Json:
    """Change some switches, for everybody."""
    with call.state.lock:
        call.state.behaviour = read_behaviour({**asdict(call.state.behaviour), **call.body})
        return show_behaviour(call)


def take_snapshot(call: Call) -> Json:
    """Return all of the state, as a state file has it."""
    return call.state.snapshot()


def restore_snapshot(call: Call) -> Json:
    """Be as at a snapshot, for everybody; what happened since is lost."""
    call.state.rollback(call.body)
    return health(call)


def reset(call: Call) -> Json:
    """Be as in the beginning, for everybody; all that happened is lost."""
    call.state.reset()
    return health(call)
