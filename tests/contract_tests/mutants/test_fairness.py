"""No false alarm: a conforming target passes, whichever freedoms of the contract are taken."""

import random
from collections.abc import Callable

import pytest

from contract_tests.exchanges import is_object
from contract_tests.mutants.conforming_variants import CONFORMING_VARIANTS
from tests.contract_tests.conftest import KEY
from tests.contract_tests.judged import ROOM, Judged
from tests.independent_server import VARIANTS, IndependentServer
from tests.schemas.data import CONTRACT, TABLE_SCHEMAS, Json, errors

pytestmark = pytest.mark.slow

#: Random combinations of variants that are tried.
COMBINATIONS = 2
#: Runs that all freedoms are tried in; `rerank-contract selftest` tries each alone.
GROUPS = 8


def accused(run: Judged) -> set[str]:
    return run.that("failed") | run.that("broken") | run.that("inconclusive")


def combination(number: int) -> dict[str, Json]:
    """Draw some of the variants, and take all of their freedoms."""
    draw = random.Random(number)
    names = draw.sample([name for name in VARIANTS if name != "one_model_only"], 5)
    return {field: value for name in names for field, value in VARIANTS[name].items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_server_of_another_house_conforms(name: str, judged: Callable[..., Judged]) -> None:
    with IndependentServer(KEY, **VARIANTS[name]) as server:
        run = judged("--effort=smoke", f"--target={server.base_url}")
    assert accused(run) == set()
    assert (run.code, run.verdict) == (0, "conforms")
    assert len(run.that("passed")) > 60


@pytest.mark.parametrize("number", range(COMBINATIONS))
def test_a_server_that_takes_many_freedoms_conforms(
    number: int, judged: Callable[..., Judged]
) -> None:
    freedoms = combination(number)
    with IndependentServer(KEY, seed=number, **freedoms) as server:
        run = judged("--effort=standard", f"--seed={number}", f"--target={server.base_url}")
    assert (accused(run), run.code) == (set(), 0), freedoms


@pytest.mark.parametrize("first", range(GROUPS))
def test_freedoms_in_front_of_the_mock_are_not_accused(
    first: int, judged: Callable[..., Judged]
) -> None:
    # Neighbours in the catalogue are alike, and undo each other.
    taken = [f"--freedom={name}" for name in list(CONFORMING_VARIANTS)[first::GROUPS]]
    run = judged("--effort=smoke", *taken)
    assert accused(run) == set()
    assert run.code == 0


def test_the_plain_server_conforms_at_the_usual_effort(judged: Callable[..., Judged]) -> None:
    with IndependentServer(KEY) as server:
        run = judged("--effort=standard", f"--target={server.base_url}")
    assert (accused(run), run.code) == (set(), 0)
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


def test_what_the_longest_run_finds_out_is_told(judged: Callable[..., Judged]) -> None:
    found_out = (
        "request.documents.delicate",
        "request.documents.length",
        "request.body.large_number",
    )
    run = judged("--effort=thorough", *(f"--only={name}" for name in found_out))
    assert (accused(run), run.code) == (set(), 0)
    assert all(run.row(name)["observed"] for name in found_out)


def test_the_same_seed_sends_the_same_requests(judged: Callable[..., Judged]) -> None:
    one, other, another = (
        judged("--only=request.top_n", f"--seed={seed}").requests for seed in (7, 7, 8)
    )
    assert one == other != another


def test_the_shortest_run_sends_both_sides_of_every_bound(judged: Callable[..., Judged]) -> None:
    bodies: list[Json] = [
        request.body for request in judged("--effort=smoke").requests if is_object(request.body)
    ]
    for field, schema in CONTRACT["request.classic"]["properties"].items():
        sizes = {
            size(body[field]) for body in bodies if field in body and is_sized(body[field], schema)
        }
        for keyword, out in (("minimum", -1), ("minLength", -1), ("minItems", -1), ("maximum", 1)):
            if keyword in schema:
                assert {schema[keyword], schema[keyword] + out} <= sizes, (field, keyword)


def is_sized(value: Json, schema: Json) -> bool:
    """Whether the bounds of the schema speak of the value."""
    of = {"minimum": int, "minLength": str, "minItems": list}
    return any(type(value) is kind for keyword, kind in of.items() if keyword in schema)


def size(value: Json) -> int:
    return value if isinstance(value, int) else len(value)


@pytest.mark.parametrize("name", CONFORMING_VARIANTS)
def test_the_probes_of_the_switches_get_along_with_every_variant(
    name: str, judged: Callable[..., Judged]
) -> None:
    module = [ROOM / "test_behaviours.py"]
    probes = judged(f"--freedom={name}", "-k", "test_what_the_contract_leaves_open", modules=module)
    assert probes.that("broken") == set()
    assert probes.report["fault"] is None
