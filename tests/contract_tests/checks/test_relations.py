import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.checks.relations import (
    TOLERANCE,
    close,
    cut,
    fall_with_filler,
    most_relevant,
    same_ranking,
    scores,
    unread_passages,
    wrong_chunks,
)
from tests.contract_tests.exchanging import BODY, ranking

Scores = dict[int, float]
#: Scores so far apart that nobody can take one for another.
DISTINCT = st.lists(st.integers(0, 10), min_size=1, max_size=8, unique=True).map(
    lambda steps: {index: step / 10 for index, step in enumerate(steps)}
)
ANY = st.dictionaries(st.integers(0, 9), st.floats(-50, 50), min_size=1)
NOISE = st.floats(-TOLERANCE / 4, TOLERANCE / 4)


def best(full: Scores, number: int) -> Scores:
    return dict(sorted(full.items(), key=lambda item: -item[1])[:number])


@given(ANY, st.data())
def test_noise_within_the_tolerance_is_no_difference(full: Scores, data: st.DataObject) -> None:
    noisy = {index: score + data.draw(NOISE) for index, score in full.items()}
    assert not list(same_ranking(full, noisy))


@given(DISTINCT, st.data())
def test_one_score_moved_further_than_the_tolerance_is_a_difference(
    full: Scores, data: st.DataObject
) -> None:
    index = data.draw(st.sampled_from(sorted(full)))
    moved = full[index] + data.draw(st.sampled_from([-1, 1])) * data.draw(st.floats(0.3, 5))
    (finding,) = same_ranking(full, {**full, index: moved})
    assert finding == (f"score {full[index]} for document {index}", f"score {moved}")


@given(DISTINCT.filter(lambda full: len(full) > 1), st.data())
def test_a_better_document_that_only_one_ranking_has_is_a_difference(
    full: Scores, data: st.DataObject
) -> None:
    worst = min(full, key=full.__getitem__)
    lost = data.draw(st.sampled_from(sorted(set(full) - {worst})))
    part = {index: score for index, score in full.items() if index != lost}
    finding = (f"document {lost} in both rankings", "it is in one of them")
    assert list(same_ranking(full, part)) == [finding]
    assert list(same_ranking(part, full)) == [finding]


def test_which_of_two_ties_is_cut_off_is_no_difference() -> None:
    assert not list(same_ranking({0: 0.9, 1: 0.5}, {0: 0.9, 2: 0.5 + TOLERANCE / 2}))
    assert list(same_ranking({0: 0.9, 1: 0.5}, {0: 0.9, 2: 0.6}))


def test_a_ranking_of_nothing_differs_from_one_of_something() -> None:
    assert list(same_ranking({}, {0: 0.5})) == [
        ("document 0 in both rankings", "it is in one of them")
    ]
    assert not list(same_ranking({}, {}))


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (0.5, 0.5 + TOLERANCE * 0.99, True),
        (0.5, 0.5 + TOLERANCE * 1.01, False),
        (0.0, TOLERANCE * 0.99, True),
        (100.0, 101.9, True),
        (100.0, 103.0, False),
        (-100.0, -101.9, True),
        (-1.0, 1.0, False),
    ],
)
def test_tolerance_grows_with_the_scores_but_does_not_shrink_below_one(
    one: float, other: float, near: bool
) -> None:
    assert close(one, other) is near
    assert close(other, one) is near


@given(ANY, st.integers(1, 10), st.randoms(use_true_random=False))
def test_a_correct_choice_is_never_accused(full: Scores, number: int, order: random.Random) -> None:
    # Equal scores may come in any order.
    shuffled = sorted(full, key=lambda index: (-full[index], order.random()))
    assert not list(most_relevant(full, {index: full[index] for index in shuffled[:number]}))


@given(DISTINCT.filter(lambda full: len(full) > 1), st.data())
def test_one_document_that_is_not_among_the_best_is_a_finding(
    full: Scores, data: st.DataObject
) -> None:
    number = data.draw(st.integers(1, len(full) - 1))
    right = best(full, number)
    worse = data.draw(st.sampled_from(sorted(set(full) - set(right))))
    dropped = data.draw(st.sampled_from(sorted(right)))
    wrong = {index: score for index, score in right.items() if index != dropped}
    wrong[worse] = full[worse]
    (finding,) = most_relevant(full, wrong)
    assert finding == (f"the documents {sorted(right)}", f"the documents {sorted(wrong)}")


