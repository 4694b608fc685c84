"""Every call of `/__admin`, in one table that both answers requests and describes them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import bodies as schemas
from . import calls
from .bodies import Schema, table
from .calls import Call


@dataclass(frozen=True, slots=True)
class Route:
    """One call."""

    method: str
    #: After `/__admin`; a last part in braces is a parameter.
    path: str
    #: Its docstring is the summary of the call.
    act: Callable[[Call], Any]
    #: The schema of the answer.
    gives: Schema
    #: The schema of the body; None if there is none.
    takes: Schema | None = None
    #: Query parameters and their descriptions.
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    status: int = 200

    @property
    def places(self) -> list[str]:
        """The names of the path parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def schema(self) -> str:
        """The name of the schema of the body, as `check` takes it."""
        return str((self.takes or {})["$ref"]).removeprefix("urn:rerank-contract:files:")

    def match(self, path: str) -> str | None:
        """Return the path parameter, "" if the route has none, or None for another path."""
        fixed, place, _ = self.path.partition("{")
        if not place:
            return "" if path == self.path else None
        return path[len(fixed) :] or None if path.startswith(fixed) else None


_ACCOUNT = {"account": "The name of an account."}
_FILTER = {
    **_ACCOUNT,
    "model": "The name of a model.",
    "outcome": "answered, redirected, or the id of an error.",
    "after": "A number: only entries with a greater number.",
}
_SEARCH = {
    **_FILTER,
    "limit": f"The most entries to return; by default {calls.PAGE}.",
}
_ONE = {"account": "The name of an account; needed only if there are several."}

ROUTES = (
    Route("GET", "/health", calls.health, schemas.HEALTH),
    Route("GET", "/accounts", calls.list_accounts, schemas.ACCOUNTS),
    Route("POST", "/accounts", calls.open_account, schemas.OPENED, schemas.NEW_ACCOUNT, status=201),
    Route("GET", "/accounts/{account}", calls.show_account, table("account")),
    Route(
        "PATCH",
        "/accounts/{account}",
        calls.change_account,
        table("account"),
        schemas.ACCOUNT_CHANGE,
    ),
    Route("DELETE", "/accounts/{account}", calls.close_account, table("account")),
    Route("GET", "/limits", calls.list_uses, schemas.USES, query=_ACCOUNT),
    Route("GET", "/models", calls.list_models, schemas.MODELS),
    Route("PATCH", "/models", calls.change_model, schemas.MODELS, table("model_change")),
    Route("GET", "/clock", calls.clock, schemas.CLOCK),
    Route("POST", "/clock/freeze", calls.freeze_clock, schemas.CLOCK, schemas.FREEZING),
    Route("POST", "/clock/advance", calls.advance_clock, schemas.CLOCK, schemas.ADVANCE),
    Route("POST", "/clock/resume", calls.resume_clock, schemas.CLOCK, schemas.EMPTY),
    Route("GET", "/scenarios", calls.list_receipts, schemas.RECEIPTS, query=_ACCOUNT),
    Route("POST", "/scenarios", calls.arm_scenario, table("receipt"), schemas.ARMING, status=201),
    Route("DELETE", "/scenarios", calls.disarm_scenarios, schemas.RECEIPTS, query=_ONE),
    Route("GET", "/scenarios/ready-made", calls.list_ready_made, schemas.SCENARIOS),
    Route("GET", "/scenarios/{number}", calls.show_receipt, table("receipt")),
    Route("GET", "/pins", calls.show_pins, schemas.PINS, query=_ONE),
    Route("POST", "/pins", calls.pin_scores, schemas.PINS, schemas.PINNING, status=201),
    Route("DELETE", "/pins", calls.unpin_scores, schemas.PINS, query=_ONE),
    Route("GET", "/journal", calls.query_journal, schemas.JOURNAL, query=_SEARCH),
    Route("GET", "/journal.har", calls.archive_journal, table("har"), query=_FILTER),
    Route(
        "POST",
        "/journal/verify",
        calls.verify_journal,
        schemas.VERIFIED,
        schemas.VERIFICATION,
    ),
    Route("POST", "/advise", calls.advise_on_requests, schemas.ADVISED, schemas.RECORDED),
    Route("DELETE", "/journal", calls.clear_journal, schemas.FORGOTTEN, query=_ACCOUNT),
    Route("GET", "/replay", calls.show_replay, schemas.REPLAY),
    Route("GET", "/behaviour", calls.show_behaviour, schemas.BEHAVIOUR),
    Route("PUT", "/behaviour", calls.replace_behaviour, schemas.BEHAVIOUR, schemas.NEW_BEHAVIOUR),
    Route("PATCH", "/behaviour", calls.change_behaviour, schemas.BEHAVIOUR, schemas.SWITCHES),
    Route("GET", "/snapshot", calls.take_snapshot, table("state")),
    Route("PUT", "/snapshot", calls.restore_snapshot, schemas.HEALTH, table("state")),
    Route("POST", "/reset", calls.reset, schemas.HEALTH, schemas.EMPTY),
)
