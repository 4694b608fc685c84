"""What a target does where the contract leaves it open is named by the values of the switches."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contract_tests.contract import load_contract, revisions
from contract_tests.exchanges import Answer, Credential, Request
from contract_tests.judging.connection import InconclusiveError
from contract_tests.judging.judge import Judge, ViolatedError
from contract_tests.judging.probes import probe_request, probed
from contract_tests.judging.properties import examine_overflow, examine_switch
from contract_tests.report.builder import report_of
from contract_tests.targets import HttpTarget
from mockserver.behaviour import load_behaviour
from mockserver.contract import load_contract as mock_contract
from mockserver.testing.contexts import mock_rerank, serve_rerank
from tests.contract_tests.exchanging import BGE, BODY, HEADERS, answer, in_turn, new_run
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import MODELS, NEWEST
from tests.mockserver.asking import PRESETS

CONTRACTS = {name: load_contract(name) for name in revisions()}
QWEN = "Qwen/Qwen3-Reranker-0.6B"
#: Revision, switch and value.
PROBED = [
    (name, switch.name, value.value)
    for name, contract in CONTRACTS.items()
    for switch in probed(contract)
    for value in switch.values
]
#: Switch -> value -> an answer to a valid request that shows it.
SHOWN_BY: dict[str, dict[str, Answer]] = {
    "retry_after": {
        "absent": answer({"message": "busy"}, 429),
        "present": answer({"message": "busy"}, 429, {**HEADERS, "retry-after": "1"}),
    },
    "empty_balance": {
        "payment_required": answer({"code": 30001, "message": "insufficient"}, 402),
        "forbidden": answer({"code": 30001, "message": "insufficient"}, 403),
    },
}


def preset(name: str) -> dict[str, Any]:
    """Return the preset as the report has it, of the switches that one request shows."""
    return {switch.name: [getattr(PRESETS[name], switch.name)] for switch in probed(NEWEST)}


def observed(run: Judged) -> dict[str, Any]:
    rows = {row["name"]: row["values"] for row in run.report["switches"]}
    return {switch.name: rows[switch.name] for switch in probed(NEWEST)}


@pytest.mark.parametrize(("revision", "switch", "value"), PROBED)
def test_each_value_of_a_switch_is_reported(revision: str, switch: str, value: str) -> None:
    contract = CONTRACTS[revision]
    run, _ = new_run(contract=contract)
    changed: dict[str, Any] = {switch: value}
    behaviour = replace(load_behaviour("observed", mock_contract(revision)), **changed)
    with (
        mock_rerank(behaviour=behaviour, revision=revision, fail_on="nothing") as mock,
        httpx.Client() as client,
    ):
        target = HttpTarget(client, mock.base_url, mock.api_key)
        judge = Judge(run, target, "a test", frozenset(contract.switches[switch].requirements))
        # A value may contradict the contract: then it is a violation, and reported as well.
        with contextlib.suppress(ViolatedError):
            examine_switch(judge, contract.models[BGE], switch)
    report = report_of(run)

    assert [*report.switches[switch]] == [value]
    meaning = next(str(one) for one in contract.switches[switch].values if one.value == value)
    for entry in report.entries:
        expected = (meaning,) if entry.requirement.id in judge.requirements else ()
        assert entry.observed == expected


@pytest.mark.parametrize(
    ("switch", "value"), [(name, value) for name, shown in SHOWN_BY.items() for value in shown]
)
def test_an_answer_to_a_valid_request_shows_what_no_probe_can(switch: str, value: str) -> None:
    run, _ = new_run()
    target = in_turn(SHOWN_BY[switch][value])
    with pytest.raises(InconclusiveError):
        run.connection.ask(target, Request(BODY))
    assert [*report_of(run).switches[switch]] == [value]


@pytest.mark.slow
def test_what_nothing_has_shown_is_listed_with_what_would_show_it(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--effort=smoke")
    rows = {row["name"]: row for row in run.report["switches"]}
    assert list(rows) == list(NEWEST.switches)
    for name, switch in NEWEST.switches.items():
        assert rows[name]["shown_by"] == (None if rows[name]["values"] else switch.shown_by)
    assert {name for name, row in rows.items() if row["shown_by"]} == {
        *SHOWN_BY,
        "max_body_bytes",
        "max_documents",
        "too_many_documents",
        "context_overflow",
        "number_below_minimum",
    }


@pytest.mark.slow
def test_a_run_reports_the_behaviour_of_the_embedded_mock(judged: Callable[..., Judged]) -> None:
    assert observed(judged()) == preset("observed")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["page", "strict"])
def test_a_run_reports_the_behaviour_of_a_server(
    name: str, judged: Callable[..., Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_rerank(behaviour=name, fail_on="nothing") as mock:
        monkeypatch.setenv("SILICONFLOW_API_KEY", mock.api_key)
        run = judged(f"--target={mock.base_url}")
    assert observed(run) == preset(name)


@pytest.mark.parametrize("value", ["truncate", "refuse"])
@pytest.mark.parametrize(
    ("revision", "model", "tokens"),
    [("2024-11", BGE, 10_242), ("2026-07", QWEN, 40_962)],
)
def test_more_than_the_context_of_a_model_shows_what_happens_to_it(
    revision: str, model: str, tokens: int, value: str
) -> None:
    contract = CONTRACTS[revision]
    run, _ = new_run(contract=contract)
    changed: dict[str, Any] = {"context_overflow": value}
    behaviour = replace(load_behaviour("observed", mock_contract(revision)), **changed)
    with (
        mock_rerank(behaviour=behaviour, revision=revision, fail_on="nothing") as mock,
        httpx.Client() as client,
    ):
        target = HttpTarget(client, mock.base_url, mock.api_key)
        judge = Judge(run, target, "a test", frozenset())
        examine_overflow(judge, contract.models[model], "context_overflow")
    assert [*report_of(run).switches["context_overflow"]] == [value]
    assert run.connection.budget.tokens == (tokens if value == "truncate" else 0)


def test_a_context_that_does_not_fit_into_the_largest_body_is_not_filled() -> None:
    run, _ = new_run()
    target = in_turn(answer({"results": []}), answer({}, 413))
    judge = Judge(run, target, "a test", frozenset())
    for size in (9_000, 9_001):
        exchange = run.connection.ask(target, Request(BODY))
        run.probes.tried("max_body_bytes", size, exchange)
    sent = run.connection.budget.spent
    with pytest.raises(InconclusiveError) as raised:
        examine_overflow(judge, MODELS[BGE], "context_overflow")
    assert str(raised.value) == "context_overflow: the context does not fit into 9000 bytes"
    assert run.connection.budget.spent == sent


def test_an_answer_that_fits_no_value_is_reported_as_it_is() -> None:
    run, _ = new_run()
    target = in_turn(answer("teapot", 418))
    judge = Judge(run, target, "a test", frozenset({"endpoint.wrong_method"}))
    examine_switch(judge, MODELS[BGE], "wrong_method")
    assert run.ledger.observed["endpoint.wrong_method"] == {'another answer: status 418, "teapot"'}
    assert not report_of(run).switches["wrong_method"]
    assert report_of(run).unlike["wrong_method"].times == 1


@pytest.mark.parametrize("revision", CONTRACTS)
def test_every_probe_can_be_sent(revision: str) -> None:
    contract = CONTRACTS[revision]
    (model,) = [model for model in contract.representatives() if model.id == BGE]
    for switch in probed(contract):
        request, probe = probe_request(switch, model), switch.probe or {}
        headers = probe.get("headers", {})
        others = headers.keys() - {"authorization", "content-type"}
        assert dict(request.headers) == {name: headers[name] for name in others}
        if "authorization" not in headers:
            assert request.credential is Credential.KEY
        if "body" in probe:
            assert json.loads(request.content or b"").keys() >= probe["body"].keys()
