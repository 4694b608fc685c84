"""Which models the target serves: each is asked for once, before anything else of it.

Where the target has a list of its models, only those that it names are asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from ..capabilities import name_of
from ..contract import AnyJson, Model, kinds
from ..exchanges import Answer, Exchange, Request, is_array, member
from ..strategies import Strategies
from ..targets import Target, UnreachableError
from ..wording import hint
from .connection import BEHIND, BusyError, Connection, InconclusiveError, seen

#: Error codes that say a model does not exist, or is off.
NO_SUCH_MODEL = (20012, 30003)
#: Documents of a request that is asked for before a model is given up.
SEVERAL = 16
#: Asks for the list of the models.
LIST = Request(None, "GET", "/models?type=text&sub_type=reranker", content_type=None)
#: What to try.
ADDRESS = "a base URL ends in /v1, without /rerank"
PAGE = "does a login or a proxy stand between?"
#: Status of a page -> what to try.
PAGES = {404: ADDRESS, 405: ADDRESS, 407: "the proxy wants a name and password"}


class NotServedError(Exception):
    """The target has no such model; the message quotes its answer."""


def redirection(url: str, answer: Answer) -> str:
    """Where an answer to a request to `url` redirects, and what to try."""
    location = answer.headers.get("location", "")
    if not location:
        return "nowhere, as the answer has no header Location"
    try:
        place = str(httpx.URL(url).join(location))
    except httpx.InvalidURL:
        return f"{location}, which is not a URL"
    # A login may be given the path in its query, to return there.
    if "?" in place or not place.rstrip("/").endswith("/rerank"):
        return f"{place}: is that a login, or the address of something else?"
    return f"{place}: try --target {place.rstrip('/').removesuffix('/rerank')}"


@dataclass
class ServedModels:
    """What has been found out about the models."""

    connection: Connection
    strategies: Strategies
    #: Model -> why the target does not serve it; None where it does.
    models: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    #: Model -> the exchange that showed whether it is served.
    shown: dict[str, Exchange] = field(default_factory=dict[str, Exchange])
    #: Model -> why it is not judged, though the target may serve it.
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    #: Model -> why it could not be found out whether the target serves it.
    busy: dict[str, str] = field(default_factory=dict[str, str])

    def found(self, target: Target, models: Sequence[Model], *, wide: bool) -> tuple[Model, ...]:
        """The models that are to be judged; of each kind first one that ranks.

        `models` are those that may be there, the first to be tried first. Unless the search is
        `wide`, it ends for each kind with the first that ranks. Of a kind that is not served, or
        where it could not be found out, the first is kept, which will say why.
        """
        found: list[Model] = []
        for one in kinds(models):
            served: list[Model] = []
            alike = [model for model in models if model.kind == one.kind]
            for model in alike:
                if self._is_there(target, model):
                    served.append(model)
                    if not wide and self._ranks(model):
                        break
            found += sorted(served, key=lambda model: not self._ranks(model)) or alike[:1]
        working = sorted(kinds(found), key=lambda model: not self._ranks(model))
        return tuple(dict.fromkeys((*working, *found)))

    def listed(self, target: Target, models: Iterable[Model]) -> tuple[Model, ...]:
        """Those of the models that the target's own list names; all where it names none."""
        models = tuple(models)
        names = self._list(target)
        ids = [member(row, "id") for row in names] if is_array(names) else []
        named = tuple(model for model in models if model.id in ids)
        if named:
            unnamed = (model.id for model in models if model not in named)
            self.models.update(dict.fromkeys(unnamed, "GET /v1/models does not name it"))
        return named or models

    def _list(self, target: Target) -> AnyJson:
        """What the target's list holds; None without one."""
        while True:
            try:
                answer = self.connection.once(target, LIST)
            except InconclusiveError:
                return None
            except UnreachableError:
                answer = None
            if answer is not None and answer.status < 500:
                return member(answer.json, "data") if answer.status == 200 else None
            if not self.connection.startup.waits():
                return None

    def merge(self, other: "ServedModels") -> None:
        """Take over what another process of the run has found out."""
        for name, exchange in other.shown.items():
            self._show(name, self.shown.get(name, exchange))
        self.models |= other.models | self.models
        self.busy |= other.busy | self.busy

    def needs(self, target: Target, model: Model) -> Exchange:
        """Find out once whether the target serves the model; return the exchange that showed it.

        Raises `NotServedError`, or `InconclusiveError` if the target is not the API at all, or
        stays busy.
        """
        if model.id in self.left_out and self.models.get(model.id) is None:
            raise NotServedError(f"{model.id} is left out: {self.left_out[model.id]}")
        if model.id in self.busy:
            raise InconclusiveError(self.busy[model.id])
        if model.id not in self.models:
            try:
                exchange = self.connection.ask(target, Request(self.strategies.plainest(model)))
            except BusyError as error:
                self.busy[model.id] = f"{model.id} is {error}"
                raise InconclusiveError(self.busy[model.id]) from None
            self._show(model.id, exchange)
            reason = self._refusal(target, exchange)
            # Its own code says that there is no such model; other words may be about the request.
            is_plain = member(exchange.answer.json, "code") in NO_SUCH_MODEL
            is_taken = reason is None or (not is_plain and self._takes(target, model))
            self.models[model.id] = None if is_taken else reason
        reason = self.models[model.id]
        if reason is not None:
            # A name that the page does not have may be misspelt.
            meant = "" if model.id in self._page else hint(model.id, self._page)
            raise NotServedError(f"{model.id} is not served: {reason}{meant}")
        return self.shown[model.id]

    def _show(self, name: str, exchange: Exchange) -> None:
        self.shown[name] = exchange
        self.connection.answered = True
        if exchange.ranking:
            self.connection.controls[name] = exchange.request

    @property
    def _page(self) -> Mapping[str, Model]:
        return self.strategies.contract.models

    @property
    def ranking(self) -> list[str]:
        """Names of the models that have ranked the plainest request."""
        return [name for name, exchange in self.shown.items() if exchange.ranking]

    def _is_there(self, target: Target, model: Model) -> bool:
        """Whether there is anything to judge of the model, if only that it stays busy."""
        try:
            self.needs(target, model)
        except NotServedError:
            return False
        except InconclusiveError:
            return model.id in self.busy
        return True

    def _takes(self, target: Target, model: Model) -> bool:
        """Whether a model that refuses the plainest request takes one of another kind."""
        own = self.strategies
        # With another number of documents, another form of them, and all options.
        others = (own.query, own.many(SEVERAL))
        full = (own.fullest(model, documents=documents) for documents in others)
        bodies = (own.printed(model), *full)
        try:
            return any(
                self.connection.ask(target, Request(body)).answer.status == 200 for body in bodies
            )
        except BusyError:
            return False

    def _ranks(self, model: Model) -> bool:
        """Whether the model has ranked the plainest request."""
        return model.id in self.ranking

    def _refusal(self, target: Target, exchange: Exchange) -> str | None:
        """Why the target does not serve the model; halts the run where the API is not there."""
        answer = exchange.answer
        url = target.base_url + "/rerank"
        halt = self.connection.halt
        if 300 <= answer.status < 400:
            halt(f"{url} redirects to {redirection(url, answer)}")
        if answer.text.lstrip().startswith("<"):
            to_try = PAGES.get(answer.status, PAGE)
            if answer.status >= 500:
                to_try = f"{BEHIND} {self.connection.startup.advice}"
            halt(f"{url} answered with a page, not with the API: {seen(answer)}; {to_try}")
        about_model = member(answer.json, "code") in NO_SUCH_MODEL or "model" in answer.text.lower()
        is_refused = answer.status in (400, 403, 404, 422) and about_model
        # What is declared must hold: then it is judged, and fails.
        declared = map(name_of, self.connection.capabilities.models or ())
        if is_refused and exchange.request.body["model"] not in declared:
            return seen(answer)
        if answer.status in (404, 405) and not is_refused:
            halt(f"nothing ranks at {url}: {seen(answer)}; {ADDRESS}")
        if answer.status == 407:
            halt(f"a proxy stands before {url}: {seen(answer)}; {PAGES[407]}")
        if answer.status == 403:
            whose = f"the key in ${self.connection.api_key_env}"
            model = exchange.request.body["model"]
            halt(f"{whose} may not use {model}: {seen(answer)}; let it, or select another --model")
        return None
