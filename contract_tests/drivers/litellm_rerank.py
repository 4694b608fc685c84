"""Drives `litellm.rerank` by the provider that the command line names."""

import sys

import litellm
from speaking import Task, allow, answer


def rank(task: Task) -> dict[str, object]:
    """Rank by the provider."""
    allow(task, "top_n", "return_documents", "instruction")
    response = litellm.rerank(
        model=f"{sys.argv[1]}/{task.model}",
        query=task.query,
        documents=list(task.documents),
        api_base=task.base_url,
        api_key=task.api_key,
        timeout=task.timeout,
        headers=dict(task.headers),
        num_retries=2,  # the others try again without being asked
        **task.options,
    )
    results = response.results
    texts = [result["document"]["text"] for result in results if result.get("document")]
    return {
        "ranking": [result["index"] for result in results],
        "scores": [result["relevance_score"] for result in results],
        **({"texts": texts} if texts else {}),
    }


answer(rank, sends_headers=True)
