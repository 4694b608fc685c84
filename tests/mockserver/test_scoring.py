import os
import subprocess
import sys
from collections import Counter
from random import Random

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mockserver.scoring import TOKENS_PER_IMAGE, Content, Ranking, rank, tokenize

WORDS = st.text("abcdefghijklmnopqrt", min_size=4, max_size=9)  # no s: no plurals by chance
HANZI = st.text([chr(point) for point in range(0x4E00, 0x4E80)], min_size=2, max_size=6)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def scored(
    query: Content,
    *documents: Content,
    model: str = "BAAI/bge-reranker-v2-m3",
    context_tokens: int = 8192,
    max_chunks: int = 1024,
    instruction: str = "",
    overlap_tokens: int = 0,
) -> Ranking:
    return rank(
        query,
        documents,
        model=model,
        context_tokens=context_tokens,
        max_chunks=max_chunks,
        instruction=instruction,
        overlap_tokens=overlap_tokens,
    )


@given(st.lists(WORDS, min_size=1, max_size=8), st.lists(WORDS, max_size=30), st.data())
def test_a_shared_word_outranks_none(
    query: list[str], others: list[str], data: st.DataObject
) -> None:
    others = [word for word in others if word not in query]
    shared = data.draw(st.sampled_from(query))
    place = data.draw(st.integers(0, len(others)))
    sharing = " ".join([*others[:place], shared, *others[place:]])
    best, worst = scored(" ".join(query), sharing, " ".join(others)).scores
    assert best > worst


@given(HANZI, HANZI)
def test_a_shared_chinese_character_outranks_none(query: str, other: str) -> None:
    assume(not set(query) & set(other))
    best, worst = scored(query, f"{other}{query[0]}", other).scores
    assert best > worst


@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("apple", ["An apple", "Apples and an old pear tree", "A banana"]),
        ("apple", ["apple", "apple pie", "apple pie with cream", "apple pie with cream or so on"]),
        ("deep learning", ["deep learning", "learning is deep", "deep water", "cold tea"]),
        ("APPLE", ["\uff41\uff50\uff50\uff4c\uff45", "ananas"]),
        ("机器学习", ["机器学习的子集", "学习机器", "学生", "苹果"]),
        ("東京の天気", ["東京の天気は晴れ", "京都の食べ物", "banana"]),
        ("😀", ["😀", "😡"]),
        ("straße", ["STRASSE", "platz"]),
    ],
)
def test_documents_rank_as_a_reader_would_rank_them(query: str, documents: list[str]) -> None:
    scores = scored(query, *documents).scores
    assert scores == sorted(scores, reverse=True)


def test_the_least_of_many_words_outranks_none() -> None:
    query = " ".join(f"wording{number}" for number in range(300)) + " ox"
    filler = " ".join(f"filler{number}" for number in range(60))
    sharing = scored(query, *(f"{filler} ox {number}" for number in range(50))).scores
    others = scored(query, *(f"{filler} cow {number}" for number in range(50))).scores
    assert min(sharing) > max(others)


@pytest.mark.parametrize(("query", "document"), [("apple", "apples"), ("apples", "apple")])
def test_singular_and_plural_find_each_other(query: str, document: str) -> None:
    near, far = scored(query, document, "banana").scores
    assert near > 10 * far


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_score_depends_on_its_own_document_alone(
    query: str, documents: list[str], random: Random
) -> None:
    alone = {document: scored(query, document).scores[0] for document in documents}
    shuffled = random.sample(documents, len(documents))
    assert scored(query, *shuffled).scores == [alone[document] for document in shuffled]


@given(TEXTS, TEXTS)
def test_a_score_lies_between_0_and_1_and_prints_as_the_service_prints(
    query: str, document: str
) -> None:
    score = scored(query, document).scores[0]
    printed = orjson.dumps(score).decode()
    assert 1e-6 < score < 1
    assert "e" not in printed
    assert len(printed.removeprefix("0.").lstrip("0")) <= 8


def test_distinct_texts_rarely_tie() -> None:
    scores = scored("apple", *(f"text {number}" for number in range(2000))).scores
    assert max(Counter(scores).values()) <= 2
    assert len(set(scores)) > 1990


