"""A right client, and 38 kinds of wrong ones, each seen in published code.

`docs/testing-a-client.md` has the same table.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import urljoin

import httpx

#: How a kind of client is noticed: its test fails, it gets a warning, or neither.
Noticed: TypeAlias = Literal["caught", "warned", "silent"]

BGE = "BAAI/bge-reranker-v2-m3"
RETRIED = frozenset({429, 502, 503, 504})

QUERY = "苹果 pie recipe"
#: The best document is the last, and its relevant words are at its end.
BEST = f"{'Preheat the oven, and butter a form. ' * 4}This is our recipe of 苹果 pie."
DOCUMENTS = ["Pears are in season.", "How to plant a plum tree.", BEST]


class RerankError(Exception):
    """The request failed; the message is for the user."""


def message_of(answer: httpx.Response) -> str:
    """Return the message of an error: a member of an object, a string, or plain text."""
    try:
        body = answer.json()
    except ValueError:
        return answer.text
    return str(cast("dict[str, Any]", body)["message"] if isinstance(body, dict) else body)


@dataclass(frozen=True)
class Client:
    """A right client. The wrong ones differ from it in one thing."""

    base_url: str
    key: str
    #: Waits that many seconds.
    sleep: Callable[[float], None]

    def rank(self, query: str, documents: Sequence[str], top_n: int | None = None) -> list[str]:
        """Return the documents, best first."""
        answer = self.ask(self.body(query, documents, top_n))
        return self.read(answer.json(), documents)

    def url(self) -> str:
        return f"{self.base_url}/rerank"

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        body: dict[str, Any] = {"model": BGE, "query": query, "documents": [*documents]}
        return body if top_n is None else {**body, "top_n": top_n}

    def send(self, body: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(self.url(), headers=self.headers(), json=body, timeout=10)

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        for pause in (1, 2, 4, 0):
            answer = self.send(body)
            if answer.status_code not in RETRIED or not pause:
                break
            self.sleep(pause)
        if answer.status_code != 200:
            raise RerankError(message_of(answer))
        return answer

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        return [documents[int(result["index"])] for result in answer["results"]]


class IndexTwice(Client):
    """Applies the index to documents that are sorted already."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        ranked = super().read(answer, documents)
        return [ranked[result["index"]] for result in answer["results"]]


class IndexIgnored(Client):
    """Takes results to be in the order of the documents."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        pairs = zip(answer["results"], documents, strict=False)
        ranked = sorted(pairs, key=lambda pair: pair[0]["relevance_score"], reverse=True)
        return [document for _, document in ranked]


class DocumentsAsObjects(Client):
    """Sends objects to a text model."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        objects = [{"text": document} for document in documents]
        return {**super().body(query, documents, top_n), "documents": objects}


class NoBearer(Client):
    """Leaves the word Bearer out."""

    def headers(self) -> dict[str, str]:
        return {"Authorization": self.key}


class V1Twice(Client):
    """Appends /v1 to a base URL that has it."""

    def url(self) -> str:
        return f"{self.base_url}/v1/rerank"


class TwoSlashes(Client):
    """Joins with two slashes."""

    def url(self) -> str:
        return f"{self.base_url}//rerank"


class JoinedByUrljoin(Client):
    """Loses /v1, as `urljoin` replaces the path."""

    def url(self) -> str:
        return urljoin(self.base_url, "/rerank")


class DropsWhatIsNotAscii(Client):
    """Drops what is not ASCII."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        plain = [text.encode("ascii", "ignore").decode() for text in (query, *documents)]
        return super().body(plain[0], plain[1:], top_n)

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        return [text.encode("ascii", "ignore").decode() for text in super().read(answer, documents)]


class TruncatesDocuments(Client):
    """Sends only the beginning of each document."""

    def rank(self, query: str, documents: Sequence[str], top_n: int | None = None) -> list[str]:
        return super().rank(query, [document[:100] for document in documents], top_n)


class ReadsDocumentHard(Client):
    """Reads the text of documents that it did not ask for."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        del documents
        return [result["document"]["text"] for result in answer["results"]]


class ReadsDocumentSoft(Client):
    """As before, with an empty text in place of an absent one."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        del documents
        found: list[dict[str, Any]] = [result.get("document") or {} for result in answer["results"]]
        return [document.get("text", "") for document in found]


class BareModelName(Client):
    """Leaves the owner of the model out."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        return {**super().body(query, documents, top_n), "model": BGE.partition("/")[2]}


