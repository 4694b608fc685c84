"""A mock that forwards: armed scenarios come first, the rest is answered by upstream."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..admin.dispatch import PREFIX, dispatch, fault_of
from ..contract import Refusal
from ..recording import advised, keep, observe
from ..redaction import SHORTEST_IN_BODY, keys_in_url, secrets_in
from ..relaying import Asked, ask, complete
from ..state.store import State
from ..wire import Request, Response
from .asgi import SHORT
from .aside import Aside
from .upstream import Upstream, refuse

#: Recorded if no answer was needed any more, as other proxies do.
GONE = Response(499, {}, b"")


class Forwarder:
    """Answers requests from upstream, and those of `/__admin` itself."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.aside = Aside()

    def __call__(
        self, state: State, request: Request, *, token: str | None = None
    ) -> "Response | Forwarding":
        """Return the answer, or what can be awaited for it."""
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            return dispatch(state, request, token)
        # A secret that upstream repeats to another caller is not shown either.
        for secret in {*secrets_in(request.headers), *keys_in_url(request, state.is_key)}:
            if len(secret) >= SHORTEST_IN_BODY:
                state.known_keys.add(secret)
        asked = ask(state, request)
        asked.received.key_replaced = self.upstream.api_key is not None
        return Forwarding(self, state, asked)


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A request on its way to upstream and back."""

    forwarder: Forwarder
    state: State
    asked: Asked

    def __await__(self) -> Generator[Any, None, Response]:
        return self._answer().__await__()

    async def _answer(self) -> Response:
        request = self.asked.received.request
        try:
            response = await self._fetch(request)
        except asyncio.CancelledError:
            self._keep(GONE)
            raise
        if len(request.body) <= SHORT:
            return self._keep(response)
        return await self.forwarder.aside.do(partial(self._keep, response))

    async def _fetch(self, request: Request) -> Response:
        try:
            if self.asked.instead is not None:
                return self.asked.instead
            most = self.asked.view.behaviour.max_body_bytes
            if len(request.body) > most:
                refuse(413, f"the request is longer than {most:,} bytes")
            return await self.forwarder.upstream.send(request)
        except Refusal as refusal:
            return refusal.response
        except Exception as error:  # noqa: BLE001 - the last catch
            return fault_of(error)

    def _keep(self, response: Response) -> Response:
        """Record the exchange; return the answer as the client gets it."""
        answered = complete(self.asked, response)
        exchange = observe(self.state, answered)
        keep(self.state, exchange)
        return advised(answered, exchange)
