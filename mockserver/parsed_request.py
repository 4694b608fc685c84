"""Requests, parsed once: their fields, typed and as they were sent."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from .contract import Breach, Contract, Form, Model
from .scoring import Content
from .wire import MAX_VALUES, Json, Request, TooManyValuesError, WireError, load

Value = TypeVar("Value")


class RerankRequest:
    """A rerank request; a field that was not sent, or has another type, is None.

    The rules for the fields are in the `request.*.json` of a revision.
    """

    def __init__(self, body: bytes) -> None:
        #: The value of the body; None if it is empty or not JSON.
        self.body: Json = None
        #: Why the body is not JSON, if it is not.
        self.problem: str | None = None
        #: Whether the body is too long, or has too many values, to be read.
        self.is_too_long = False
        if body:
            try:
                self.body = load(body, most=MAX_VALUES)
            except WireError as error:
                self.problem = str(error)
                self.is_too_long = isinstance(error, TooManyValuesError)
        #: All fields as they were sent, unknown ones and wrong types included; empty if the body
        #: is not an object.
        self.fields: Mapping[str, Any] = (
            cast("dict[str, Any]", self.body) if isinstance(self.body, dict) else {}
        )
        #: The name of the model, known or not.
        self.model = self._of(str, "model")
        documents: Any = self.fields.get("documents")
        if isinstance(documents, (str, dict)):
            documents = [cast("Content", documents)]
        #: The documents, a single one as a list of one; None if there is neither.
        self.listed_documents: list[Any] | None = documents if isinstance(documents, list) else None

    def __repr__(self) -> str:
        return f"RerankRequest({dict(self.fields)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RerankRequest) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.model)

    @property
    def query(self) -> Content | None:
        """The query: a text, or an object with a text, image or video."""
        query = self.fields.get("query")
        return cast("Content", query) if isinstance(query, (str, dict)) else None

    @property
    def documents(self) -> list[Content]:
        """The documents, a single one as a list of one; empty if there is neither."""
        return self.listed_documents or []

    @property
    def instruction(self) -> str | None:
        """The instruction."""
        return self._of(str, "instruction")

    @property
    def top_n(self) -> int | None:
        """The most results to return."""
        return self._of(int, "top_n")

    @property
    def return_documents(self) -> bool | None:
        """Whether to return the documents."""
        return self._of(bool, "return_documents")

    @property
    def max_chunks_per_doc(self) -> int | None:
        """The most chunks of a document."""
        return self._of(int, "max_chunks_per_doc")

    @property
    def overlap_tokens(self) -> int | None:
        """The tokens that adjacent chunks share."""
        return self._of(int, "overlap_tokens")

    def _of(self, kind: type[Value], name: str) -> Value | None:
        found = self.fields.get(name)
        return found if type(found) is kind else None


class ReceivedRequest(RerankRequest):
    """A request that the mock received, checked against the contract once."""

    #: Whether a page of another origin may send requests.
    cors: bool = False
    #: Whether an account has or had the key.
    key_known: bool = True
    #: Whether whoever forwards it puts another key in the place of its own.
    key_replaced: bool = False
    #: What is a key, or named like one, in path and query.
    keys_in_url: tuple[str, ...] = ()

    def __init__(
        self,
        request: Request,
        contract: Contract,
        models: Mapping[str, Model],
        max_body_bytes: int,
    ) -> None:
        is_too_long = len(request.body) > max_body_bytes
        super().__init__(b"" if is_too_long else request.body)
        self.is_too_long |= is_too_long
        self.request = request
        self.contract = contract
        #: By name, as they were when the request arrived.
        self.models = models
        #: The model, if it is known.
        self.known_model = models.get(self.model or "")
        #: The form that the request must keep.
        self.form: Form = contract.form_of(self.known_model)
        #: The body without optional fields that are null.
        self.without_nulls: Json = self.body
        if None in self.fields.values():
            optional = self.form.optional
            self.without_nulls = {
                k: v for k, v in self.fields.items() if v is not None or k not in optional
            }
        #: The first breach of the form, where null counts as absent; None if there is no body.
        self.breach: Breach | None = None
        if request.body and not self.is_too_long:
            self.breach = self.form.breach(self.without_nulls)

    @property
    def is_rerank(self) -> bool:
        """Whether it looks like a rerank request, whatever its path."""
        return (self.request.method, self.request.path) == ("POST", "/v1/rerank") or (
            "query" in self.fields and "documents" in self.fields
        )

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks whether a page of another origin may send a request."""
        request = self.request
        return request.method == "OPTIONS" and "access-control-request-method" in request.headers

    @property
    def contents(self) -> list[Any]:
        """Query and documents."""
        return [self.fields.get("query"), *self.documents]