class EncodedTwice(Client):
    """Encodes the body twice."""

    def send(self, body: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(self.url(), headers=self.headers(), json=json.dumps(body), timeout=10)


class TextsForDocuments(Client):
    """Calls the documents `texts`."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        body = super().body(query, documents, top_n)
        body["texts"] = body.pop("documents")
        return body


class BearerTwice(Client):
    """Puts the word Bearer before a key that has it."""

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer Bearer {self.key}"}


class SortsAscending(Client):
    """Sorts with the best document last."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        results = sorted(answer["results"], key=lambda result: result["relevance_score"])
        return super().read({"results": results}, documents)


class Get(Client):
    """Sends a GET."""

    def send(self, body: Mapping[str, Any]) -> httpx.Response:
        url, headers = self.url(), self.headers()
        return httpx.request("GET", url, headers=headers, json=body, timeout=10)


class V1TwiceAndSwallowed(V1Twice):
    """Posts to a path that does not exist, and returns the documents as they are."""

    def rank(self, query: str, documents: Sequence[str], top_n: int | None = None) -> list[str]:
        try:
            return super().rank(query, documents, top_n)
        except RerankError:
            return [*documents]


class TopK(Client):
    """Calls `top_n` `top_k`."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        return {**super().body(query, documents, None), "top_k": top_n}


class TopKCutByTheClient(TopK):
    """As before; nobody notices, as it also cuts the results."""

    def rank(self, query: str, documents: Sequence[str], top_n: int | None = None) -> list[str]:
        return super().rank(query, documents, top_n)[:top_n]


class TrailingSlash(Client):
    """Ends the path with a slash, and follows the redirect."""

    def send(self, body: Mapping[str, Any]) -> httpx.Response:
        with httpx.Client(headers=self.headers(), follow_redirects=True, timeout=10) as client:
            return client.post(f"{self.url()}/", json=body)


class GatedField(Client):
    """Sends a field that the model does not support."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        return {**super().body(query, documents, top_n), "instruction": "Rank recipes."}


class FormContentType(Client):
    """Says that the body is a form."""

    def send(self, body: Mapping[str, Any]) -> httpx.Response:
        headers = {**self.headers(), "Content-Type": "application/x-www-form-urlencoded"}
        return httpx.post(self.url(), headers=headers, content=json.dumps(body), timeout=10)


class KeyInTheUrl(Client):
    """Puts the key in the URL as well."""

    def url(self) -> str:
        return f"{super().url()}?api_key={self.key}"


class NullForOptional(Client):
    """Sends null for what is not set, as pydantic's `model_dump` does."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        return {**super().body(query, documents, top_n), "instruction": None}


class Sigmoid(Client):
    """Applies a sigmoid to scores that are in (0, 1) already."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        scores = [0.0] * len(documents)
        for result in answer["results"]:
            scores[result["index"]] = 1 / (1 + math.exp(-result["relevance_score"]))
        return _by_score(documents, scores)


class ReadsScore(Client):
    """Reads `score`, with a default, and keeps the order of the results."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        results = answer["results"]
        ranked = sorted(results, key=lambda result: result.get("score", 0.0), reverse=True)
        return super().read({"results": ranked}, documents)


class Threshold(Client):
    """Keeps what scores at least 0.5."""

    def read(self, answer: Mapping[str, Any], documents: Sequence[str]) -> list[str]:
        results = [result for result in answer["results"] if result["relevance_score"] >= 0.5]
        return super().read({"results": results}, documents)


class NoRetry(Client):
    """Never retries."""

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        answer = self.send(body)
        if answer.status_code != 200:
            raise RerankError(message_of(answer))
        return answer


class RetriesAtOnce(Client):
    """Retries without a pause."""

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        answer = self.send(body)
        for _ in range(3):
            if answer.status_code not in RETRIED:
                break
            answer = self.send(body)
        if answer.status_code != 200:
            raise RerankError(message_of(answer))
        return answer


class RetriesMore(Client):
    """Retries what no retry helps."""

    #: The status that it should not retry.
    status = 400

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        for pause in (1, 2, 4, 0):
            answer = self.send(body)
            if answer.status_code not in RETRIED | {self.status} or not pause:
                break
            self.sleep(pause)
        if answer.status_code != 200:
            raise RerankError(message_of(answer))
        return answer


class Retries402(RetriesMore):
    """Retries when there is no money left."""

    status = 402


class IgnoresTheStatus(Client):
    """Takes the body of an error for a ranking."""

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        return self.send(body)


class SwallowsErrors(NoRetry):
    """Returns the documents as they are when anything goes wrong."""

    def rank(self, query: str, documents: Sequence[str], top_n: int | None = None) -> list[str]:
        try:
            return super().rank(query, documents, top_n)
        except Exception:  # noqa: BLE001 - what this kind does
            return [*documents]


class MessageOfAnObject(Client):
    """Takes the body of each error to be an object."""

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        for pause in (1, 2, 4, 0):
            answer = self.send(body)
            if answer.status_code == 200:
                return answer
            message = answer.json()["message"]
            if answer.status_code not in RETRIED or not pause:
                raise RerankError(message)
            self.sleep(pause)
        raise AssertionError


class TopNZero(Client):
    """Sends 0 for a `top_n` that is not set."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        return super().body(query, documents, top_n or 0)


class LeavesEmptyDocumentsOut(Client):
    """Leaves empty documents out, and takes the indices for those of all documents."""

    def body(self, query: str, documents: Sequence[str], top_n: int | None) -> dict[str, Any]:
        return super().body(query, [*filter(str.strip, documents)], top_n)


class NoTimeout(Client):
    """Waits for ever."""

    def send(self, body: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(self.url(), headers=self.headers(), json=body, timeout=None)


def _by_score(documents: Sequence[str], scores: Sequence[float]) -> list[str]:
    places = sorted(range(len(documents)), key=scores.__getitem__, reverse=True)
    return [documents[place] for place in places]


class Kind(NamedTuple):
    """A kind of wrong client, and how its happy-path test notices it."""

    client: type[Client]
    plain: Noticed
    #: With the hostile options on.
    hostile: Noticed
    #: Whether the test asserts what comes out.
    asserts: bool = True


KINDS = (
    Kind(IndexTwice, "caught", "caught"),
    Kind(IndexIgnored, "caught", "caught"),
    Kind(DocumentsAsObjects, "caught", "caught"),
    Kind(NoBearer, "caught", "caught"),
    Kind(V1Twice, "caught", "caught"),
    Kind(TwoSlashes, "caught", "caught"),
    Kind(JoinedByUrljoin, "caught", "caught"),
    Kind(DropsWhatIsNotAscii, "caught", "caught"),
    Kind(TruncatesDocuments, "caught", "caught"),
    Kind(ReadsDocumentHard, "caught", "caught"),
    Kind(ReadsDocumentSoft, "caught", "caught"),
    Kind(BareModelName, "caught", "caught"),
    Kind(EncodedTwice, "caught", "caught"),
    Kind(TextsForDocuments, "caught", "caught"),
    Kind(BearerTwice, "caught", "caught"),
    Kind(SortsAscending, "caught", "caught"),
    Kind(Get, "caught", "caught"),
    Kind(V1TwiceAndSwallowed, "caught", "caught", asserts=False),
    Kind(TopKCutByTheClient, "warned", "warned"),
    Kind(TopK, "warned", "warned"),
    Kind(TrailingSlash, "warned", "warned"),
    Kind(GatedField, "warned", "warned"),
    Kind(FormContentType, "warned", "warned"),
    Kind(KeyInTheUrl, "warned", "warned"),
    Kind(NoTimeout, "warned", "warned"),
    Kind(NullForOptional, "silent", "silent"),
    Kind(Sigmoid, "silent", "caught"),
    Kind(ReadsScore, "silent", "caught"),
    Kind(Threshold, "silent", "caught"),
    Kind(NoRetry, "silent", "caught"),
    Kind(RetriesAtOnce, "silent", "warned"),
    Kind(RetriesMore, "silent", "silent"),
    Kind(Retries402, "silent", "silent"),
    Kind(IgnoresTheStatus, "silent", "caught"),
    Kind(SwallowsErrors, "silent", "caught"),
    Kind(MessageOfAnObject, "silent", "caught"),
    Kind(TopNZero, "silent", "silent"),
    Kind(LeavesEmptyDocumentsOut, "silent", "silent"),
)
