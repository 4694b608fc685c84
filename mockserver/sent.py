"""A request as the advice looks at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from .contract import FORMS, Form, Model
from .wire import Json, Request, WireError, load


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as the advice looks at it."""

    request: Request
    models: Mapping[str, Model]
    #: Whether a text is a key of some account.
    is_key: Callable[[str], bool]
    #: The value of the body; None if it is no JSON, or empty, or was not received in full.
    body: Json
    #: Why the body is no JSON.
    problem: str | None

    @classmethod
    def read(
        cls,
        request: Request,
        models: Mapping[str, Model],
        is_key: Callable[[str], bool],
        max_body_bytes: int,
    ) -> "Sent":
        """Look into the body, if there is one and it is all there."""
        body, problem = None, None
        if 0 < len(request.body) <= max_body_bytes:
            try:
                body = load(request.body)
            except WireError as error:
                problem = str(error)
        return cls(request, models, is_key, body, problem)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the body; none, if it is no object."""
        return cast("dict[str, Any]", self.body) if isinstance(self.body, dict) else {}

    @property
    def named_model(self) -> str | None:
        """The model that the request names, known or not."""
        name = self.fields.get("model")
        return name if isinstance(name, str) else None

    @property
    def model(self) -> Model | None:
        """The model, if it is known."""
        return self.models.get(self.named_model or "")

    @property
    def form(self) -> Form:
        """The form that the request is held to."""
        return FORMS[self.model.form if self.model else "classic"]

    @property
    def documents(self) -> list[Any]:
        """The documents; none, if there is no list of them and no text."""
        documents: str | list[Any] | None = self.fields.get("documents")
        if isinstance(documents, str):
            return [documents]
        return documents if isinstance(documents, list) else []

    @property
    def contents(self) -> list[Any]:
        """Query and documents."""
        return [self.fields.get("query"), *self.documents]

    @property
    def is_rerank(self) -> bool:
        """Whether it is a rerank request, wherever it was sent."""
        asked_there = (self.request.method, self.request.path) == ("POST", "/v1/rerank")
        return asked_there or {"query", "documents"} <= self.fields.keys()
