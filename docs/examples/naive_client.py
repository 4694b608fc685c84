"""A typical first version of a client of `POST /v1/rerank`: it works, on a good day."""

import json
import math
import os
import sys

import httpx


def rerank(query, documents, model, top_n=0, instruction=None):
    body = {"model": model, "query": query, "documents": documents}
    if top_n:
        body["top_k"] = top_n
    if instruction:
        body["instruct"] = instruction
    try:
        answer = httpx.post(
            os.environ["RERANK_BASE_URL"] + "/rerank",
            headers={"Authorization": "Bearer " + os.environ["RERANK_API_KEY"]},
            json=body,
            timeout=5,
        )
        results = answer.json()["results"]
    except (httpx.HTTPError, KeyError):
        raise RuntimeError("Server unavailable")
    scores = [0.0] * len(documents)
    for position, result in enumerate(results):
        scores[position] = 1 / (1 + math.exp(-result["relevance_score"]))
    return scores


if __name__ == "__main__":
    task = json.load(sys.stdin)
    options = task["options"]
    try:
        scores = rerank(
            task["query"],
            task["documents"],
            task["model"],
            options.get("top_n", 0),
            options.get("instruction"),
        )
    except RuntimeError as error:
        print(json.dumps({"error": {"message": str(error)}}))
    else:
        ranking = sorted(range(len(scores)), key=lambda index: -scores[index])
        print(json.dumps({"ranking": ranking, "scores": [scores[index] for index in ranking]}))
