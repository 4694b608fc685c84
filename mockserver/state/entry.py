"""An exchange as it is shown: redacted, and cut to a limited length."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ..contract import Contract
from ..parsed_request import RerankRequest
from ..redaction import Redactor
from ..wire import Request, Response, Source, Usage
from .exchanges import BODY_BYTES, Advice, Exchange

#: The most characters that are shown of a path, a query, a header, or the name of a model.
TEXT_LENGTH = 2048


class Headers(dict[str, str]):
    """Headers by their names in lower case; they are found by names in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as that of a dict
        """Return the header, or the default."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and its answer, without keys."""

    #: The number of the exchange, from 1.
    number: int
    #: When the request arrived: seconds since the epoch, by the clock of the mock.
    at: float
    #: The name of the account, or None without a valid key.
    account: str | None
    #: Its body may be cut: `Journal.body_bytes`.
    request: Request
    #: The length of the whole body.
    request_bytes: int
    #: Its body may be cut too.
    response: Response
    #: The length of the whole body.
    response_bytes: int
    #: `answered`, `redirected`, or the id of the error in `errors.json`.
    outcome: str
    #: The model that the request names, known or not.
    model: str | None
    #: How many documents the request has.
    documents: int | None
    usage: Usage
    #: From the request to the answer, by the clock of the mock, scripted delays included.
    milliseconds: float
    advice: tuple[Advice, ...] = ()
    #: The most bytes that are shown of each body. Without keys a whole body may be shorter, too.
    most: int = BODY_BYTES

    @property
    def source(self) -> Source | None:
        """Where the answer came from; None if the mock answers for nobody but itself."""
        return self.response.source

    def __repr__(self) -> str:
        return f"<Entry {self.number}: {self.summary}>"

    @property
    def summary(self) -> str:
        """The exchange in one line: method, path, status and outcome."""
        outcome = "" if self.outcome.startswith("status_") else f" {self.outcome}"
        return f"{self.request.method} {self.request.path} -> {self.response.status}{outcome}"

    @property
    def sent(self) -> RerankRequest:
        """The body as a request; it has no fields if the body is not JSON.

        Raises `ValueError` if the journal kept only the beginning of the body.
        """
        parsed = RerankRequest(self.request.body)
        if parsed.problem and self.request_bytes > self.most:
            kept = f"{len(self.request.body):,} of {self.request_bytes:,} bytes"
            raise ValueError(f"the journal kept only {kept} of this body")
        return parsed

    @property
    def advice_ids(self) -> str:
        """The ids of the advice, each once, separated by commas."""
        return ", ".join(dict.fromkeys(advice.id for advice in self.advice))

    def to_json(self) -> dict[str, Any]:
        """Return its JSON. Bytes that are not UTF-8 are escaped."""
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
            **({} if self.source is None else {"source": self.source}),
        }


def show(
    exchange: Exchange,
    contract: Contract,
    is_key: Callable[[str], bool],
    known: Sequence[bytes],
) -> Entry:
    """Return an exchange as an entry, without keys; the rest is as in `Redactor`."""
    request, response = exchange.request, exchange.response
    model, advice = exchange.model, exchange.advice
    if not exchange.redacted:
        redactor, most = Redactor(request, is_key, known), exchange.body_bytes
        request = Request(
            method=_cut(redactor.text(request.method)),
            path=_cut(redactor.text(request.path)),
            query=_cut(redactor.query(request.query)),
            headers=_cut_all(redactor.headers(request.headers)),
            body=_beginning(request.body, redactor, most),
        )
        response = replace(
            response,
            headers=_cut_all(redactor.headers(response.headers)),
            body=_beginning(response.body, redactor, most),
        )
        model = None if model is None else _cut(redactor.text(model))
        advice = tuple(found._replace(hint=redactor.text(found.hint)) for found in advice)
    return Entry(
        number=exchange.number,
        at=exchange.at,
        account=exchange.account,
        request=request,
        request_bytes=exchange.request_bytes,
        response=response,
        response_bytes=exchange.response_bytes,
        outcome=outcome(contract, exchange.response),
        model=model,
        documents=exchange.documents,
        usage=response.usage,
        milliseconds=exchange.milliseconds,
        advice=advice,
        most=exchange.body_bytes,
    )


def exchange_of(row: Mapping[str, Any]) -> Exchange:
    """Return an exchange from the JSON of an entry; its caller is unknown."""
    documents = row["documents"]
    usage = Usage(int(row["input_tokens"]), int(row["image_tokens"]), Decimal(row["charge"]))
    request = Request(
        row["method"], row["path"], row["query"], Headers(row["headers"]), row["body"].encode()
    )
    response = Response(
        int(row["status"]),
        Headers(row["response_headers"]),
        row["response_body"].encode(),
        usage=usage,
        source=row.get("source"),
    )
    return Exchange(
        at=row["at"],
        account=row["account"],
        request=request,
        request_bytes=int(row["body_bytes"]),
        response=response,
        response_bytes=int(row["response_body_bytes"]),
        model=row["model"],
        documents=None if documents is None else int(documents),
        milliseconds=row["milliseconds"],
        advice=tuple(Advice(**advice) for advice in row["advice"]),
        caller=None,
        asked=None,
        redacted=True,
        number=int(row["number"]),
    )


def outcome(contract: Contract, response: Response) -> str:
    """Return the outcome of a request: see `Entry.outcome`."""
    if response.status < 300:
        return "answered"
    if response.status < 400:
        return "redirected"
    said = response.body[:1000].decode(errors="replace")
    for name, error in contract.errors.items():
        # The text before the first placeholder of a message is the same in each answer.
        start, code = error.message.partition("{")[0], f'"code":{error.code},'
        if (
            error.status == response.status
            and start in said
            and (error.code is None or code in said or '"code":' not in said)
        ):
            return name
    return f"status_{response.status}"


def _beginning(body: bytes, redactor: Redactor, most: int) -> bytes:
    """Return the beginning of a body, without keys or a part of one at its end."""
    kept = redactor.body(body[: most + redactor.longest])
    if len(kept) <= most:
        return kept
    # Not in the middle of a character of UTF-8.
    end = most
    while end > most - 3 and kept[end] & 0xC0 == 0x80:
        end -= 1
    return kept[:end]


def _cut(text: str) -> str:
    return text[:TEXT_LENGTH]


def _cut_all(headers: Mapping[str, str]) -> Headers:
    return Headers({_cut(name): _cut(value) for name, value in headers.items()})


def _text(body: bytes) -> str:
    return body.decode(errors="backslashreplace")
