"""A small gateway of another house: it shares no code with the project.

It is right by default. `faults` are planted by name, each something that a gateway gets wrong;
`freedoms` are what a right one may do. Standard library and httpx only.
"""

import base64
import contextlib
import json
import os
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeAlias

import httpx

Json: TypeAlias = Any
CALLER_KEY = "sk-caller-of-the-gateway"
BATCH = 50
#: Headers of upstream that are passed back.
KEPT = ("x-siliconcloud-trace-id", "retry-after")

#: Fault -> the check that must find it.
FAULTS: Mapping[str, str] = {
    "asks for another model": "field.model",
    "asks for a larger model": "field.model",
    "cuts the query": "field.query",
    "fails on overlap_tokens": "field.overlap_tokens",
    "sends an overlap_tokens that upstream refuses": "field.overlap_tokens",
    "fails on control letters": "text.forwarded",
    "drops ids": "answer.id",
    "returns texts without an object": "answer.shape",
    "prints indices with a fraction": "answer.shape",
    "prints indices as texts": "answer.shape",
    "prints scores as texts": "answer.shape",
    "renames relevance_score": "answer.shape",
    "wraps answers": "answer.shape",
    "answers as plain text": "answer.shape",
    "drops the last document": "field.documents",
    "drops top_n": "field.top_n",
    "sends top_n as text": "field.top_n",
    "drops return_documents": "field.return_documents",
    "drops instruction": "field.instruction",
    "renames overlap_tokens": "field.overlap_tokens",
    "halves max_chunks_per_doc": "field.max_chunks_per_doc",
    "adds max_chunks_per_doc": "field.added",
    "adds an instruction for one model": "field.added",
    "splits a single text": "field.documents.string",
    "prints objects": "field.documents.objects",
    "strips texts": "text.forwarded",
    "composes letters": "text.forwarded",
    "cuts texts to 512 characters": "text.forwarded",
    "cuts texts to 32,768 characters": "text.forwarded",
    "drops control letters": "text.forwarded",
    "unescapes texts": "text.forwarded",
    "strips texts on the way back": "text.returned",
    "counts indices from 1": "ranking.index",
    "sorts the documents": "ranking.index",
    "rounds scores to a digit": "ranking.score",
    "applies a sigmoid": "ranking.score",
    "drops the last result": "ranking.complete",
    "sorts by index": "ranking.order",
    "drops duplicates": "ranking.duplicates",
    "filters empty documents": "ranking.empty",
    "forgets where a batch began": "ranking.many",
    "cuts each batch": "ranking.many",
    "repeats an id": "answer.id",
    "repeats an id for a query": "answer.id",
    "drops the trace id": "answer.trace_id",
    "repeats a trace id": "answer.trace_id",
    "gives the trace id of the request before": "answer.trace_id",
    "counts tokens itself": "answer.tokens",
    "bills twice": "answer.tokens",
    "answers 429 with 500": "failure.rate_limited",
    "answers 429 with 502": "failure.rate_limited",
    "answers 503 with 500": "failure.overloaded",
    "answers 504 with 200": "failure.timeout",
    "waits for ever": "failure.hanging",
    "answers 404 where upstream hangs": "failure.hanging",
    "passes a 401 of upstream on": "failure.key",
    "answers 402 with 401": "failure.balance",
    "answers 403 with 401": "failure.model",
    "answers 400 with 502": "failure.request",
    "answers a lost connection with nothing": "failure.connection",
    "makes up a ranking": "failure.garbage",
    "drops Retry-After": "failure.retry_after",
    "shortens Retry-After": "failure.retry_after",
    "dates Retry-After back": "failure.retry_after",
    "serves everybody": "key.required",
    "forwards the caller's key": "key.caller",
    "forwards the caller's key in base64": "key.caller",
    "shows upstream's key": "key.upstream",
    "shows upstream's key in errors": "key.upstream",
    "shows most of upstream's key": "key.upstream",
    "retries for ever": "calls.bounded",
    "asks twice": "calls.once",
    "asks again after the answer": "calls.once",
    "mixes callers": "sharing.concurrent",
    "joins calls by query": "sharing.concurrent",
    "mixes queries": "sharing.concurrent",
    "mixes documents": "sharing.concurrent",
    "caches by query": "sharing.cache",
    "caches without top_n": "sharing.cache",
    "caches without the order": "sharing.cache",
    "caches without the model": "sharing.cache",
    "caches in lower case": "sharing.cache",
    "looks for a kept answer before the key": "sharing.cache",
}
FREEDOMS = (
    "own ids",
    "own trace ids",
    "adds headers",
    "forwards headers",
    "prints JSON anew",
    "retries once",
    "batches",
    "caches",
    "ranks duplicates once",
    "cuts for itself",
    "sends a single text as a list",
    "errors of its own",
    "leaves upstream alone after a failure",
    "refuses what is unusual",
    "returns texts always",
    "adds a large top_n",
    "does not count",
    "limits its rate",
    "rounds scores",
    "cuts scores",
    "dates Retry-After",
    "masks upstream's key",
)


