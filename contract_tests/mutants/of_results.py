"""Mutants whose results are wrong: order, number, indices, scores, text."""

import html
import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from ..contract import AnyJson
from ..exchanges import Answer, Request, member
from .operators import (
    Body,
    Sender,
    does,
    edits_each,
    edits_results,
    without,
)


def _documents(sent: Body) -> list[AnyJson]:
    documents = sent["documents"]
    return [documents] if isinstance(documents, str) else documents


def _text(change: Callable[[str], AnyJson]) -> Callable[[Body, Body], Body]:
    """Change the text of a returned document."""

    def edit(result: Body, _: Body) -> Body:
        document = result.get("document")
        if not document or "text" not in document:
            return result
        return {**result, "document": {**document, "text": change(document["text"])}}

    return edit


def _returned(wanted: Callable[[Body], bool]) -> Callable[[Body, Body], Body]:
    """Return the text where `wanted` is true of the request."""

    def edit(result: Body, sent: Body) -> Body:
        text = _documents(sent)[result["index"]]
        return {**result, "document": {"text": text}} if wanted(sent) else result

    return edit


def _rotated(results: list[Body], _: Body) -> list[Body]:
    documents = [result.get("document") for result in results]
    return [
        {**result, "document": document}
        for result, document in zip(results, [*documents[1:], *documents[:1]], strict=True)
    ]


def _ranks(results: list[Body], sent: Body) -> list[Body]:
    """Number the results by their rank, text and all."""
    documents = _documents(sent)
    return [
        {**result, "index": rank, "document": {"text": documents[rank]}}
        if result.get("document")
        else {**result, "index": rank}
        for rank, result in enumerate(results)
    ]


def _numbered(number: Callable[[int, int], AnyJson]) -> Callable[[Body, Body], Body]:
    return lambda result, sent: {
        **result,
        "index": number(result["index"], len(_documents(sent))),
    }


def _scored(score: Callable[[float], AnyJson]) -> Callable[[Body, Body], Body]:
    return lambda result, _: {**result, "relevance_score": score(result["relevance_score"])}


def _one_fewer(results: list[Body], sent: Body) -> list[Body]:
    return results[:-1] if len(results) > 1 and sent.get("top_n") else results


def _fewer_than_all(results: list[Body], sent: Body) -> list[Body]:
    return results[:-1] if (sent.get("top_n") or 0) > len(_documents(sent)) else results


def _worst(send: Sender, request: Request) -> Answer:
    """Let top_n leave the least relevant documents."""
    answer = send(request)
    top_n = member(request.body, "top_n")
    if answer.status != 200 or type(top_n) is not int:
        return answer
    full = send(replace(request, body=without(request.body, "top_n")))
    body = {**full.json, "results": full.json["results"][-top_n:]}
    return replace(full, body=json.dumps(body).encode())


MUTANTS_OF_RESULTS = (
    edits_results(
        "sorts by rising score", "response.results.sorted", lambda results, _: results[::-1]
    ),
    edits_results(
        "sorts by index",
        "response.results.sorted",
        lambda results, _: sorted(results, key=lambda result: int(result["index"])),
    ),
    edits_results(
        "leaves the last document out",
        "response.results.complete",
        lambda results, sent: results if sent.get("top_n") else results[:-1] or results,
    ),
    edits_each(
        "has no index",
        "response.results.index.required",
        lambda result, _: without(result, "index"),
    ),
    edits_each(
        "writes indices as strings",
        "response.results.index.type",
        _numbered(lambda index, _: str(index)),
    ),
    edits_each(
        "writes indices as fractions",
        "response.results.index.type",
        _numbered(lambda index, _: index + 0.5),
    ),
    edits_each(
        "counts indices from one",
        "response.results.index.range",
        _numbered(lambda index, _: index + 1),
    ),
    edits_each(
        "counts indices from the end",
        "response.results.index.range",
        _numbered(lambda index, count: index - count),
    ),
    edits_each(
        "gives every result the same index",
        "response.results.index.unique",
        _numbered(lambda _index, _count: 0),
    ),
    edits_results(
        "returns a document twice",
        "response.results.index.unique",
        lambda results, _: [*results, results[-1]],
    ),
    edits_results("has ranks for indices", "response.results.index.permutation", _ranks),
    edits_each(
        "has no score",
        "response.results.relevance_score.required",
        lambda result, _: without(result, "relevance_score"),
    ),
    edits_each(
        "calls the score score",
        "response.results.relevance_score.required",
        lambda result, _: {
            **without(result, "relevance_score"),
            "score": result["relevance_score"],
        },
    ),
    edits_each("writes scores as strings", "response.results.relevance_score.type", _scored(str)),
    edits_each(
        "has null for scores", "response.results.relevance_score.type", _scored(lambda _: None)
    ),
    edits_each(
        "scores in percent",
        "response.results.relevance_score.range",
        _scored(lambda score: score * 100 + 1),
    ),
    edits_each(
        "returns documents as strings",
        "response.results.document.type",
        lambda result, sent: {**result, "document": _documents(sent)[result["index"]]},
    ),
    edits_each(
        "returns a list for text", "response.results.document.type", _text(lambda text: [text])
    ),
    edits_results("returns one result too few", "request.top_n.count", _one_fewer),
    edits_results(
        "leaves one out of a large top_n", "request.top_n.beyond_documents", _fewer_than_all
    ),
    does("returns the worst", "request.top_n.most_relevant", _worst),
    edits_each(
        "returns no text",
        "request.return_documents.true",
        lambda result, _: without(result, "document"),
    ),
    edits_results("returns the text of another", "request.return_documents.true", _rotated),
    edits_each("strips text", "request.return_documents.true", _text(str.strip)),
    edits_each("lowers text", "request.return_documents.true", _text(str.lower)),
    edits_each("escapes text", "request.return_documents.true", _text(html.escape)),
    edits_each("cuts text", "request.return_documents.true", _text(lambda text: text[:1000])),
    edits_each(
        "joins lines",
        "request.return_documents.true",
        _text(lambda text: " ".join(text.splitlines())),
    ),
    edits_each(
        "normalizes text",
        "request.return_documents.true",
        _text(lambda text: unicodedata.normalize("NFC", text)),
    ),
    edits_each(
        "drops what is not ASCII",
        "request.return_documents.true",
        _text(lambda text: text.encode("ascii", "replace").decode()),
    ),
    edits_each(
        "returns text always",
        "request.return_documents.false",
        _returned(lambda _: True),
    ),
    edits_each(
        "returns text by default",
        "request.return_documents.default",
        _returned(lambda sent: "return_documents" not in sent),
    ),
)
