"""A careful client of `POST /v1/rerank`: task on standard input, answer on standard output."""

import json
import math
import os
import random
import sys
import time
from typing import Any

import httpx

TRIES = 4
PASSING = {429, 500, 502, 503, 504}


class RerankError(Exception):
    """The service did not rank. The message says why; `status` is the HTTP status, if any."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def rerank(
    base_url: str, api_key: str, body: dict[str, Any], timeout: float
) -> list[tuple[int, float]]:
    """Return the results as (index, score), best first; raises `RerankError`."""
    if not body["documents"]:
        return []
    headers = {"Authorization": f"Bearer {api_key}"}
    url = f"{base_url.rstrip('/')}/rerank"
    with httpx.Client(headers=headers, timeout=timeout, follow_redirects=True) as client:
        for attempt in range(TRIES):
            try:
                status, wait, text = post(client, url, body, time.monotonic() + timeout)
            except httpx.TimeoutException as error:
                raise RerankError(f"no answer within {timeout:g} seconds") from error
            except httpx.TransportError as error:
                raise RerankError(f"{url} cannot be reached: {error}") from error
            if status not in PASSING or attempt == TRIES - 1:
                break
            # Without Retry-After: wait longer each time, and not in step with other clients.
            time.sleep(wait or 0.2 * 2**attempt * random.uniform(1, 1.5))  # noqa: S311 - no secret
    if status != 200:
        raise RerankError(message_of(text), status)
    return results_of(text, len(body["documents"]))


def post(
    client: httpx.Client, url: str, body: dict[str, Any], deadline: float
) -> tuple[int, float, str]:
    """Return status, seconds to wait and body; the deadline covers the whole answer."""
    with client.stream("POST", url, json=body) as answer:
        pieces = []
        for piece in answer.iter_raw():
            pieces.append(piece)
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer takes too long")
    after = answer.headers.get("retry-after", "")
    text = b"".join(pieces).decode("utf-8", "replace")
    return answer.status_code, float(after) if after.isdecimal() else 0, text


def message_of(text: str) -> str:
    """Find the message in any form of error body of this API."""
    try:
        body = json.loads(text)
    except ValueError:
        return text
    message = body.get("message") if isinstance(body, dict) else body
    return message if isinstance(message, str) else text


def results_of(text: str, count: int) -> list[tuple[int, float]]:
    """Read only what is needed of the results, and trust none of it."""
    try:
        results = json.loads(text)["results"]
        ranked = [(result["index"], result["relevance_score"]) for result in results]
    except (ValueError, KeyError, TypeError) as error:
        raise RerankError(f"not an answer of this API: {message_of(text)}") from error
    # `True` is an `int`, -1 the last document, and NaN a number.
    if not all(type(index) is int and 0 <= index < count for index, _ in ranked):
        raise RerankError(f"the answer has an index that no document has: {text[:200]}")
    if len({index for index, _ in ranked}) < len(ranked):
        raise RerankError(f"the answer has two results for a document: {text[:200]}")
    if not all(type(score) in (int, float) and math.isfinite(score) for _, score in ranked):
        raise RerankError(f"the answer has a score that is no number: {text[:200]}")
    # The service promises this order, but a gateway may not keep it.
    return sorted(ranked, key=lambda result: -result[1])


def main() -> None:
    """Do the task."""
    task = json.load(sys.stdin)
    body = {name: task[name] for name in ("model", "query", "documents")} | task["options"]
    try:
        ranked = rerank(
            os.environ["RERANK_BASE_URL"], os.environ["RERANK_API_KEY"], body, task["timeout"]
        )
    except RerankError as error:
        answer = {"error": {"message": str(error), "status": error.status}}
    else:
        answer = {
            "ranking": [index for index, _ in ranked],
            "scores": [score for _, score in ranked],
            "texts": [task["documents"][index] for index, _ in ranked],
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
