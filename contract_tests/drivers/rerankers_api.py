"""Drives the API ranker of rerankers.

It takes the URL of the endpoint, always asks for all documents and their texts, and has no
timeout to set.
"""

from rerankers import Reranker
from speaking import NotApplicableError, Task, allow, answer


def rank(task: Task) -> dict[str, object]:
    """Rank as a provider with the wire of Cohere does."""
    allow(task, "top_n", "return_documents")
    if task.options.get("return_documents") is False:
        raise NotApplicableError("no way to leave out return_documents")
    ranker = Reranker(task.model, model_type="cohere", api_key=task.api_key, url=task.endpoint)
    ranked = ranker.rank(task.query, list(task.documents))
    results = ranked.top_k(task.options["top_n"]) if "top_n" in task.options else ranked.results
    return {
        "ranking": [result.doc_id for result in results],
        "scores": [result.score for result in results],
        "texts": [result.text for result in results],
    }


answer(rank, sends_headers=False)
