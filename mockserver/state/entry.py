"""What the mock remembers of an exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from ..contract import ERRORS
from ..rerank_request import RerankRequest
from ..wire import Request, Response, Usage, WireError

#: `breach`: breaks the contract. `mistake`: legal, and not what anybody wants. `remark`: may be
#: meant so.
Severity: TypeAlias = Literal["breach", "mistake", "remark"]


@dataclass(frozen=True, slots=True)
class Advice:
    """A word to whoever wrote the client."""

    #: Never changes its meaning.
    id: str
    severity: Severity
    #: What was done, the same each time.
    sentence: str
    #: What to try, for this request.
    hint: str

    def to_json(self) -> dict[str, str]:
        """Return its JSON."""
        return {
            "id": self.id,
            "severity": self.severity,
            "sentence": self.sentence,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """A request with its answer; no key is in it."""

    #: Counts the exchanges of the mock, from 1.
    number: int
    #: Seconds since the epoch, by the clock of the state, when the request came.
    at: float
    #: The name of the account, or None when no valid key was sent, whatever the path.
    account: str | None
    #: Its body may be cut: `Journal.body_bytes`.
    request: Request
    #: The length of the body as it came.
    request_bytes: int
    #: Its body may be cut too.
    response: Response
    #: The length of the body as it was answered.
    response_bytes: int
    #: `answered`, `redirected`, or the id of the error in `errors.json`.
    outcome: str
    #: The model that the request names, known or not.
    model: str | None
    #: How many documents the request has.
    documents: int | None
    usage: Usage
    #: Until the answer was sent, by the clock of the state and by what delays it.
    milliseconds: float
    advice: tuple[Advice, ...] = ()
    #: Who asked, as a number that means nothing outside this process; a key that nobody knows is
    #: somebody too.
    caller: int | None = field(default=None, repr=False, compare=False)
    #: What was asked, in the same way: equal requests have equal numbers.
    asked: int | None = field(default=None, repr=False, compare=False)

    @property
    def sent(self) -> RerankRequest:
        """What the body asks for; nothing at all if it is no JSON.

        Raises `ValueError` if the journal has only the beginning of the body.
        """
        try:
            return RerankRequest.read(self.request.body)
        except WireError:
            if len(self.request.body) < self.request_bytes:
                kept = f"{len(self.request.body):,} of {self.request_bytes:,} bytes"
                raise ValueError(f"the journal has kept {kept} of this body") from None
            return RerankRequest()

    @property
    def advice_ids(self) -> str:
        """The ids of the advice, each once, with commas between them."""
        return ", ".join(dict.fromkeys(advice.id for advice in self.advice))

    def to_json(self) -> dict[str, Any]:
        """Return its JSON. Bytes that are no UTF-8 are shown in hexadecimal digits."""
        request, response = self.request, self.response
        return {
            "number": self.number,
            "at": self.at,
            "account": self.account,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
            "body": _text(request.body),
            "body_bytes": self.request_bytes,
            "status": response.status,
            "outcome": self.outcome,
            "response_headers": dict(response.headers),
            "response_body": _text(response.body),
            "response_body_bytes": self.response_bytes,
            "model": self.model,
            "documents": self.documents,
            "input_tokens": self.usage.input_tokens,
            "image_tokens": self.usage.image_tokens,
            "charge": f"{self.usage.charge:f}",
            "milliseconds": self.milliseconds,
            "advice": [advice.to_json() for advice in self.advice],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Entry":
        """Make an entry of JSON that keeps `schemas/files/entry.json`."""
        documents = row["documents"]
        return cls(
            number=int(row["number"]),
            at=row["at"],
            account=row["account"],
            request=Request(
                row["method"], row["path"], row["query"], row["headers"], row["body"].encode()
            ),
            request_bytes=int(row["body_bytes"]),
            response=Response(
                int(row["status"]), row["response_headers"], row["response_body"].encode()
            ),
            response_bytes=int(row["response_body_bytes"]),
            outcome=row["outcome"],
            model=row["model"],
            documents=None if documents is None else int(documents),
            usage=Usage(int(row["input_tokens"]), int(row["image_tokens"]), Decimal(row["charge"])),
            milliseconds=row["milliseconds"],
            advice=tuple(Advice(**advice) for advice in row["advice"]),
        )


def outcome(response: Response) -> str:
    """Name what became of a request, in one word: see `Entry.outcome`."""
    if response.status < 300:
        return "answered"
    if response.status < 400:
        return "redirected"
    said = response.body[:1000].decode(errors="replace")
    for name, error in ERRORS.items():
        # What stands before the first place of a message is the same in each answer.
        if error.status == response.status and error.message.partition("{")[0] in said:
            return name
    return f"status_{response.status}"


def _text(body: bytes) -> str:
    return body.decode(errors="backslashreplace")
