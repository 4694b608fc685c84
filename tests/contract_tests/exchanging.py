"""Requests and answers made by hand, and targets that follow a script."""

import itertools
import json
from collections.abc import Callable, Mapping
from decimal import Decimal

from contract_tests.contract import AnyJson, Contract
from contract_tests.exchanges import Answer, Exchange, Request
from contract_tests.judging.connection import Connection
from contract_tests.judging.ledger import Ledger
from contract_tests.judging.limits import Budget, Effort, Patience
from contract_tests.judging.run import Run
from contract_tests.targets import Target
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import CONTRACT, errors

BGE = "BAAI/bge-reranker-v2-m3"
BODY: AnyJson = {"model": BGE, "query": "a", "documents": ["a", "b", "c"]}
#: An answer to ``BODY`` that has nothing wrong with it.
ANSWER: AnyJson = {
    "id": "0190a5b0c0de7abc8def0123456789ab",
    "results": [
        {"index": 2, "relevance_score": 0.75, "document": None},
        {"index": 0, "relevance_score": 0.5, "document": None},
        {"index": 1, "relevance_score": 0.25, "document": None},
    ],
    "meta": {"tokens": {"input_tokens": 4}, "billed_units": {"input_tokens": 4}},
}
HEADERS = {"content-type": "application/json", "x-siliconcloud-trace-id": "ti_1"}


def answer(
    body: AnyJson = ANSWER, status: int = 200, headers: Mapping[str, str] = HEADERS
) -> Answer:
    """Make an answer; bytes are its body as they are."""
    return Answer(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def exchange(sent: AnyJson = BODY, received: AnyJson = ANSWER, status: int = 200) -> Exchange:
    return Exchange(Request(sent), answer(received, status))


def ranking(*scored: tuple[int, float], sent: AnyJson = BODY) -> Exchange:
    """Make an exchange whose results are those pairs of index and score."""
    results = [{"index": index, "relevance_score": score} for index, score in scored]
    return exchange(sent, {**ANSWER, "results": results})


class Scripted:
    """A target that answers as it is told, and remembers what it was asked."""

    base_url = "http://127.0.0.1:1/v1"

    def __init__(self, reply: Callable[[Request], Answer]) -> None:
        self.asked: list[Request] = []
        self._reply = reply

    def send(self, request: Request) -> Answer:
        self.asked.append(request)
        return self._reply(request)

    @property
    def bodies(self) -> list[AnyJson]:
        return [request.body for request in self.asked]


def in_turn(*answers: Answer | Exception) -> Scripted:
    """Make a target that gives those answers one after the other, the last one for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))

    def reply(_: Request) -> Answer:
        one = next(left)
        if isinstance(one, Exception):
            raise one
        return one

    return Scripted(reply)


def honest() -> Scripted:
    """Make a target that conforms as far as one endpoint, one form and one model go."""
    number = itertools.count()

    def reply(request: Request) -> Answer:
        body = request.body
        if errors(CONTRACT["request.classic"], body):
            return answer({"code": 20015, "message": "The parameter is invalid."}, 400)
        documents: AnyJson = body["documents"]
        sent: list[str] = [documents] if isinstance(documents, str) else documents
        results: list[AnyJson] = [
            {
                "index": index,
                "relevance_score": 1 / (1 + len(text)),
                "document": {"text": text} if body.get("return_documents") else None,
            }
            for index, text in enumerate(sent)
        ]
        results.sort(key=lambda result: -result["relevance_score"])
        trace = {**HEADERS, "x-siliconcloud-trace-id": f"ti_{next(number)}"}
        whole = {**ANSWER, "id": f"id_{next(number)}", "results": results[: body.get("top_n")]}
        return answer(whole, headers=trace)

    return Scripted(reply)


def spoilt(spoil: Callable[[Request, Answer], Answer]) -> Scripted:
    """Make a target that conforms but for what ``spoil`` makes of its answers."""
    conforming = honest()
    return Scripted(lambda request: spoil(request, conforming.send(request)))


def refusing(wrong: Callable[[AnyJson], AnyJson]) -> Scripted:
    """Make a target that answers 400 where ``wrong`` is true of the body, and else conforms."""
    return spoilt(
        lambda request, conforming: (
            answer({"message": "no"}, 400) if wrong(request.body) else conforming
        )
    )


def new_run(
    *,
    examples: int = 20,
    shrinking: int = 20,
    limit: int = 10_000,
    hard: bool = True,
    seed: int = 0,
    contract: Contract = NEWEST,
) -> tuple[Run, list[float]]:
    """Open a run that never sleeps; the list takes the seconds that it would have slept."""
    slept: list[float] = []
    run = Run(
        contract=contract,
        effort=Effort("test", examples, limit, further=0, wide=True, shrinking=shrinking),
        seed=seed,
        ledger=Ledger(contract),
        connection=Connection(
            Budget(limit, hard=hard),
            price=lambda name: contract.model_named(name).price or Decimal(0),
            patience=Patience(sleep=slept.append),
        ),
    )
    return run, slept


def target_of(base_url: str, reply: Callable[[Request], Answer]) -> Target:
    """Make a target with that address."""
    target = Scripted(reply)
    target.base_url = base_url
    return target
