from itertools import combinations

import pytest

from contract_tests.judging.outcomes import EXIT_CODES, Outcome, Verdict, verdict
from tests.schemas.data import TABLE_SCHEMAS

#: From best to worst: the worst of a run decides, whatever else happened.
DECIDES = {
    Outcome.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    Outcome.FAILED: Verdict.VIOLATES,
    Outcome.BROKEN: Verdict.BROKEN,
}
HARMLESS = {Outcome.PASSED, Outcome.DIFFERS, Outcome.SKIPPED, Outcome.OFF, Outcome.KNOWN}
EVERY_SET = [set(some) for size in range(8) for some in combinations(Outcome, size)]


def test_the_worst_outcome_decides() -> None:
    for outcomes in EVERY_SET:
        worst = [verdict for outcome, verdict in DECIDES.items() if outcome in outcomes]
        if worst:
            assert verdict(outcomes) is worst[-1]


def test_a_run_conforms_where_something_passed_and_nothing_is_worse_than_harmless() -> None:
    for outcomes in EVERY_SET:
        conforms = Outcome.PASSED in outcomes and outcomes <= HARMLESS
        assert (verdict(outcomes) is Verdict.CONFORMS) is conforms


def test_a_run_in_which_nothing_passed_has_shown_nothing() -> None:
    assert verdict({Outcome.SKIPPED, Outcome.OFF, Outcome.DIFFERS}) is Verdict.INCONCLUSIVE
    assert verdict(set()) is Verdict.INCONCLUSIVE


def test_every_verdict_has_an_exit_code_that_is_not_the_one_of_usage() -> None:
    assert {code: word.value for word, code in EXIT_CODES.items()} == {
        0: "conforms",
        1: "violates",
        3: "inconclusive",
        4: "broken",
    }


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (Verdict, TABLE_SCHEMAS["report"]["properties"]["verdict"]),
        (Outcome, TABLE_SCHEMAS["report"]["$defs"]["outcome"]),
    ],
)
def test_the_report_knows_every_word(
    words: type[Outcome | Verdict], place: dict[str, list[str]]
) -> None:
    assert {word.value for word in words} == set(place["enum"])
