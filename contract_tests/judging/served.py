"""Which models the target serves: each is asked for once, before anything else of it."""

from dataclasses import dataclass, field

from ..contract import Model
from ..exchanges import Exchange, Request, member
from ..strategies import Strategies
from ..targets import Target
from .connection import BusyError, Connection, InconclusiveError, seen

#: Error codes that say a model does not exist, or is off.
NO_SUCH_MODEL = (20012, 30003)
#: What to try.
ADDRESS = "a base URL ends in /v1, without /rerank"
PAGE = "does a login or a proxy stand between?"


class NotServedError(Exception):
    """The target has no such model; the message quotes its answer."""


@dataclass
class ServedModels:
    """What has been found out about the models."""

    connection: Connection
    strategies: Strategies
    #: Model -> why the target does not serve it; None where it does.
    models: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    #: Model -> why it could not be found out whether the target serves it.
    busy: dict[str, str] = field(default_factory=dict[str, str])

    def needs(self, target: Target, model: Model) -> Exchange | None:
        """Find out once whether the target serves the model; return the exchange that showed it.

        Raises `NotServedError`, or `InconclusiveError` if the target is not the API at all, or
        stays busy.
        """
        if model.id in self.busy:
            raise InconclusiveError(self.busy[model.id])
        exchange = None
        if model.id not in self.models:
            try:
                exchange = self.connection.ask(target, Request(self.strategies.plainest(model)))
            except BusyError as error:
                self.busy[model.id] = str(error)
                raise
            self.models[model.id] = self._refusal(target, exchange)
        reason = self.models[model.id]
        if reason is not None:
            raise NotServedError(f"{model.id} is not served: {reason}")
        return exchange

    def _refusal(self, target: Target, exchange: Exchange) -> str | None:
        """Why the target does not serve the model; halts the run where the API is not there."""
        answer = exchange.answer
        url = target.base_url + "/rerank"
        halt = self.connection.halt
        if answer.text.lstrip().startswith("<"):
            halt(f"{url} answered with a page, not with the API: {seen(answer)}; {PAGE}")
        if 300 <= answer.status < 400:
            place = answer.headers.get("location", "another place")
            halt(f"{url} redirects to {place}: give the base URL that it leads to")
        about_model = member(answer.json, "code") in NO_SUCH_MODEL or "model" in answer.text.lower()
        if answer.status in (400, 403, 404, 422) and about_model:
            return seen(answer)
        if answer.status in (404, 405):
            halt(f"nothing ranks at {url}: {seen(answer)}; {ADDRESS}")
        if answer.status == 403:
            halt(f"the key in ${self.connection.api_key_env} may not do this: {seen(answer)}")
        return None
