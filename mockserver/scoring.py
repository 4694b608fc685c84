"""Plausible scores: documents that share words with the query rank higher.

A content becomes a text, then tokens, then chunks; the score is that of the best chunk. It depends
only on query, instruction, model and the document itself, and is the same in every process.

A long text is never processed as a whole: other threads get their turn after each piece, and at
most one chunk of tokens is in memory.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import orjson

from .media import is_media

#: A text, or an object with text, image and video.
Content: TypeAlias = str | Mapping[str, Any]

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"

#: A token is up to 12 letters of a word, or one symbol; each Chinese, Japanese or Korean character
#: is a symbol. How the service counts is not documented; this rule is our own.
_TOKEN = re.compile(rf"[^\W{_CJK}]{{1,12}}|\S")

#: The same for texts in ASCII, in less time. Python takes the four separators for spaces, too.
_ASCII_TOKEN = re.compile(r"\w{1,12}|[^\s\x1c-\x1f]", re.ASCII)

#: Characters that may be combining marks, in runs longer than any language has. Normalisation sorts
#: a run of marks in quadratic time.
_MARKS = re.compile(r"[^\w\s\x00-\x7f]{30}")

#: The most characters that are normalised and split at once.
PIECE = 12_000

#: The tokens of one image or video; our own number, as that of the service is not documented.
TOKENS_PER_IMAGE = 256


class Ranking(NamedTuple):
    """The scores of the documents, in the order of the request, and the tokens."""

    scores: list[float]
    input_tokens: int
    image_tokens: int
    #: The tokens of query and instruction, and of the longest document.
    query_tokens: int
    longest_document: int


def rank(
    query: Content,
    documents: Sequence[Content],
    *,
    model: str,
    context_tokens: int,
    max_chunks: int | None,
    instruction: str = "",
    overlap_tokens: int = 0,
    leave_empty_out: bool = False,
) -> Ranking:
    """Score each document. Query and instruction count once for each document that counts."""
    question = _Question(query, instruction, model, context_tokens)
    # Even a long query leaves half of the context to the documents, and a chunk is half new.
    size = max(context_tokens - question.tokens, context_tokens // 2, 1)
    overlap = min(overlap_tokens, size // 2)
    scores: list[float] = []
    longest = images = 0
    counted = len(documents) - (documents.count("") if leave_empty_out else 0)
    input_tokens = question.tokens * counted
    for document in documents:
        if isinstance(document, str):
            text = document
        else:
            text = _text(document)
            images += _images(document)
        tokens, logit = _compare(question, text, size, overlap, max_chunks)
        input_tokens += tokens
        longest = max(longest, tokens)
        # 8 digits, like a 32-bit float.
        scores.append(float(f"{1 / (1 + math.exp(-logit)):.8g}"))
    image_tokens = TOKENS_PER_IMAGE * (_images(query) * counted + images)
    return Ranking(scores, input_tokens, image_tokens, question.tokens, longest)


def tokenize(text: str) -> Iterator[str]:
    """Split into tokens, after NFKC normalisation and case folding."""
    if len(text) <= PIECE:
        return iter(_split(text))
    return chain.from_iterable(map(_split, _pieces(text)))


def _split(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_TOKEN.findall(text.lower())
    return _TOKEN.findall(_normalize(text).casefold())


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text, between words where it can be."""
    start = 0
    while len(text) - start > PIECE:
        space = text.rfind(" ", start + 1, start + PIECE)
        end = start + PIECE if space < 0 else space
        yield text[start:end]
        start = end
    yield text[start:]


def _compare(
    question: "_Question", text: str, size: int, overlap: int, max_chunks: int | None
) -> tuple[int, float]:
    """Return the tokens of a document, and the logit of the best of its first chunks."""
    if len(text) <= PIECE:
        tokens = _split(text)
        # Nearly every document is one chunk.
        if len(tokens) <= size:
            return len(tokens), question.logit(tokens)
    total, best = 0, -math.inf
    for number, chunk in enumerate(_cut(tokenize(text), size, overlap)):
        total += len(chunk) - (overlap if number else 0)
        if max_chunks is None or number < max_chunks:
            best = max(best, question.logit(chunk))
    return total, best


