"""Drives the class of cohere that the command line names.

To its base URL `Client` adds `/v1/rerank`, `ClientV2` `/v2/rerank`.
"""

import sys

import cohere
from speaking import Task, answer

#: Fields that `rerank` has arguments for; others go by the options of the request.
ARGUMENTS = ("top_n", "return_documents", "max_chunks_per_doc")


def rank(task: Task) -> dict[str, object]:
    """Rank by the class."""
    make_client = getattr(cohere, sys.argv[1])
    client = make_client(api_key=task.api_key, base_url=task.root, timeout=task.timeout)
    arguments = {name: value for name, value in task.options.items() if name in ARGUMENTS}
    further = {name: value for name, value in task.options.items() if name not in ARGUMENTS}
    response = client.rerank(
        model=task.model,
        query=task.query,
        documents=list(task.documents),
        request_options={
            "additional_body_parameters": further,
            "additional_headers": dict(task.headers),
        },
        **arguments,
    )
    results = response.results
    texts = [result.document.text for result in results if result.document]
    return {
        "ranking": [result.index for result in results],
        "scores": [result.relevance_score for result in results],
        **({"texts": texts} if texts else {}),
    }


answer(rank, sends_headers=True)
