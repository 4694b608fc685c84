"""Rules about the body of a request. Each yields a hint for each thing that it finds."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache

from ..contract import Contract, Model
from ..parsed_request import ReceivedRequest
from ..wire import WireError, load
from ..wording import count_of
from . import media
from .rules import Rule, rule

#: Fields of other rerank APIs, with the field of this API that has the same meaning, if any.
DIALECTS: Mapping[str, str | None] = {
    "candidates": "documents",
    "docs": "documents",
    "inputs": "documents",
    "instruct": "instruction",
    "k": "top_n",
    "limit": "top_n",
    "input": None,
    "max_tokens_per_doc": None,
    "n": "top_n",
    "parameters": None,
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

#: What to do with fields that are more than misnamed.
_CURES: Mapping[str, str] = {
    "input": "the dialect of DashScope; put query and documents at the top level",
    "parameters": "the dialect of DashScope; put its members at the top level",
    "max_tokens_per_doc": "this API cannot truncate documents; do it in the client",
}

#: The most fields or documents that a hint lists.
NAMED = 5


def may_advise(sent: ReceivedRequest) -> bool:
    """Return whether a rule of this module may find anything. Called for every request."""
    fields = sent.fields
    if sent.breach or sent.known_model is None or sent.form.name != "classic":
        return True
    # As the form is kept, these are the texts of a classic request.
    documents: list[str] | str = fields["documents"]
    return (
        isinstance(documents, str)
        or not sent.contract.plain_fields.issuperset(fields)
        or sent.without_nulls is not sent.body
        or not 1 <= fields.get("top_n", 1) <= len(documents)
        or b'"data:' in sent.request.body
        # Fewer texts than documents: some are blank or equal.
        or len({"", *map(str.strip, documents)}) <= len(documents)
    )


@rule("body_empty", "breach")
def body_empty(sent: ReceivedRequest) -> Iterator[str]:
    """The body is empty."""
    if sent.is_rerank and not sent.request.body:
        yield "Send a JSON object with model, query and documents; a redirect may have dropped it"


@rule("body_not_json", "breach")
def body_not_json(sent: ReceivedRequest) -> Iterator[str]:
    """The body is not valid JSON."""
    if sent.is_rerank and sent.problem and not sent.is_too_long:
        cure = _cure(sent.request.body)
        yield f"{sent.problem}. {cure}" if cure else sent.problem


@rule("encoded_twice", "breach")
def encoded_twice(sent: ReceivedRequest) -> Iterator[str]:
    """The JSON was encoded twice."""
    if _is_encoded(sent.body, "{"):
        yield "The body is a JSON string that contains JSON: encode the object once"


@rule("documents_encoded", "mistake")
def documents_encoded(sent: ReceivedRequest) -> Iterator[str]:
    """The documents are a string that contains JSON."""
    if _is_encoded(sent.fields.get("documents"), "["):
        yield "A string is one document: send the array"


@rule("unknown_field", "mistake")
def unknown_field(sent: ReceivedRequest) -> Iterator[str]:
    """The request has a field that this API does not have."""
    if sent.is_rerank:
        for name in sorted(sent.fields.keys() - sent.form.fields)[:NAMED]:
            likely = likely_field(sent.contract, name[:64])
            cure = _CURES.get(name, "it has no effect; leave it out")
            yield f"`{name[:64]}`: " + (f"did you mean `{likely}`?" if likely else cure)


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


@rule("unknown_model", "breach")
def unknown_model(sent: ReceivedRequest) -> Iterator[str]:
    """There is no such model."""
    name = sent.model
    if sent.is_rerank and name is not None and name not in sent.models:
        prefix, _, rest = name[:64].partition("/")
        same, within = _same_model(name[:64], sent.models), _same_model(rest, sent.models)
        if within and not same:
            hint = f"drop the prefix `{prefix}/`: the model is `{within}`"
        elif likely := same or likely_model(name, sent.models):
            hint = f"did you mean `{likely}`?"
        else:
            hint = "GET /v1/models?type=text&sub_type=reranker lists the models"
        yield f"`{name[:64]}`: {hint}"


@rule("gated_field", "mistake")
def gated_field(sent: ReceivedRequest) -> Iterator[str]:
    """The request has a field that the model does not support."""
    if sent.known_model:
        given = {name for name, value in sent.fields.items() if value is not None}
        gated = sent.contract.gated_fields & given
        for name in sorted(gated - sent.known_model.supports):
            able = [model.id for model in sent.models.values() if name in model.supports]
            where = f"supported only by {', '.join(able)}" if able else "no model supports it"
            yield f"`{name}` with {sent.known_model.id}: {where}"


#: Members of an object that is more than a text.
_NOT_TEXT = {"content", "type", *media.NAMES}


@rule("text_as_object", "breach")
def text_as_object(sent: ReceivedRequest) -> Iterator[str]:
    """A text model was sent an object instead of a string."""
    if sent.form.name == "classic" and any(
        isinstance(content, dict) and not _NOT_TEXT & content.keys() for content in sent.contents
    ):
        yield 'Send texts as strings: "a text" instead of {"text": "a text"}'


_OF_CONTENT = (
    media.chat_style_content,
    media.media_for_a_text_model,
    media.media_as_object,
    text_as_object,
)

#: Fields whose violations may have an advice of their own.
_EXPLAINED: Mapping[str, tuple[Rule[[ReceivedRequest]], ...]] = {
    "body": (encoded_twice,),
    "top_n": (top_n_below_one,),
    "query": _OF_CONTENT,
    "documents": _OF_CONTENT,
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
    """Return the model whose name is similar."""
    close = get_close_matches(name[:64], models, n=1, cutoff=0.8)
    return next(iter(close), None)


def _same_model(name: str, models: Mapping[str, Model]) -> str | None:
    """Return the model with this name, in any case, with or without its owner."""
    plain = name.strip().lower()
    names = {model: model.lower() for model in models}
    same = (model for model, lower in names.items() if plain == lower)
    bare = (model for model, lower in names.items() if plain and lower.endswith(f"/{plain}"))
    return next(same, None) or next(bare, None)


#: What a body may be that is not JSON in UTF-8: how it begins, and what helps.
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\s*\{'"), "Python prints single quotes: use json.dumps"),
    (re.compile(rb"[\w%]+="), "This is a form: with httpx or requests use json=, not data="),
    (re.compile(rb"\x1f\x8b"), "This is gzip: the service takes no compressed bodies"),
    (re.compile(rb"\xef\xbb\xbf"), "A byte order mark precedes it: encode as utf-8, not utf-8-sig"),
    (re.compile(rb"\xff\xfe|\xfe\xff|\{\0|\0\{"), "This is UTF-16: encode as UTF-8"),
)


def _cure(body: bytes) -> str:
    """Return what helps against a body that is not JSON, or an empty string."""
    for beginning, cure in _BEGINNINGS:
        if beginning.match(body):
            return cure
    if re.search(rb"[:,\[]\s*-?(NaN|Infinity)\b", body):
        return "JSON has neither NaN nor Infinity"
    for encoding, name in (("utf-8", ""), ("gb18030", "GBK"), ("latin-1", "Latin-1")):
        try:
            body.decode(encoding)
        except ValueError:
            continue
        return f"This is {name}: encode as UTF-8" if name else ""
    return ""


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
