"""A plain happy-path test notices wrong clients, and leaves right ones alone."""

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mockserver.scenarios.hostile import HOSTILE, Hostile
from mockserver.testing.contexts import mock_rerank
from tests.mockserver.testing.wrong_clients import (
    BEST,
    DOCUMENTS,
    KINDS,
    QUERY,
    Client,
    IgnoresTheStatus,
    Kind,
    LeavesEmptyDocumentsOut,
    MessageOfAnObject,
    NoRetry,
    Noticed,
    NullForOptional,
    ReadsScore,
    Retries402,
    RetriesAtOnce,
    RetriesMore,
    Sigmoid,
    SwallowsErrors,
    Threshold,
    TopNZero,
)

GUIDE = Path(__file__).parents[3] / "docs" / "testing-a-client.md"
SEEDS = pytest.mark.parametrize("seed", range(3))


#: The clients that pass a plain test, and are noticed by one of the hostile options.
SHOWN: Mapping[Hostile, Sequence[type[Client]]] = {
    "shapes": [Sigmoid, ReadsScore, Threshold],
    "faults": [NoRetry, RetriesAtOnce, IgnoresTheStatus, SwallowsErrors, MessageOfAnObject],
}


def noticed(
    kind: type[Client],
    *,
    asserts: bool = True,
    arm: str | None = None,
    documents: Sequence[str] = DOCUMENTS,
    top_n: int | None = 2,
    **options: Any,  # noqa: ANN401 - see `mock_rerank`
) -> Noticed:
    """Run the test of a client, and return whether anything was noticed."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            with mock_rerank(**options) as mock:
                mock.clock.freeze()
                client = kind(mock.base_url, mock.api_key, mock.clock.advance)
                if arm:
                    mock.arm(arm)
                best = client.rank(QUERY, documents, top_n)[0]
                assert best == BEST or not asserts
        except Exception:  # noqa: BLE001 - of any kind, as a test runner has it
            return "caught"
    return "warned" if told else "silent"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.client.__name__)
def test_a_plain_test_notices_as_much_as_the_guide_says(kind: Kind) -> None:
    assert noticed(kind.client, asserts=kind.asserts) == kind.plain


@SEEDS
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.client.__name__)
def test_hostile_answers_show_as_much_as_the_guide_says(kind: Kind, seed: int) -> None:
    found = noticed(kind.client, asserts=kind.asserts, hostile=HOSTILE, seed=seed)
    assert found == kind.hostile


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_option_shows_the_clients_that_the_guide_names(hostile: Hostile) -> None:
    assert [kind for kind in SHOWN[hostile] if noticed(kind, hostile=hostile) == "silent"] == []


def test_every_client_that_passes_by_luck_is_shown_by_an_option() -> None:
    lucky = {kind.client for kind in KINDS if kind.plain == "silent" != kind.hostile}
    assert {*SHOWN["shapes"], *SHOWN["faults"]} == lucky


@pytest.mark.parametrize("hostile", [[], ["shapes"], ["faults"], ["shapes", "faults"]], ids=str)
@pytest.mark.parametrize("client", [Client, NullForOptional])
@pytest.mark.parametrize("seed", range(8))
def test_a_right_client_passes_under_every_seed(
    client: type[Client], hostile: list[str], seed: int
) -> None:
    assert noticed(client, hostile=hostile, seed=seed) == "silent"


def test_the_guide_has_the_figures() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    plain, hostile = (
        Counter(found != "silent" for found in column)[True]
        for column in zip(*((kind.plain, kind.hostile) for kind in KINDS), strict=True)
    )
    assert f"Of {len(KINDS)} kinds of wrong client, {plain} are noticed" in guide
    assert f"and {hostile} with the hostile" in guide
    assert (plain >= 25, hostile >= 32) == (True, True)


def test_the_guide_says_of_each_silent_kind_what_helps() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    table = guide[guide.index("## Lucky clients") : guide.index("## A client that is not httpx")]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)[1:]
    told = {client.strip() for client, _ in rows}
    assert {sentence(kind) for kind in KINDS if kind.hostile == "silent"} == told


@pytest.mark.parametrize(
    ("kind", "error", "documents", "top_n", "found"),
    [
        (RetriesMore, "parameter_invalid", DOCUMENTS, 2, "warned"),
        (Retries402, "balance_insufficient_payment", DOCUMENTS, 2, "warned"),
        (TopNZero, None, DOCUMENTS, None, "caught"),
        (LeavesEmptyDocumentsOut, None, ["", *DOCUMENTS], 2, "caught"),
    ],
)
def test_what_the_guide_says_helps(
    kind: type[Client], error: str | None, documents: list[str], top_n: int | None, found: Noticed
) -> None:
    assert noticed(kind, arm=error, documents=documents, top_n=top_n) == found
    assert noticed(Client, documents=documents, top_n=top_n) == "silent"


def sentence(kind: Kind) -> str:
    return str(kind.client.__doc__).partition("\n")[0].rstrip(".")
