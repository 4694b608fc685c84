"""How many tokens a request is billed for: estimated before it is sent, counted after."""

import json

from ..exchanges import Answer, Request, is_array, member

#: What an image or a video is recognised by in a body, and how many tokens it is taken for.
MEDIA, TOKENS_OF_MEDIA = '"image": ', 1000


def counted_tokens(answer: Answer) -> int | None:
    """How many tokens the target has counted, text and images together; None without a count."""
    if answer.status != 200:
        return 0
    tokens = member(answer.json, "meta", "tokens") or member(answer.json, "tokens")
    text, images = member(tokens, "input_tokens"), member(tokens, "image_tokens")
    return text + (images if type(images) is int else 0) if type(text) is int else None


def estimated_tokens(request: Request) -> int:
    """At most how many tokens the request is billed for: one for each character, query included."""
    documents = member(request.body, "documents")
    count = len(documents) if is_array(documents) else 1
    query = json.dumps(member(request.body, "query"), ensure_ascii=False)
    sent = json.dumps(documents, ensure_ascii=False)
    media = (count * query.count(MEDIA) + sent.count(MEDIA)) * TOKENS_OF_MEDIA
    return count * len(query) + len(sent) + media