def _cut(tokens: Iterator[str], size: int, overlap: int) -> Iterator[list[str]]:
    """Cut into chunks, each of which begins with the last tokens of the one before."""
    chunk = [*islice(tokens, size)]
    yield chunk
    while new := [*islice(tokens, size - overlap)]:
        chunk = chunk[size - overlap :] + new
        yield chunk


def _normalize(text: str) -> str:
    """Return the text in form NFKC, in linear time.

    Runs of marks are split, as in the Stream-Safe Text Format of Unicode (UAX 15).
    """
    ends = [match.end() for match in _MARKS.finditer(text)]
    pieces = (text[start:end] for start, end in pairwise([0, *ends, len(text)]))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)


class _Question:
    """A query, which documents are compared with."""

    def __init__(self, query: Content, instruction: str, model: str, context_tokens: int) -> None:
        text = _text(query)
        rest = tokenize(text)
        # What is longer than the context is counted, and not compared.
        tokens = [*islice(rest, context_tokens)]
        self.tokens = len(tokens)
        if self.tokens == context_tokens:
            self.tokens += _length(rest)
        if instruction:
            self.tokens += _length(tokenize(instruction))
        self._salt = crc32(orjson.dumps([model, instruction, text]))
        # A query without words, such as an emoji, matches by its symbols.
        words = {*filter(_is_word, tokens)} or {*tokens}
        stems = {*map(_stem, words)}
        #: Each spelling that matches a word of the query, and its stem. Sorted, as a spelling may
        #: have two stems and the order of a set differs between processes.
        self._spellings = {form: stem for stem in sorted(stems) for form in (stem, stem + "s")}
        self._forms = frozenset(self._spellings)
        #: Adjacent tokens, joined: they make words a phrase and Chinese characters a word.
        self._pairs = set[str]()
        self._begins_pair = set[str]()
        for a, b in pairwise(tokens):
            if a in words and b in words:
                self._pairs.add(a + b)
                self._begins_pair.add(a)
        #: Letters of all stems and pairs; longer words count more.
        self._weight = sum(map(len, stems | self._pairs))

    def logit(self, chunk: list[str]) -> float:
        """Return the logit of the score of a chunk."""
        # Equally similar texts get different scores; those that share nothing stay below the rest.
        # The noise is that of the chunk: what stands in other chunks does not move the score.
        noise = crc32(" ".join(chunk).encode(), self._salt) / 2**32
        words = set(chunk)
        shared = words & self._forms
        if not shared:
            return noise / 2 - 7
        found = {self._spellings[word] for word in shared}
        focus = len(found) / len(words)
        begins = self._begins_pair
        if not begins.isdisjoint(words):
            found |= self._pairs.intersection([a + b for a, b in pairwise(chunk) if a in begins])
        covered = sum(map(len, found)) / self._weight
        # How much of the query is in the chunk, from 0 to 1.
        likeness = 0.8 * covered + 0.2 * focus
        return 12 * likeness + 1 - 7 + noise / 2


def _length(tokens: Iterator[str]) -> int:
    return sum(1 for _ in tokens)


def _is_word(token: str) -> bool:
    return token.isalnum() or any(map(str.isalnum, token))


def _stem(word: str) -> str:
    """Return the word without a plural ending."""
    return word.removesuffix("s") if len(word) > 3 else word


def _text(content: Content) -> str:
    """Return the text and a word for each image or video; equal media give equal words."""
    if isinstance(content, str):
        return content
    media = (content[name] for name in ("image", "video") if name in content)
    return " ".join([content.get("text", ""), *(f"{crc32(orjson.dumps(m)):08x}" for m in media)])


def _images(content: Content) -> int:
    if isinstance(content, str):
        return 0
    return sum(is_media(content[name]) for name in ("image", "video") if name in content)
