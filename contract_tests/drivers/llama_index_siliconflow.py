"""Drives `SiliconFlowRerank` of llama-index-postprocessor-siliconflow-rerank.

It takes the URL of the endpoint and has no timeout to set.
"""

from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.siliconflow_rerank import SiliconFlowRerank
from speaking import Task, allow, answer


def rank(task: Task) -> dict[str, object]:
    """Rank nodes, each with the index of its document as its id."""
    allow(task, "top_n", "return_documents", "max_chunks_per_doc", "overlap_tokens")
    reranker = SiliconFlowRerank(
        model=task.model, base_url=task.endpoint, api_key=task.api_key, **task.options
    )
    nodes = [
        NodeWithScore(node=TextNode(id_=str(index), text=text))
        for index, text in enumerate(task.documents)
    ]
    ranked = reranker.postprocess_nodes(nodes, query_str=task.query)
    return {
        "ranking": [int(found.node_id) for found in ranked],
        "scores": [found.score for found in ranked],
        "texts": [found.text for found in ranked],
    }


answer(rank, sends_headers=False)
