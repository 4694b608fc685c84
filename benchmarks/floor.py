"""What no mock with our scores can do without: a request parsed, validated, ranked, and printed."""

from typing import Any

import orjson

from mockserver.contract import load_contract
from mockserver.scoring import rank

from .bare import Receive, Send, respond, serve

CONTRACT = load_contract()


async def application(_scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer any request as one for a ranking."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await respond(send, ranking(body))


def ranking(body: bytes) -> bytes:
    """Return the answer to a request that keeps the contract."""
    fields = orjson.loads(body)
    breach = CONTRACT.forms["classic"].breach(fields)
    if breach:
        raise ValueError(breach.rule)
    model = CONTRACT.models[fields["model"]]
    ranked = rank(
        fields["query"],
        fields["documents"],
        model=model.id,
        context_tokens=model.context_tokens,
        max_chunks=None,
    )
    order = sorted(range(len(ranked.scores)), key=ranked.scores.__getitem__, reverse=True)
    counts = {"input_tokens": ranked.input_tokens, "output_tokens": 0, "image_tokens": 0}
    results = [{"index": i, "relevance_score": ranked.scores[i], "document": None} for i in order]
    return orjson.dumps({"id": "0" * 32, "results": results, "meta": {"tokens": counts}})


if __name__ == "__main__":
    serve(application)