def test_scores_are_the_same_in_every_process() -> None:
    script = (
        "from mockserver.scoring import rank\n"
        "print(rank('gla glass', ['a glas', 'gla', '我'], model='m', context_tokens=9,"
        " max_chunks=1).scores)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_instruction_model_and_query_each_change_a_score() -> None:
    plain = scored("apple", "pear").scores
    assert plain != scored("apple", "pear", instruction="Rank fruit").scores
    assert plain != scored("apple", "pear", model="Qwen/Qwen3-Reranker-8B").scores
    assert plain != scored("plum", "pear").scores


def test_the_best_chunk_is_the_score_of_a_long_document() -> None:
    tail = "filler " * 1000 + "an apple"
    near, far = scored("apple", tail, "filler " * 1000, context_tokens=128).scores
    assert near > 10 * far


def test_filler_in_other_chunks_does_not_move_a_score() -> None:
    chunk = "an apple " * 50
    short, long = (
        scored("apple", chunk + "filler " * more, context_tokens=101).scores[0]
        for more in (50, 500)
    )
    assert short == long


def test_what_lies_beyond_the_last_chunk_is_not_seen() -> None:
    document = "filler " * 200 + "an apple"
    one, all_ = (
        scored("apple", document, context_tokens=101, max_chunks=n).scores[0] for n in (1, 3)
    )
    assert all_ > 10 * one


def test_overlap_keeps_a_phrase_together_that_chunks_would_cut() -> None:
    document = "filler " * 97 + "deep learning" + " filler" * 97
    cut, whole = (
        scored("deep learning", document, context_tokens=100, overlap_tokens=n).scores[0]
        for n in (0, 10)
    )
    assert whole > cut


@pytest.mark.parametrize("max_chunks", [1, 1024, 10**300])
@pytest.mark.parametrize("overlap_tokens", [0, 80])
def test_a_short_document_is_one_chunk(max_chunks: int, overlap_tokens: int) -> None:
    options = scored("a", "b c", "", max_chunks=max_chunks, overlap_tokens=overlap_tokens)
    assert options == scored("a", "b c", "")


def test_a_query_longer_than_the_context_leaves_room_for_documents() -> None:
    best, worst = scored("apple " * 1000, "an apple", "a pear", context_tokens=512).scores
    assert best > worst


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \n\t", 0),
        ("Deep learning, today!", 5),
        ("我爱 NLP", 3),
        ("internationalization", 2),
        ("😀😀", 2),
    ],
)
def test_tokens_are_words_characters_and_signs(text: str, tokens: int) -> None:
    assert len([*tokenize(text)]) == tokens


def test_tokens_of_ascii_texts_are_those_of_all_texts() -> None:
    characters = [chr(point) for point in range(128)]
    for first in characters:
        text = "".join(first + second for second in characters) + "a" * 30
        assert [*tokenize(f"{text} é")] == [*tokenize(text), "é"]


def test_each_document_counts_query_instruction_and_itself() -> None:
    assert scored("two words", "a", "b c", instruction="Rank").input_tokens == 2 * (2 + 1) + 1 + 2


def test_content_is_scored_by_text_and_media() -> None:
    cat, dog, text = (
        {"image": "https://example.com/cat.png", "text": "pet"},
        {"image": "https://example.com/dog.png", "text": "pet"},
        {"text": "pet"},
    )
    same, other, plain = scored(cat, cat, dog, text).scores
    assert same > other
    assert other != plain
    assert scored("pet", text).scores == scored("pet", "pet").scores


def test_images_and_videos_are_counted() -> None:
    picture = "https://example.org/a.png"
    both: Content = {"image": picture, "video": ["b"]}
    assert scored("pet", both, "text").image_tokens == 2 * TOKENS_PER_IMAGE
    assert scored({"image": picture}, "text", "text").image_tokens == 2 * TOKENS_PER_IMAGE
    assert scored("pet", "text").image_tokens == 0


@pytest.mark.parametrize("media", ["/tmp/a.png", "aGk=", "data:image/png;base64,!", ""])
def test_what_is_no_image_is_not_counted_as_one(media: str) -> None:
    assert scored("pet", {"image": media}).image_tokens == 0


def test_documents_that_are_left_out_count_no_tokens() -> None:
    def tokens(*documents: str) -> int:
        ranked = rank(
            "an apple",
            documents,
            model="any",
            context_tokens=100,
            max_chunks=None,
            leave_empty_out=True,
        )
        return ranked.input_tokens

    assert tokens("") == tokens("", "") == 0
    assert tokens("a pie", "") == tokens("a pie") == 4