class Answer(NamedTuple):
    """What the gateway, or upstream, answers."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Json:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class SmallGateway:
    """Serves on a port of the loopback, from `with` to its end."""

    def __init__(self, upstream: str, key: str, port: int = 0) -> None:
        self._upstream, self._key, self._port = upstream, key, port
        self.ways: frozenset[str] = frozenset()
        #: Seconds that upstream may take.
        self.timeout = 10.0
        #: Sees to it that two callers meet where they are mixed up.
        self._meeting = threading.Lock()
        self._met = threading.Barrier(2)
        self.begin()

    def begin(self, *ways: str) -> None:
        """Take faults or freedoms, and forget what was before."""
        assert set(ways) <= {*FAULTS, *FREEDOMS}
        self.ways = frozenset(ways)
        self._cache: dict[str, Answer] = {}
        self._waiting: Answer | None = None
        self._last: Json = None
        self._met.reset()
        self._late: Json = None
        self._number = 0
        self._traced = ""
        self._rests_until = 0.0
        self._answered = 0

    def __enter__(self) -> "SmallGateway":
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = gateway.answer({k.lower(): v for k, v in self.headers.items()}, body)
                if answer.status == 0:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                # A caller may have left.
                with contextlib.suppress(BrokenPipeError):
                    self.end_headers()
                    self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._client = httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=50))
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def does(self, way: str) -> bool:
        """Whether it has the fault, or takes the freedom."""
        assert way in FAULTS or way in FREEDOMS, way
        return way in self.ways

    def answer(self, headers: Mapping[str, str], raw: bytes) -> Answer:
        """Answer a caller."""
        body = json.loads(raw)
        place = self._place(body)
        kept = self._cache.get(place) if place is not None else None
        if kept is not None and self.does("looks for a kept answer before the key"):
            return kept
        is_valid = headers.get("authorization") == f"Bearer {CALLER_KEY}"
        if not is_valid and not self.does("serves everybody"):
            return _json(401, "this gateway does not know your key")
        if kept is not None:
            return kept
        self._tenant = headers.get("x-tenant", "")
        answer = self._refusal(body) or self._shared(body)
        if place is not None and answer.status == 200:
            self._cache[place] = answer
        return answer

    def _refusal(self, body: Json) -> Answer | None:
        """Why upstream is not asked; None where it is."""
        self._answered += 1
        what_is_that = _json(500, {"message": "what is that?"})
        refusals = {
            "limits its rate": (
                self._answered % 5 == 0,
                _json(429, {"message": "too much"}, {"retry-after": "1"}),
            ),
            "refuses what is unusual": (_is_unusual(body), _json(400, {"message": "unusual"})),
            "fails on overlap_tokens": ("overlap_tokens" in body, what_is_that),
            "fails on control letters": ("\0" in body["query"], what_is_that),
            "leaves upstream alone after a failure": (
                time.monotonic() < self._rests_until,
                _json(503, {"message": "upstream is left alone for a while"}),
            ),
        }
        for way, (is_refused, answer) in refusals.items():
            if self.does(way) and is_refused:
                return answer
        return None

    def _shared(self, body: Json) -> Answer:
        """Answer one of several callers."""
        if self.does("mixes callers"):
            return self._exchanged(self._ranked(body))
        for way, name in (("mixes queries", "query"), ("mixes documents", "documents")):
            if self.does(way):
                return self._ranked({**body, name: self._overwritten(body)[name]})
        if not self.does("joins calls by query"):
            return self._ranked(body)
        with self._meeting:
            answer = self._cache.get(body["query"]) or self._ranked(body)
            self._cache[body["query"]] = answer
        return answer

    def _overwritten(self, body: Json) -> Json:
        """The request of the caller who came last, as all are kept in one place."""
        self._last = body
        if self._answered > 1:
            # Callers come in even numbers after the first one.
            self._met.wait(10)
        return self._last

    def _place(self, body: Json) -> str | None:
        """Under what an answer is kept; None where none is."""
        kept = dict(body)
        if self.does("caches by query"):
            return str(body["query"])
        if self.does("caches without top_n"):
            kept.pop("top_n", None)
        elif self.does("caches without the order"):
            kept["documents"] = sorted(body["documents"], key=str)
        elif self.does("caches without the model"):
            kept.pop("model")
        elif self.does("caches in lower case"):
            return json.dumps(kept, sort_keys=True).lower()
        elif not self.does("caches") and not self.does("looks for a kept answer before the key"):
            return None
        return json.dumps(kept, sort_keys=True)

    def _exchanged(self, answer: Answer) -> Answer:
        """Give a caller the answer of the one before, where two are there at once."""
        with self._meeting:
            earlier, self._waiting = self._waiting, answer
        return earlier or answer

    def _ranked(self, body: Json) -> Answer:
        documents = body["documents"]
        if isinstance(documents, str):
            if self.does("splits a single text"):
                return self._finished(body, self._ask({**body, "documents": documents.split()}))
            if self.does("sends a single text as a list"):
                return self._finished(body, self._ask({**body, "documents": [documents]}))
            return self._finished(body, self._ask(body))
        places, sent = self._prepared(documents)
        batched = self.does("batches") or self.does("forgets where a batch began")
        batched = batched or self.does("cuts each batch")
        size = BATCH if batched else max(len(sent), 1)
        merged: Json = None
        headers: Mapping[str, str] = {}
        for start in range(0, len(sent), size):
            part = {**self._changed(body), "documents": sent[start : start + size]}
            if self.does("cuts for itself") or (batched and not self.does("cuts each batch")):
                part.pop("top_n", None)
            answer = self._ask(part)
            found = answer.json
            if not _is_ranking(answer):
                return self._finished(body, answer)
            offset = 0 if self.does("forgets where a batch began") else start
            for result in found["results"]:
                result["index"] += offset
            merged, headers = (_merged(merged, found) if merged else found), answer.headers
        results: list[Json] = [
            {**result, "index": place}
            for result in merged["results"]
            for place in _places(places, result["index"])
        ]
        results.sort(key=lambda result: -result["relevance_score"])
        cuts = not self.does("drops top_n") and not self.does("cuts each batch")
        merged["results"] = results[: body.get("top_n") if cuts else None]
        return self._finished(body, Answer(200, json.dumps(merged).encode(), {**headers}))

    def _prepared(self, documents: list[Json]) -> tuple[list[list[int]], list[Json]]:
        """The documents as they are sent, and for each its places in the caller's list."""
        sent = [self._text(document) for document in documents]
        places = [[place] for place in range(len(sent))]
        if self.does("ranks duplicates once") or self.does("drops duplicates"):
            unique = list(dict.fromkeys(map(json.dumps, sent)))
            known = [json.dumps(text) for text in sent]
            if self.does("ranks duplicates once"):
                places = [[n for n, text in enumerate(known) if text == one] for one in unique]
            sent = [json.loads(text) for text in unique]
        if self.does("filters empty documents"):
            sent = [text for text in sent if text]
        if self.does("sorts the documents"):
            sent.sort(key=lambda text: str(text)[::-1])
        if self.does("drops the last document"):
            sent = sent[:-1]
        if self.does("prints objects") and any(isinstance(text, dict) for text in sent):
            sent = [json.dumps(text) for text in sent]
        return places, sent

    def _text(self, text: Json) -> Json:
        if not isinstance(text, str):
            return text
        changes: dict[str, Callable[[str], str]] = {
            "strips texts": str.strip,
            "cuts texts to 512 characters": lambda text: text[:512],
            "cuts texts to 32,768 characters": lambda text: text[:32_768],
            "composes letters": lambda text: unicodedata.normalize("NFC", text),
            "drops control letters": lambda text: "".join(
                letter for letter in text if letter >= " " or letter in "\r\n\t"
            ),
            "unescapes texts": lambda text: text.replace(r"\n", "\n"),
        }
        for way, change in changes.items():
            if self.does(way):
                text = change(text)
        return text

    def _changed(self, body: Json) -> Json:
        body = dict(body)
        changes: dict[str, Callable[[], object]] = {
            "asks for another model": lambda: body.update(model="Pro/BAAI/bge-reranker-v2-m3"),
            "asks for a larger model": lambda: body.update(
                model=body["model"].replace("Reranker-0.6B", "Reranker-8B")
            ),
            "adds an instruction for one model": lambda: body.update(
                {"instruction": "Rank", **body} if "Reranker-0.6B" in body["model"] else {}
            ),
            "cuts the query": lambda: body.update(query=body["query"][:15]),
            "drops top_n": lambda: body.pop("top_n", None),
            "sends top_n as text": lambda: body.update(
                {name: str(body[name]) for name in body.keys() & {"top_n"}}
            ),
            "drops return_documents": lambda: body.pop("return_documents", None),
            "drops instruction": lambda: body.pop("instruction", None),
            "renames overlap_tokens": lambda: body.update(
                chunk_overlap=body.pop("overlap_tokens", None)
            ),
            "halves max_chunks_per_doc": lambda: body.update(
                max_chunks_per_doc=body.get("max_chunks_per_doc", 1024) // 2
            ),
            "sends an overlap_tokens that upstream refuses": lambda: body.update(
                {name: body[name] + 100 for name in body.keys() & {"overlap_tokens"}}
            ),
            "returns texts always": lambda: body.update(return_documents=True),
            "adds a large top_n": lambda: body.setdefault("top_n", 1000),
            "adds max_chunks_per_doc": lambda: body.setdefault("max_chunks_per_doc", 1),
        }
        for way, change in changes.items():
            if self.does(way):
                change()
        return body

    def _ask(self, body: Json) -> Answer:
        """Ask upstream, again where that is wanted."""
        again = 15 if self.does("retries for ever") else int(self.does("retries once"))
        late, self._late = self._late, body
        if late is not None and self.does("asks again after the answer"):
            self._call(late)
        answer = self._call(body)
        while again and answer.status in (0, 429, 503, 504):
            again -= 1
            answer = self._call(body)
        if self.does("asks twice"):
            self._call(body)
        if answer.status in (0, 503) and self.does("leaves upstream alone after a failure"):
            self._rests_until = time.monotonic() + 0.3
        return answer

    def _call(self, body: Json) -> Answer:
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        if self.does("forwards the caller's key"):
            headers["x-api-key"] = CALLER_KEY
        if self.does("forwards the caller's key in base64"):
            headers["x-user"] = base64.b64encode(f"user:{CALLER_KEY}".encode()).decode()
        if self.does("adds headers"):
            headers |= {"x-forwarded-for": "10.0.0.1", "x-request-id": "1"}
        if self.does("forwards headers"):
            headers["x-tenant"] = self._tenant
        spaced = (", ", ": ") if self.does("prints JSON anew") else (",", ":")
        content = json.dumps(body, separators=spaced).encode()
        try:
            got = self._client.post(
                f"{self._upstream}/rerank",
                content=content,
                headers=headers,
                timeout=None if self.does("waits for ever") else self.timeout,
            )
        except httpx.ReadTimeout:
            return Answer(504, b"{}", {})
        except httpx.HTTPError:
            return Answer(0, b"", {})
        return Answer(got.status_code, got.content, dict(got.headers))

    def _finished(self, body: Json, answer: Answer) -> Answer:
        """What the caller gets for what upstream has answered."""
        found = answer.json
        if not _is_ranking(answer):
            return self._failed(answer)
        headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        headers["content-type"] = "application/json"
        self._number += 1
        if self.does("own ids"):
            found["id"] = f"gateway-{self._number}"
        if self.does("drops ids"):
            del found["id"]
        if self.does("does not count"):
            del found["meta"]
        if self.does("repeats an id"):
            found["id"] = "gateway"
        if self.does("repeats an id for a query"):
            found["id"] = f"gateway-{body['query']}"
        self._trace(headers)
        if self.does("shows upstream's key"):
            headers["x-upstream"] = f"sent {self._key[::-1]}"
        if self.does("counts tokens itself"):
            found["meta"]["tokens"]["input_tokens"] = len(str(body)) // 4
        if self.does("bills twice"):
            found["meta"]["billed_units"]["input_tokens"] *= 2
        found["results"] = self._results(found["results"])
        indent = 2 if self.does("prints JSON anew") else None
        if self.does("wraps answers"):
            found = {"code": 0, "data": found}
        if self.does("answers as plain text"):
            headers["content-type"] = "text/plain"
        return Answer(200, json.dumps(found, indent=indent).encode(), headers)

    def _trace(self, headers: dict[str, str]) -> None:
        name = "x-siliconcloud-trace-id"
        if self.does("repeats a trace id"):
            headers[name] = "gateway"
        if self.does("gives the trace id of the request before"):
            before, self._traced = self._traced, headers[name]
            headers[name] = before or self._traced
        if self.does("own trace ids"):
            headers[name] = f"gateway-{self._number}"
        if self.does("drops the trace id"):
            del headers[name]

    def _results(self, results: list[Json]) -> list[Json]:
        for result in results:
            if self.does("counts indices from 1"):
                result["index"] += 1
            if self.does("rounds scores"):
                result["relevance_score"] = round(result["relevance_score"], 4)
            if self.does("cuts scores"):
                result["relevance_score"] = int(result["relevance_score"] * 1000) / 1000
            if self.does("rounds scores to a digit"):
                result["relevance_score"] = round(result["relevance_score"], 1)
            if self.does("applies a sigmoid"):
                result["relevance_score"] = 1 / (1 + 2.718281828 ** -result["relevance_score"])
            if self.does("strips texts on the way back") and result.get("document"):
                result["document"]["text"] = result["document"]["text"].strip()
        self._reshape(results)
        if self.does("drops the last result"):
            results = results[:-1]
        if self.does("sorts by index"):
            results.sort(key=lambda result: result["index"])
        return results

    def _reshape(self, results: list[Json]) -> None:
        for result in results:
            if self.does("prints indices with a fraction"):
                result["index"] = float(result["index"])
            if self.does("prints indices as texts"):
                result["index"] = str(result["index"])
            if self.does("prints scores as texts"):
                result["relevance_score"] = str(result["relevance_score"])
            if self.does("renames relevance_score"):
                result["score"] = result.pop("relevance_score")
            if self.does("returns texts without an object") and result.get("document"):
                result["document"] = result["document"]["text"]

    def _failed(self, answer: Answer) -> Answer:
        status = {401: 502, 0: 502, 200: 502}.get(answer.status, answer.status)
        wrong = {
            "answers 429 with 500": (429, 500),
            "answers 429 with 502": (429, 502),
            "answers 503 with 500": (503, 500),
            "answers 504 with 200": (504, 200),
            "passes a 401 of upstream on": (401, 401),
            "answers 402 with 401": (402, 401),
            "answers 403 with 401": (403, 401),
            "answers 400 with 502": (400, 502),
            "answers 404 where upstream hangs": (504, 404),
            "answers a lost connection with nothing": (0, 200),
        }
        for way, (theirs, ours) in wrong.items():
            if self.does(way) and answer.status == theirs:
                status = ours
        if self.does("makes up a ranking") and answer.status == 200:
            results = [{"index": 0, "relevance_score": 0.0}]
            return _json(200, {"id": "made-up", "results": results})
        headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        if self.does("drops Retry-After"):
            headers.pop("retry-after", None)
        if self.does("shortens Retry-After") and "retry-after" in headers:
            headers["retry-after"] = "0"
        if self.does("dates Retry-After back") and "retry-after" in headers:
            headers["retry-after"] = "Thu, 01 Jan 1970 00:00:00 GMT"
        if self.does("dates Retry-After") and "retry-after" in headers:
            seconds = time.time() + int(headers["retry-after"])
            headers["retry-after"] = formatdate(seconds, usegmt=True)
        if self.does("shows upstream's key in errors"):
            return _json(status, {"message": f"upstream refused {self._key}"}, headers)
        if self.does("shows most of upstream's key"):
            return _json(status, {"message": f"upstream refused {self._key[:-4]}****"}, headers)
        if self.does("masks upstream's key"):
            masked = f"{self._key[:7]}****{self._key[-4:]}"
            return _json(status, {"message": f"upstream refused {masked}"}, headers)
        if self.does("errors of its own") or answer.status == 200:
            return _json(status, {"error": {"message": "upstream has failed"}}, headers)
        return Answer(status, answer.body, {**headers, "content-type": "application/json"})


