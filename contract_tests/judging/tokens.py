"""How many tokens a request is billed for: reserved before it is sent, counted after."""

import json

from ..contract import AnyJson
from ..exchanges import Answer, Request, is_array, member

#: What an image or a video is recognised by in a body, and how many tokens it is taken for.
MEDIA, TOKENS_OF_MEDIA = '"image": ', 1000
#: Letters of a token, in text that is written with ASCII.
LETTERS = 4


def billed_tokens(request: Request, answer: Answer) -> int:
    """The larger of what the target has counted and our own estimate; a refusal is free."""
    if answer.status != 200:
        return 0
    tokens = member(answer.json, "meta", "tokens") or member(answer.json, "tokens")
    counts = [member(tokens, name) for name in ("input_tokens", "image_tokens")]
    counted = sum(count for count in counts if type(count) is int and count > 0)
    return max(counted, estimated_tokens(request))


def estimated_tokens(request: Request) -> int:
    """About how many tokens the request is billed for: the query is read with each document."""
    documents = member(request.body, "documents")
    texts: list[AnyJson] = documents if is_array(documents) else [documents]
    query = _tokens(member(request.body, "query"))
    return sum(query + _tokens(text) for text in texts)


def most_tokens(request: Request) -> int:
    """At most how many tokens the request is billed for: one for each character."""
    documents = member(request.body, "documents")
    count = len(documents) if is_array(documents) else 1
    query = json.dumps(member(request.body, "query"), ensure_ascii=False)
    sent = json.dumps(documents, ensure_ascii=False)
    media = (count * query.count(MEDIA) + sent.count(MEDIA)) * TOKENS_OF_MEDIA
    return count * len(query) + len(sent) + media


def _tokens(content: AnyJson) -> int:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    if MEDIA in text:
        return TOKENS_OF_MEDIA
    plain = sum(map(str.isascii, text))
    return len(text) - plain + -(-plain // LETTERS)
