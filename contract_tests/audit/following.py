"""The journal of a mock that runs, such as a proxy: read again and again until the mock ends."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

from ..contract import AnyJson
from .recordings import Recorded, RecordingError, Tally, judgeable

#: Seconds between two questions, and those that an answer may take.
PAUSE, PATIENCE = 0.5, 60.0
#: Entries that the mock no longer had when it was asked.
DROPPED = "the mock had dropped it from its journal"


@dataclass(frozen=True)
class Followed:
    """Where the journal is."""

    #: Base URL of the mock, which may end in `/v1`.
    url: str
    #: What its `/__admin` requires, if anything.
    token: str | None = None
    sleep: Callable[[float], None] = time.sleep
    #: What speaks to the mock; a test has its own.
    transport: httpx.BaseTransport | None = None

    def read(self, tally: Tally) -> Iterator[list[Recorded]]:
        """What is new, each time that the mock is asked. Raises `RecordingError` without a mock."""
        after, is_there = 0, False
        with self._client() as client:
            while True:
                try:
                    entries = self._ask(client, after)
                except httpx.TransportError as error:
                    if is_there:
                        return
                    raise RecordingError(f"{self.url} does not answer: {error}") from None
                is_there = True
                numbers = [entry["_number"] for entry in entries]
                if numbers:
                    tally.skipped[DROPPED] += numbers[-1] - after - len(numbers)
                    after = numbers[-1]
                rows = (("log", entry, f"exchange {entry['_number']}") for entry in entries)
                yield [*judgeable(rows, tally)]
                self.sleep(PAUSE)

    def _client(self) -> httpx.Client:
        root = self.url.rstrip("/").removesuffix("/v1")
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(
            base_url=f"{root}/__admin",
            headers=headers,
            trust_env=False,
            timeout=PATIENCE,
            transport=self.transport,
        )

    def _ask(self, client: httpx.Client, after: int) -> list[AnyJson]:
        answer = client.get("/journal.har", params={"after": after})
        if answer.status_code == 401:
            raise RecordingError(f"{self.url} requires a token: name it with --admin-token-env")
        try:
            entries: list[AnyJson] = answer.raise_for_status().json()["log"]["entries"]
        except (httpx.HTTPStatusError, ValueError, LookupError, TypeError):
            raise RecordingError(f"{self.url} is not a mock: it has no journal") from None
        return entries
