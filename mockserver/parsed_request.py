"""A request as the advice looks at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from .contract import FORMS, Form, Model
from .wire import Json, Request, WireError, load


@dataclass(frozen=True, slots=True)
class Sent:
    """What is seen at once, so that no advice has to look for it again."""

    request: Request
    models: Mapping[str, Model]
    #: Whether a text is a key of some account.
    is_key: Callable[[str], bool]
    #: The value of the body; None if it is no JSON, or empty, or was not received in full.
    body: Json
    #: Why the body is no JSON.
    problem: str | None
    #: The fields of the body; none, if it is no object.
    fields: Mapping[str, Any]
    #: The model that the request names, known or not.
    named_model: str | None
    #: The model, if it is known.
    model: Model | None
    #: The form that the request is held to.
    form: Form
    #: The documents; a text alone is one. None, if there is neither a list nor a text.
    documents: list[Any] | None
    #: Whether it is a rerank request, wherever it was sent.
    is_rerank: bool

    @classmethod
    def read(
        cls,
        request: Request,
        models: Mapping[str, Model],
        is_key: Callable[[str], bool],
        max_body_bytes: int,
    ) -> "Sent":
        """Look at a request; into its body, if that is all there."""
        body, problem = None, None
        if 0 < len(request.body) <= max_body_bytes:
            try:
                body = load(request.body)
            except WireError as error:
                problem = str(error)
        fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        name, documents = fields.get("model"), fields.get("documents")
        named_model = name if isinstance(name, str) else None
        model = models.get(named_model or "")
        return cls(
            request=request,
            models=models,
            is_key=is_key,
            body=body,
            problem=problem,
            fields=fields,
            named_model=named_model,
            model=model,
            form=FORMS[model.form if model else "classic"],
            documents=_listed(documents),
            is_rerank=(request.method, request.path) == ("POST", "/v1/rerank")
            or {"query", "documents"} <= fields.keys(),
        )

    @property
    def contents(self) -> list[Any]:
        """Query and documents."""
        return [self.fields.get("query"), *(self.documents or ())]


def _listed(documents: str | list[Any] | None) -> list[Any] | None:
    if isinstance(documents, str):
        return [documents]
    return documents if isinstance(documents, list) else None