def test_a_document_that_was_never_ranked_is_a_finding() -> None:
    assert list(most_relevant({0: 0.5}, {7: 0.9}))


def test_near_ties_at_the_bar_are_not_judged() -> None:
    full = {0: 0.9, 1: 0.5, 2: 0.5 - TOLERANCE / 2}
    assert not list(most_relevant(full, {0: 0.9, 2: 0.49}))


def test_scores_are_known_by_the_index_of_their_document() -> None:
    assert scores(ranking((1, 0.5), (0, 0.25))) == {1: 0.5, 0: 0.25}


@given(st.permutations(range(5)), DISTINCT.filter(lambda full: len(full) >= 5))
def test_indices_follow_documents_that_changed_places(order: list[int], full: Scores) -> None:
    texts = [f"document {index}" for index in range(5)]
    moved = [texts[index] for index in order]
    answered = [(place, full[texts.index(text)]) for place, text in enumerate(moved)]
    sent = {**BODY, "documents": moved}
    assert scores(ranking(*answered, sent=sent), order) == {
        index: full[index] for index in range(5)
    }


def test_an_index_without_document_is_left_to_the_check_of_its_range() -> None:
    assert scores(ranking((0, 0.5), (9, 0.25)), [1, 0]) == {1: 0.5}


#: Scores of a passage, and of two long documents that end in it: with all chunks, with the first.
CHUNKED = {
    "by its best chunk": ([0.9, 0.9, 0.9], [0.9, 0.1, 0.1], False, False),
    "as one chunk": ([0.9, 0.9, 0.9], [0.9, 0.9, 0.9], False, False),
    "as one chunk, the longer one as two": ([0.9, 0.8, 0.8], [0.9, 0.8, 0.1], False, False),
    "by too few chunks": ([0.9, 0.9, 0.1], [0.9, 0.1, 0.1], True, False),
    "by all chunks whatever the limit, if it is long": ([0.9] * 3, [0.9, 0.1, 0.9], True, False),
    "by its worst chunk": ([0.9, 0.1, 0.1], [0.9, 0.5, 0.5], True, False),
    "by the mean of its chunks": ([0.9, 0.5, 0.3], [0.9, 0.1, 0.1], False, True),
    "by its first chunk": ([0.9, 0.1, 0.1], [0.9, 0.1, 0.1], False, True),
    "a little lower": ([0.9, 0.8, 0.8], [0.9, 0.1, 0.1], False, False),
}


@pytest.mark.parametrize("way", CHUNKED)
def test_how_a_long_document_is_scored_is_seen(way: str) -> None:
    every, first, wrong, falls = CHUNKED[way]
    both = dict(enumerate(every)), dict(enumerate(first))
    assert bool(list(wrong_chunks(*both))) is wrong
    assert bool(list(fall_with_filler(*both))) is falls


@pytest.mark.parametrize(
    ("moved", "unread"),
    [([0.9, 0.9], 0), ([0.7, 0.8], 0), ([0.1, 0.9], 1), ([0.9, 0.1], 1), ([0.1, 0.1], 2)],
)
def test_a_passage_is_found_wherever_it_stands(moved: list[float], unread: int) -> None:
    every, first = {0: 0.9, 1: 0.9, 2: 0.9}, {0: 0.9, 1: 0.1, 2: 0.1}
    scored = dict(enumerate(moved))
    assert len(list(unread_passages(scored, every, first))) == unread
    # Where a document is one chunk, nothing shows.
    assert list(unread_passages(scored, every, every)) == []


@pytest.mark.parametrize(
    ("part", "findings"),
    [
        ({2: 0.9, 0: 0.7}, 0),
        ({2: 0.9, 0: 0.71}, 0),
        ({2: 0.9, 0: 0.5}, 1),
        ({2: 0.9, 1: 0.1}, 1),
    ],
    ids=["the best", "nearly the same score", "another score", "another document"],
)
def test_a_cut_has_the_best_documents_and_their_scores(
    part: dict[int, float], findings: int
) -> None:
    assert len(list(cut({0: 0.7, 1: 0.1, 2: 0.9}, part))) == findings
