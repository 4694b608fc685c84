"""Every model that the target serves is judged: one of each kind in depth, others in breadth."""

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from contract_tests.contract import AnyJson, kinds
from contract_tests.exchanges import Answer, Request, member
from contract_tests.judging.limits import EFFORTS
from contract_tests.mutants.operators import Answerer, Sender
from tests.contract_tests.conftest import KEY
from tests.contract_tests.exchanging import answer
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import MODELS, NEWEST
from tests.independent_server import IndependentServer

pytestmark = pytest.mark.slow

BGE, PRO = "BAAI/bge-reranker-v2-m3", "Pro/BAAI/bge-reranker-v2-m3"
QWEN, QWEN4, VL = (
    "Qwen/Qwen3-Reranker-0.6B",
    "Qwen/Qwen3-Reranker-4B",
    "Qwen/Qwen3-VL-Reranker-8B",
)
NO_MODEL = answer({"code": 20012, "message": "Model does not exist.", "data": None}, 400)


@pytest.fixture
def server() -> Iterator[IndependentServer]:
    with IndependentServer(KEY) as server:
        yield server


def listing(*names: str, instead: Answerer = lambda send, request: send(request)) -> Answerer:
    """Serve a list of models; every other request is answered by ``instead``."""

    def reply(send: Sender, request: Request) -> Answer:
        if request.path.startswith("/models"):
            return answer({"object": "list", "data": [{"id": name} for name in names]})
        return instead(send, request)

    return reply


def failing(model: str, failure: Answer) -> Answerer:
    """Answer every request to one model with ``failure``."""
    return lambda send, request: (
        failure if member(request.body, "model") == model else send(request)
    )


def by_model(run: Judged) -> Counter[str]:
    """Count the requests that a model of the page was asked with."""
    names = (member(request.body, "model") for request in run.requests)
    return Counter(name for name in names if isinstance(name, str) and name in MODELS)


def coverage(run: Judged) -> dict[str, tuple[int, int]]:
    return {row["what"]: (row["tried"], row["all"]) for row in run.report["coverage"]}


def reasons(run: Judged) -> dict[str, str | None]:
    return {row["id"]: row["reason"] for row in run.report["models"]}


def test_each_model_of_the_list_is_judged_and_no_other(
    judged: Callable[..., Judged], server: IndependentServer
) -> None:
    target = f"--target={server.base_url}"
    run = judged(target, instead=listing("another", QWEN4, PRO, BGE, VL))
    assert (run.code, run.verdict) == (0, "conforms")
    # One more is the probe of a model that is offline.
    assert by_model(run).keys() - {"netease-youdao/bce-reranker-base_v1"} == {QWEN4, PRO, BGE, VL}
    assert reasons(run)[QWEN] == "GET /v1/models does not name it"
    told = {what: tried == all_ for what, (tried, all_) in coverage(run).items()}
    assert [what for what in told if what.endswith("by model") and not told[what]] == []
    assert by_model(run)[BGE] > 3 * by_model(run)[PRO]
    assert by_model(run)[PRO] <= EFFORTS["standard"].further

    without = judged(target, instead=listing(QWEN4, BGE, VL))
    assert len(run.requests) - len(without.requests) <= EFFORTS["standard"].further


@pytest.mark.parametrize(
    "listed", [NO_MODEL, answer({"data": None}), answer(b"<html>"), answer({"data": [{"id": "x"}]})]
)
def test_without_a_list_each_model_of_the_page_is_asked_for_once(
    listed: Answer, judged: Callable[..., Judged], server: IndependentServer
) -> None:
    def instead(send: Sender, request: Request) -> Answer:
        if request.path.startswith("/models"):
            return listed
        return send(request) if member(request.body, "model") in (PRO, VL) else NO_MODEL

    run = judged("--only=request.top_n", f"--target={server.base_url}", instead=instead)
    assert (run.code, run.verdict) == (0, "conforms")
    counts = by_model(run)
    assert {name: counts[name] for name in MODELS if name not in (PRO, VL)} == dict.fromkeys(
        set(MODELS) - {PRO, VL}, 1
    )
    assert "Model does not exist" in str(reasons(run)[BGE])


