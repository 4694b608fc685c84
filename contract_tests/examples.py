"""Examples that no schema gives: bodies that are not JSON, unknown names, images."""

from collections.abc import Callable, Mapping

NOT_JSON = (b"", b"model=a&query=b", b'{"model": ', b"{'model': 'a'}", b'{"top_n": NaN}')
UNKNOWN_FIELDS = {
    "top_k": 1,
    "instruct": "Rank by relevance.",
    "rerank_contract": True,
    "user": "a",
}
#: What makes of JSON something that lax parsers read all the same.
NEARLY_JSON: Mapping[str, Callable[[bytes], bytes]] = {
    "more after its end": lambda body: body + b" }",
    "no end": lambda body: body[:-1],
    "a comment": lambda body: b"/* a comment */ " + body,
    "a comma too many": lambda body: body[:-1] + b",}",
}
NO_SUCH_MODELS = ("rerank-contract/no-such-model", "BAAI/bge-reranker-v2-m3-no-such-model", " ")
#: One white pixel.
IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMC"
    "AO+ip1sAAAAASUVORK5CYII="
)
VIDEO = "https://example.com/rerank-contract.mp4"
