"""A right client passes, and each thing that a client gets wrong is told."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.client.grading import Attempt, Grade, grade
from contract_tests.client.scenarios import ClientScenario, fits, scenarios
from contract_tests.contract import AnyJson, load_contract
from tests.contract_tests.newest import NEWEST

PLAIN = scenarios()["address.plain"]
BY_INDEX = scenarios()["ranking.by_index"]
KEY_REFUSED = scenarios()["refusal.key_as_string"]


def entry(scenario: ClientScenario, **changes: AnyJson) -> AnyJson:
    """What the journal has of a right request."""
    task = scenario.task
    body = {name: task[name] for name in ("model", "query", "documents")} | task["options"]
    sent = json.dumps({**body, **changes.pop("fields", {})}, ensure_ascii=False)
    row: AnyJson = {
        "method": "POST",
        "path": "/v1/rerank",
        "body": sent,
        "status": 200,
        "advice": [],
    }
    return row | {"body_bytes": len(sent.encode())} | changes


def right_answer(scenario: ClientScenario) -> AnyJson:
    """What a right client tells, made of nothing but the expectation."""
    expect = scenario.expect
    if expect.answer == "error":
        message = expect.says[0] if expect.says else "it did not work"
        return {"error": {"message": f"The service says: {message}.", "status": expect.status}}
    ranking = sorted(expect.scores, key=lambda index: -expect.scores[index])
    texts = [scenario.task["documents"][index] for index in ranking]
    scores = [expect.scores[index] for index in ranking]
    return {"ranking": ranking, "scores": scores, "texts": texts}


def attempt(scenario: ClientScenario, answer: AnyJson = None, *entries: AnyJson) -> Attempt:
    fewest, _ = scenario.expect.requests
    return Attempt(
        right_answer(scenario) if answer is None else answer,
        "",
        entries or [entry(scenario)] * fewest,
    )


def reasons(scenario: ClientScenario, answer: AnyJson = None, *entries: AnyJson) -> str:
    graded = grade(scenario, attempt(scenario, answer, *entries))
    assert (graded.grade is Grade.FAILED) == bool(graded.reasons)
    return "\n".join(graded.reasons)


@pytest.mark.parametrize("scenario", scenarios().values(), ids=list(scenarios()))
def test_a_right_client_passes(scenario: ClientScenario) -> None:
    assert reasons(scenario) == ""


@pytest.mark.parametrize("scenario", scenarios().values(), ids=list(scenarios()))
def test_a_client_that_tells_the_opposite_fails(scenario: ClientScenario) -> None:
    if scenario.expect.answer == "error":
        assert reasons(scenario, {"ranking": []}).startswith("reported the ranking []")
    else:
        others = {"ranking": [*range(len(scenario.expect.scores) + 1)]}
        assert "ranked documents" in reasons(scenario, others)


def requests(count: int) -> str:
    return f"{count} rerank request" + "s" * (count != 1)


@pytest.mark.parametrize("scenario", scenarios().values(), ids=list(scenarios()))
def test_a_client_that_sends_too_much_or_too_little_fails(scenario: ClientScenario) -> None:
    fewest, most = scenario.expect.requests
    many = [entry(scenario)] * (most + 1)
    assert f"expected at most {requests(most)}, got {most + 1}" in reasons(scenario, None, *many)
    if fewest:
        told = grade(scenario, Attempt(right_answer(scenario), "", ())).reasons
        assert f"expected at least {requests(fewest)}, got 0" in told


@given(order=st.permutations(range(4)))
def test_only_the_order_of_the_scores_passes(order: list[int]) -> None:
    right = right_answer(BY_INDEX)["ranking"]
    assert (reasons(BY_INDEX, {"ranking": order}) == "") == (order == right)


@given(order=st.permutations(range(3)))
def test_equal_scores_come_in_any_order(order: list[int]) -> None:
    assert reasons(scenarios()["score.equal"], {"ranking": order}) == ""


@pytest.mark.parametrize(
    ("ranking", "likely"),
    [
        ([0, 1, 2, 3], "was `index` left out?"),
        ([3, 0, 2, 1], "was `index` applied twice?"),
        ([0, 2, 3, 1], "was it sorted the other way?"),
    ],
)
def test_what_was_probably_done_to_the_indices_is_told(ranking: list[int], likely: str) -> None:
    assert likely in reasons(BY_INDEX, {"ranking": ranking})


@pytest.mark.parametrize("ranking", [[1, 3, 2, 2], [1, 3, 2, 0, 0], [1, 3, 2], []])
def test_each_document_is_ranked_once(ranking: list[int]) -> None:
    assert "ranked documents" in reasons(BY_INDEX, {"ranking": ranking})


@given(order=st.permutations(range(3)))
def test_where_a_gateway_mixed_the_results_up_any_order_passes(order: list[int]) -> None:
    scenario = scenarios()["ranking.unsorted"]
    scores = [scenario.expect.scores[index] for index in order]
    assert reasons(scenario, {"ranking": order, "scores": scores}) == ""


def test_scores_count_where_the_scenario_is_about_them() -> None:
    wrong = {"ranking": [1, 3, 2, 0], "scores": [0.1, 0.2, 0.3, 0.4]}
    assert "reported the scores" in reasons(BY_INDEX, wrong)
    assert reasons(PLAIN, {"ranking": [0, 1, 2], "scores": [3, 2, 1]}) == ""


@pytest.mark.parametrize(
    ("scores", "likely"),
    [
        ([0.7109495026, 0.6224593312, 0.5744425168, 0.5249791875], "was a sigmoid applied"),
        ([0.1, 0.9, 0.3, 0.5], "in another order than the ranking?"),
    ],
)
def test_what_was_probably_done_to_the_scores_is_told(scores: list[float], likely: str) -> None:
    assert likely in reasons(BY_INDEX, {"ranking": [1, 3, 2, 0], "scores": scores})


@pytest.mark.parametrize("count", [0, 3, 5])
def test_as_many_scores_as_documents_are_told(count: int) -> None:
    scores = [0.9, 0.5, 0.3, 0.1, 0.0][:count]
    assert "reported the scores" in reasons(BY_INDEX, {"ranking": [1, 3, 2, 0], "scores": scores})


def test_a_score_may_differ_by_what_float32_loses() -> None:
    answer = {"ranking": [1, 3, 2, 0], "scores": [0.9 + 9e-7, 0.5, 0.3, 0.1]}
    assert reasons(BY_INDEX, answer) == ""


def test_texts_are_those_of_the_ranking() -> None:
    wrong = {"ranking": [0, 1, 2], "texts": ["a", "b", "c"]}
    assert "reported the texts" in reasons(PLAIN, wrong)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Api key is invalid", "status": 401},
        {"message": "401: api KEY is INVALID"},
        {"message": "HTTP 401 (Api key is invalid)", "status": None},
    ],
)
def test_an_error_may_be_told_in_many_ways(error: AnyJson) -> None:
    assert reasons(KEY_REFUSED, {"error": error}) == ""


def test_an_error_without_its_status_and_text_fails() -> None:
    told = reasons(KEY_REFUSED, {"error": {"message": "Server unavailable"}})
    assert "reported the status 401 neither" in told
    assert 'loses the message of the service: expected "Api key is invalid"' in told


def test_an_error_where_there_is_a_ranking_fails() -> None:
    assert "reported an error" in reasons(PLAIN, {"error": {"message": "no"}})


def test_either_takes_both_and_still_looks_at_them() -> None:
    either = scenarios()["patience.gateway_timeout"]
    assert reasons(either, {"error": {"message": "504"}}) == ""
    assert "reported the status 504 neither" in reasons(either, {"error": {"message": "no"}})
    assert "ranked" in reasons(either, {"ranking": [2, 1, 0]})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": "other"}, 'sent model "other"'),
        ({"query": "Apple"}, 'sent query "Apple"'),
        ({"documents": ["a"]}, 'sent documents ["a"]'),
        ({"documents": "a"}, 'sent documents "a"'),
        ({"top_n": 2}, "sent top_n 2, which the task does not ask for"),
        ({"instruction": "Rank."}, "sent an instruction"),
    ],
)
def test_what_was_sent_is_what_was_asked_for(fields: AnyJson, told: str) -> None:
    assert told in reasons(PLAIN, None, entry(PLAIN, fields=fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"top_n": None},
        {"top_n": 3},
        {"top_n": 9},
        {"instruction": None},
        {"return_documents": False},
    ],
)
def test_what_changes_nothing_may_be_sent(fields: AnyJson) -> None:
    assert reasons(PLAIN, None, entry(PLAIN, fields=fields)) == ""


def test_an_option_that_was_asked_for_is_sent() -> None:
    scenario = scenarios()["sent.top_n"]
    assert "sent top_n null, expected 2" in reasons(
        scenario, None, entry(scenario, fields={"top_n": None})
    )


def test_one_document_may_be_sent_as_a_text() -> None:
    scenario = scenarios()["documents.one"]
    as_text = {"documents": scenario.task["documents"][0]}
    assert reasons(scenario, None, entry(scenario, fields=as_text)) == ""


def test_documents_may_be_sent_otherwise_where_that_is_not_judged() -> None:
    scenario = scenarios()["documents.thousand"]
    assert reasons(scenario, None, entry(scenario, fields={"documents": ["a"]})) == ""


def test_a_body_that_the_journal_has_cut_is_judged_by_its_length() -> None:
    scenario = scenarios()["documents.long"]
    whole = entry(scenario)
    assert whole["body_bytes"] > 100_000
    kept = {**whole, "body": whole["body"][:65_536]}
    assert reasons(scenario, None, kept) == ""
    assert "sent 70000 bytes" in reasons(scenario, None, {**kept, "body_bytes": 70_000})


def test_a_body_that_is_no_object_is_left_to_the_advice() -> None:
    for body in ("[]", "{"):
        assert reasons(PLAIN, None, entry(PLAIN, body=body, body_bytes=len(body))) == ""


ADVICE = {"id": "unknown_model", "sentence": "No model has that name.", "hint": "Try another."}


@pytest.mark.parametrize("severity", ["breach", "mistake"])
def test_a_breach_and_a_mistake_fail_the_client_once(severity: str) -> None:
    advised = entry(PLAIN, advice=[{**ADVICE, "severity": severity}])
    told = reasons(
        replace(PLAIN, expect=replace(PLAIN.expect, requests=(1, 2))), None, *[advised] * 2
    )
    assert told == "unknown_model: No model has that name. Try another."


def test_a_remark_and_what_the_task_brings_do_not() -> None:
    assert reasons(PLAIN, None, entry(PLAIN, advice=[{**ADVICE, "severity": "remark"}])) == ""
    own = scenarios()["refusal.unknown_model"]
    assert reasons(own, None, entry(own, advice=[{**ADVICE, "severity": "mistake"}])) == ""


def test_requests_to_other_paths_are_named_where_one_is_missing() -> None:
    told = reasons(PLAIN, None, entry(PLAIN, path="/v1/chat/completions"))
    assert told == "expected at least 1 rerank request, got 0 (POST /v1/chat/completions)"


def test_a_client_that_has_no_means_is_not_judged() -> None:
    graded = grade(PLAIN, attempt(PLAIN, {"not_applicable": "it cannot"}))
    assert (graded.grade, graded.reasons) == (Grade.NOT_APPLICABLE, ("it cannot",))


def test_a_client_that_tells_nothing_fails() -> None:
    graded = grade(PLAIN, Attempt(None, "printed nothing", [entry(PLAIN)]))
    assert graded.reasons == ("printed nothing",)


def test_scenarios_that_a_revision_cannot_have_are_left_out() -> None:
    assert all(fits(scenario, NEWEST) for scenario in scenarios().values())
    old = load_contract("2024-11")
    left_out = {name for name, scenario in scenarios().items() if not fits(scenario, old)}
    assert left_out == {"sent.instruction", "refusal.balance"}
