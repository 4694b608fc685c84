"""Rules about the body of a request. Each yields a hint for each thing that it finds."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import cast

from ..contract import Contract, Model
from ..parsed_request import ReceivedRequest
from ..wire import WireError, load
from ..wording import count_of
from .rules import Rule, rule

#: Fields of other rerank APIs, with the field of this API that has the same meaning, if any.
DIALECTS: Mapping[str, str | None] = {
    "docs": "documents",
    "inputs": "documents",
    "instruct": "instruction",
    "k": "top_n",
    "limit": "top_n",
    "max_tokens_per_doc": "max_chunks_per_doc",
    "n": "top_n",
    "passages": "documents",
    "prompt": "instruction",
    "q": "query",
    "question": "query",
    "rank_fields": None,
    "raw_scores": None,
    "return_text": "return_documents",
    "task": "instruction",
    "text_1": "query",
    "text_2": "documents",
    "texts": "documents",
    "top_k": "top_n",
    "truncate": None,
    "truncation": None,
}

#: The most fields or documents that a hint lists.
NAMED = 5


def may_advise(sent: ReceivedRequest) -> bool:
    """Return whether a rule of this module may find anything. Called for every request."""
    fields = sent.fields
    if sent.breach or sent.known_model is None or sent.form.name != "classic":
        return True
    # As the form is kept, these are the texts of a classic request.
    documents = cast("list[str]", sent.documents)
    return (
        isinstance(fields["documents"], str)
        or not fields.keys() <= sent.form.fields
        or not sent.contract.gated_fields.isdisjoint(fields)
        or None in fields.values()
        or not 1 <= fields.get("top_n", 1) <= len(documents)
        # Fewer texts than documents: some are blank or equal.
        or len({"", *map(str.strip, documents)}) <= len(documents)
    )


@rule("body_not_json", "breach")
def body_not_json(sent: ReceivedRequest) -> Iterator[str]:
    """The body is not valid JSON."""
    if not (sent.is_rerank and sent.problem):
        return
    start = sent.request.body.lstrip()[:2]
    if start == b"{'":
        yield f"{sent.problem}. Python prints single quotes: use json.dumps"
    elif re.match(rb"[\w%]+=", sent.request.body):
        yield f"{sent.problem}. This is a form: with httpx or requests use json=, not data="
    else:
        yield sent.problem


@rule("encoded_twice", "mistake")
def encoded_twice(sent: ReceivedRequest) -> Iterator[str]:
    """The JSON was encoded twice."""
    if _is_encoded(sent.body, "{"):
        yield "The body is a JSON string that contains JSON: encode the object once"
    elif _is_encoded(sent.fields.get("documents"), "["):
        yield "`documents` is a string that contains JSON, so it is one document: send the array"


@rule("unknown_field", "mistake")
def unknown_field(sent: ReceivedRequest) -> Iterator[str]:
    """The request has a field that this API does not have."""
    if sent.is_rerank:
        for name in sorted(sent.fields.keys() - sent.form.fields)[:NAMED]:
            likely = likely_field(sent.contract, name[:64])
            yield f"`{name[:64]}`: " + (
                f"did you mean `{likely}`?" if likely else "it has no effect; leave it out"
            )


@rule("null_field", "remark")
def null_field(sent: ReceivedRequest) -> Iterator[str]:
    """An optional field is null."""
    if sent.is_rerank:
        for name in sorted(sent.form.optional.intersection(sent.fields)):
            if sent.fields[name] is None:
                yield f"`{name}`: leave it out if it is not set"


@rule("top_n_below_one", "breach")
def top_n_below_one(sent: ReceivedRequest) -> Iterator[str]:
    """`top_n` is less than 1."""
    top_n = sent.fields.get("top_n")
    if type(top_n) is int and top_n < sent.form.minimums.get("top_n", top_n):
        yield f"`top_n` is {top_n}: leave it out to get all documents"


@rule("top_n_beyond_documents", "remark")
def top_n_beyond_documents(sent: ReceivedRequest) -> Iterator[str]:
    """`top_n` is greater than the number of documents."""
    top_n, count = sent.fields.get("top_n"), len(sent.documents)
    if type(top_n) is int and 0 < count < top_n:
        yield (
            f"`top_n` is {top_n}, but there {'is' if count == 1 else 'are'} only"
            f" {count_of(count, 'document')}: leave it out to get all"
        )


@rule("unknown_model", "mistake")
def unknown_model(sent: ReceivedRequest) -> Iterator[str]:
    """There is no such model."""
    name = sent.model
    if sent.is_rerank and name is not None and name not in sent.models:
        likely = likely_model(name, sent.models)
        ask = "GET /v1/models?type=text&sub_type=reranker lists the models"
        yield f"`{name[:64]}`: " + (f"did you mean `{likely}`?" if likely else ask)


@rule("gated_field", "mistake")
def gated_field(sent: ReceivedRequest) -> Iterator[str]:
    """The request has a field that the model does not support."""
    if sent.known_model:
        gated = sent.contract.gated_fields.intersection(sent.fields)
        for name in sorted(gated - sent.known_model.supports):
            able = [model.id for model in sent.models.values() if name in model.supports]
            where = f"supported only by {', '.join(able)}" if able else "no model supports it"
            yield f"`{name}` with {sent.known_model.id}: {where}"


@rule("chat_style_content", "breach")
def chat_style_content(sent: ReceivedRequest) -> Iterator[str]:
    """The query or a document has the form of a chat message."""
    if any(
        isinstance(content, dict) and {"content", "type"} & content.keys()
        for content in sent.contents
    ):
        yield 'Send {"text": …}, {"image": URL or data URI} or {"video": …}, without content parts'


@rule("media_for_a_text_model", "breach")
def media_for_a_text_model(sent: ReceivedRequest) -> Iterator[str]:
    """A text model was sent an image or a video."""
    if sent.form.name == "classic" and any(
        isinstance(content, dict) and {"image", "video"} & content.keys()
        for content in sent.contents
    ):
        able = [model.id for model in sent.models.values() if model.form == "multimodal"]
        yield f"Use a model that accepts images and videos: {', '.join(able)}"


@rule("text_as_object", "breach")
def text_as_object(sent: ReceivedRequest) -> Iterator[str]:
    """A text model was sent an object instead of a string."""
    if sent.form.name == "classic" and any(
        isinstance(content, dict) and not {"content", "type", "image", "video"} & content.keys()
        for content in sent.contents
    ):
        yield 'Send texts as strings: "a text" instead of {"text": "a text"}'


#: Fields whose violations may have an advice of their own.
_EXPLAINED: Mapping[str, tuple[Rule[[ReceivedRequest]], ...]] = {
    "body": (encoded_twice,),
    "top_n": (top_n_below_one,),
    "query": (chat_style_content, media_for_a_text_model, text_as_object),
    "documents": (chat_style_content, media_for_a_text_model, text_as_object),
}


@rule("field_rule", "breach")
def field_rule(sent: ReceivedRequest) -> Iterator[str]:
    """A field violates the contract."""
    if not sent.is_rerank or (sent.body is None and sent.request.body != b"null"):
        return
    breach = sent.breach
    if breach:
        explanations = _EXPLAINED.get(breach.field.partition(".")[0], ())
        if not any(next(explain.find(sent), None) for explain in explanations):
            yield f"`{breach.field}`: {breach.rule}"


@rule("empty_document", "remark")
def empty_document(sent: ReceivedRequest) -> Iterator[str]:
    """A document is empty."""
    empty = [
        str(index)
        for index, document in enumerate(sent.documents)
        if isinstance(document, str) and not document.strip()
    ]
    if empty:
        yield f"At index {_few(empty)}: leave it out; the indices of later documents change"


@rule("duplicate_documents", "remark")
def duplicate_documents(sent: ReceivedRequest) -> Iterator[str]:
    """The same document was sent more than once."""
    seen: set[str] = set()
    again: list[str] = []
    for index, document in enumerate(sent.documents):
        if isinstance(document, str):
            if document in seen:
                again.append(str(index))
            seen.add(document)
    if again:
        yield f"At index {_few(again)}: each copy is charged and counts towards `top_n`"


@lru_cache(256)
def likely_field(contract: Contract, name: str) -> str | None:
    """Return the field of this API that was probably intended."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    if plain in DIALECTS:
        field = DIALECTS[plain]
        return field if field in contract.fields else None
    return next(iter(get_close_matches(plain, contract.fields, n=1, cutoff=0.7)), None)


def likely_model(name: str, models: Mapping[str, Model]) -> str | None:
    """Return the model that was probably intended: the name lacks its owner, or is similar."""
    plain = name[:64].strip().lower()
    for model in models:
        if model.lower() == plain or model.lower().endswith(f"/{plain}"):
            return model
    return next(iter(get_close_matches(name[:64], models, n=1, cutoff=0.8)), None)


def _is_encoded(value: object, start: str) -> bool:
    if not isinstance(value, str) or not value.lstrip().startswith(start):
        return False
    try:
        return isinstance(load(value.encode()), (dict, list))
    except WireError:
        return False


def _few(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