def test_the_shortest_run_judges_the_cheapest_of_each_kind_alone(
    judged: Callable[..., Judged], server: IndependentServer
) -> None:
    run = judged(
        "--effort=smoke", f"--target={server.base_url}", instead=listing(QWEN4, QWEN, PRO, BGE)
    )
    assert (run.code, run.verdict) == (0, "conforms")
    assert by_model(run).keys() == {QWEN, BGE}


@pytest.mark.parametrize("effort", ["smoke", "standard"])
def test_where_one_model_is_broken_another_of_its_kind_is_judged_in_depth(
    effort: str, judged: Callable[..., Judged], server: IndependentServer
) -> None:
    broken = failing(BGE, answer("boom", 500))
    run = judged(
        f"--effort={effort}",
        f"--target={server.base_url}",
        instead=listing(BGE, PRO, instead=broken),
    )
    assert run.code == 1
    assert run.that("failed") <= {"endpoint.rerank", "error.status.listed"}
    assert run.that("inconclusive") == set()
    assert {"request.top_n.count", "request.overlap_tokens.maximum"} <= run.that("passed")
    assert by_model(run)[BGE] < 10 < by_model(run)[PRO]
    (cause,) = run.report["causes"]
    assert cause["trigger"] == f"every request to {BGE}"


def test_a_model_that_stays_busy_leaves_only_itself_open(
    judged: Callable[..., Judged], server: IndependentServer
) -> None:
    busy = failing(PRO, answer({"message": "later"}, 429))
    run = judged(f"--target={server.base_url}", instead=listing(BGE, PRO, instead=busy))
    assert (run.code, run.verdict) == (3, "inconclusive")
    assert run.that("inconclusive") == {"endpoint.rerank"}
    assert f"{PRO} is still busy" in run.row("endpoint.rerank")["reason"]


def test_under_a_limit_of_cost_a_model_without_a_price_is_left_out(
    judged: Callable[..., Judged],
) -> None:
    def renamed(send: Sender, request: Request) -> Answer:
        body: AnyJson = request.body
        is_ours = member(body, "model") == "someone/else"
        return send(Request({**body, "model": BGE}) if is_ours else request)

    asked = ("--only=request.top_n.count", "--model=someone/else", "--max-cost=1")
    run = judged(*asked, instead=renamed)
    assert (run.code, run.verdict) == (3, "inconclusive")
    assert run.requests == []
    assert "state it with --price NAME=CNY" in run.row("request.top_n.count")["reason"]
    assert "--price" in str(reasons(run)["someone/else"])
    run = judged(*asked, "--price=someone/else=1", instead=renamed)
    assert (run.code, run.verdict) == (0, "conforms")
    assert float(run.report["cost"]) > 0


@pytest.mark.parametrize(
    "names",
    [(BGE,), (VL,), (BGE, PRO), (BGE, QWEN), (QWEN, QWEN4), (BGE, PRO, QWEN, QWEN4, VL)],
    ids=len,
)
@pytest.mark.parametrize("effort", ["smoke", "standard"])
def test_the_budget_is_enough_for_whichever_models_are_named(
    effort: str, names: tuple[str, ...], judged: Callable[..., Judged]
) -> None:
    models = [MODELS[name] for name in names]
    run = judged(f"--effort={effort}", *(f"--model={name}" for name in names))
    assert (run.code, run.verdict) == (0, "conforms")
    assert len(run.requests) <= EFFORTS[effort].most_requests(models)


@pytest.mark.parametrize("effort", ["smoke", "standard"])
def test_one_model_of_each_kind_keeps_the_budget_of_its_form(
    effort: str, judged: Callable[..., Judged]
) -> None:
    names = [f"--model={model.id}" for model in kinds(NEWEST.online())]
    run = judged(f"--effort={effort}", *names)
    assert len(run.requests) <= len(NEWEST.forms) * EFFORTS[effort].requests
    most_tokens = {"smoke": 10_000, "standard": 300_000}
    assert run.report["tokens"] <= most_tokens[effort]
    assert json.loads(run.report["cost"]) <= 0.10
