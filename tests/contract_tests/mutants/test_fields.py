import pytest

from contract_tests.contract import AnyJson
from contract_tests.mutants.fields import Change, answer_fields, changed, rearranged, request_fields
from tests.contract_tests.newest import NEWEST

RESULTS: AnyJson = {"results": [{"index": 0}, {"index": 1}, {"index": 2}]}


def indices(body: AnyJson) -> list[AnyJson]:
    return [result.get("index") for result in body["results"]]


def plus_ten(value: AnyJson) -> list[AnyJson]:
    return [value + 10]


def test_fields_are_walked_out_of_the_schemas() -> None:
    request = set(map(str, request_fields(NEWEST)))
    assert {"model", "query", "documents", "documents[]", "documents[-1].image", "top_n"} <= request
    answer = set(map(str, answer_fields(NEWEST)))
    assert {"id", "results", "results[0].document.text", "results[].index"} <= answer
    assert "meta.billed_units.search_units" in answer


@pytest.mark.parametrize(
    ("step", "after"), [("[]", [10, 11, 12]), ("[0]", [10, 1, 2]), ("[-1]", [0, 1, 12])]
)
def test_a_path_means_each_the_first_or_the_last_element(step: str, after: list[int]) -> None:
    assert indices(changed(RESULTS, ("results", step, "index"), plus_ten)) == after


CHANGES: list[tuple[Change, list[int]]] = [
    (lambda _: [], [0, 1]),
    (lambda value: [value, value], [0, 1, 2, 2]),
    (lambda _: [{"index": 7}], [0, 1, 7]),
]


@pytest.mark.parametrize(("change", "after"), CHANGES)
def test_an_element_goes_comes_twice_or_is_another(change: Change, after: list[int]) -> None:
    assert indices(changed(RESULTS, ("results", "[-1]"), change)) == after


def test_a_member_goes_and_what_is_not_there_stays_away() -> None:
    assert changed({"id": "a", "meta": {}}, ("meta",), lambda _: []) == {"id": "a"}
    assert changed({"id": "a"}, ("meta", "tokens"), lambda _: [1]) == {"id": "a"}
    assert changed({"results": []}, ("results", "[0]"), lambda _: [1]) == {"results": []}


def test_values_change_places_and_nothing_else_does() -> None:
    body = {"results": [{"index": 0, "score": 3}, {"score": 2}, {"index": 2, "score": 1}]}
    turned = rearranged(body, ("results", "[]", "index"), lambda values: values[::-1])
    assert turned == {"results": [{"index": 2, "score": 3}, {"score": 2}, {"index": 0, "score": 1}]}
