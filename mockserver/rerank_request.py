"""What a rerank request asks for, as tests look at it: typed, and as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from .scoring import Content
from .wire import load

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """The fields of a request; one that was not sent, or has another type, is None.

    Their rules stand in `request.classic.json` and `request.multimodal.json` of the contract.
    """

    model: str | None = None
    query: Content | None = None
    #: A text alone is a list of one; empty if neither was sent.
    documents: list[Content] = field(default_factory=list[Content])
    instruction: str | None = None
    top_n: int | None = None
    return_documents: bool | None = None
    max_chunks_per_doc: int | None = None
    overlap_tokens: int | None = None
    #: The whole body as it was sent, unknown fields and wrong types included; empty if it is no
    #: object.
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def read(cls, body: bytes) -> "RerankRequest":
        """Read the body of a request. Raises `WireError` if it is no JSON."""
        value = load(body)
        fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}

        def of(kind: type[Value], name: str) -> Value | None:
            found = fields.get(name)
            return found if type(found) is kind else None

        query = cast("Content | None", fields.get("query"))
        documents = fields.get("documents")
        listed = [documents] if isinstance(documents, str) else documents
        return cls(
            model=of(str, "model"),
            query=query if isinstance(query, (str, dict)) else None,
            documents=cast("list[Content]", listed) if isinstance(listed, list) else [],
            instruction=of(str, "instruction"),
            top_n=of(int, "top_n"),
            return_documents=of(bool, "return_documents"),
            max_chunks_per_doc=of(int, "max_chunks_per_doc"),
            overlap_tokens=of(int, "overlap_tokens"),
            fields=fields,
        )