def _is_unusual(body: Json) -> bool:
    documents = body["documents"]
    return (
        isinstance(documents, str)
        or not all(isinstance(each, str) and each for each in documents)
        or len(set(documents)) < len(documents)
        or "\0" in body["query"]
        or bool(body.keys() & {"overlap_tokens", "x_rerank_contract"})
    )


def _places(places: list[list[int]], index: int) -> list[int]:
    return places[index] if index < len(places) else [0]


def _is_ranking(answer: Answer) -> bool:
    return answer.status == 200 and "results" in (answer.json or ())


def _merged(one: Json, other: Json) -> Json:
    tokens, more = one["meta"]["tokens"], other["meta"]["tokens"]
    tokens["input_tokens"] += more["input_tokens"]
    return {**one, "results": one["results"] + other["results"]}


def _json(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Answer:
    content = json.dumps(body).encode()
    return Answer(status, content, {"content-type": "application/json", **(headers or {})})


def main(arguments: list[str]) -> None:
    """Serve until the process ends; take the port, and the ways."""
    port, *ways = arguments
    upstream, key = os.environ["RERANK_UPSTREAM_URL"], os.environ["RERANK_UPSTREAM_KEY"]
    with SmallGateway(upstream, key, int(port)) as gateway:
        gateway.begin(*ways)
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
