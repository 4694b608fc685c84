"""The advice that the mock gives: each mistake of a client that can be seen from the wire.

    request -> Sent -> ON_REQUESTS          entry, past -> OVER_TIME

Nothing here changes an answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, ParamSpec

from ..parsed_request import Sent
from ..state.entry import Advice, Entry, Severity
from . import bodies, heads
from . import over_time as time
from .over_time import Past

#: The header with the ids of the advice on a request.
HEADER = "x-rerank-mock-advice"

Looked = ParamSpec("Looked")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Looked]):
    """One kind of advice."""

    severity: Severity
    #: Yields a hint for each thing that it finds.
    find: Callable[Looked, Iterator[str]]

    @property
    def id(self) -> str:
        """The id of the advice."""
        return self.find.__name__

    @property
    def sentence(self) -> str:
        """What the client did; the id in words, where Python runs without docstrings."""
        return self.find.__doc__ or f"{self.id.replace('_', ' ').capitalize()}."

    def advice(self, hint: str) -> Advice:
        """Return the advice with this hint."""
        return Advice(self.id, self.severity, self.sentence, hint)


ON_REQUESTS = (
    Rule("mistake", heads.path_with_v1_twice),
    Rule("mistake", heads.path_with_two_slashes),
    Rule("mistake", heads.path_with_trailing_slash),
    Rule("mistake", heads.path_without_rerank),
    Rule("mistake", heads.path_without_v1),
    Rule("mistake", heads.path_of_a_neighbour),
    Rule("mistake", heads.rerank_model_elsewhere),
    Rule("breach", heads.wrong_method),
    Rule("breach", heads.key_missing),
    Rule("breach", heads.bearer_missing),
    Rule("mistake", heads.key_misshapen),
    Rule("mistake", heads.key_in_url),
    Rule("mistake", heads.content_type_wrong),
    Rule("breach", bodies.body_not_json),
    Rule("mistake", bodies.encoded_twice),
    Rule("mistake", bodies.unknown_field),
    Rule("remark", bodies.null_field),
    Rule("breach", bodies.top_n_below_one),
    Rule("remark", bodies.top_n_beyond_documents),
    Rule("mistake", bodies.unknown_model),
    Rule("mistake", bodies.gated_field),
    Rule("breach", bodies.chat_style_content),
    Rule("breach", bodies.media_for_a_text_model),
    Rule("breach", bodies.text_as_object),
    Rule("breach", bodies.field_rule),
    Rule("remark", bodies.empty_document),
    Rule("remark", bodies.duplicate_documents),
)

OVER_TIME = (
    Rule("mistake", time.retried_refusal),
    Rule("mistake", time.retried_before_retry_after),
    Rule("mistake", time.retried_at_once),
    Rule("remark", time.paid_twice),
    Rule("mistake", time.redirect_ignored),
    Rule("mistake", time.dead_key),
)


def advise_on_request(sent: Sent) -> tuple[Advice, ...]:
    """Return what the request shows by itself."""
    return tuple(rule.advice(hint) for rule in ON_REQUESTS for hint in rule.find(sent))


def advise_over_time(now: Entry, past: Past) -> tuple[Advice, ...]:
    """Return what it shows after what the caller did before."""
    return tuple(rule.advice(hint) for rule in OVER_TIME for hint in rule.find(now, past))
