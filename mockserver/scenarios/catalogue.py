"""Ready-made scenarios, each for something that clients are known to get wrong."""

from collections.abc import Mapping
from functools import cache

from ..contract import Contract
from .scenario import Drip, Edit, Scenario, Step

#: The number of scores in scenarios that set the scores of all documents.
_DOCUMENTS = 100


def _made() -> tuple[Scenario, ...]:
    # Not at import: the schema is compiled for the first one, which takes 10 ms.
    return (
        Scenario(
            "rate_limit_then_success",
            (Step(error="rate_limited", times=2), Step()),
            "A client that waits and retries succeeds; one that does not fails without need.",
        ),
        Scenario(
            "rate_limit_with_retry_after",
            (Step(error="rate_limited", headers={"retry-after": "2"}), Step()),
            "A client must wait as long as the answer says; the real service refuses it sooner.",
        ),
        Scenario(
            "overloaded_then_success",
            (Step(error="overloaded", times=2), Step()),
            "A 503 is temporary: a client that gives up on the first one gives up too soon.",
        ),
        Scenario(
            "overloaded_forever",
            (Step(error="overloaded", times=None),),
            "Retries must end in an error, rather than in made-up scores such as 0 or 0.5.",
        ),
        Scenario(
            "gateway_timeout_then_success",
            (Step(error="gateway_timeout"), Step()),
            "The body of a 504 is a bare string: a client that reads `message` from it breaks.",
        ),
        Scenario(
            "flaky",
            (Step(error="overloaded", share=0.3, times=None),),
            "Three requests in ten fail: with many batches, one failure is almost certain.",
        ),
        Scenario(
            "second_batch_fails",
            (Step(), Step(error="overloaded", times=None)),
            "Half of the scores are missing: made-up scores for the rest change the ranking.",
        ),
        Scenario(
            "balance_runs_out",
            (Step(times=3), Step(error="balance_insufficient_payment", times=None)),
            "No retry helps: the message of the error must reach the person who pays.",
        ),
        Scenario(
            "model_goes_offline",
            (Step(times=3), Step(error="model_disabled", times=None)),
            "A 403 does not always mean a wrong key; its message says what it is about.",
        ),
        Scenario(
            "key_expires",
            (Step(times=3), Step(error="key_invalid", times=None)),
            "A key that worked is refused: no retry helps, and the user must learn that it is the"
            " key.",
        ),
        Scenario(
            "error_body_with_200",
            (Step(error="overloaded", status=200),),
            "A gateway hides the status: a client that trusts a 200 fails to find `results`.",
        ),
        Scenario(
            "html_with_502",
            (
                Step(
                    body="<html><head><title>502 Bad Gateway</title></head></html>",
                    status=502,
                    headers={"content-type": "text/html"},
                ),
            ),
            "A proxy answers for the service: an error without a JSON body must be handled.",
        ),
        Scenario(
            "html_with_200",
            (Step(body="<html>Sign in</html>", headers={"content-type": "text/html"}),),
            "A captive portal or a wrong base URL: a 200 that does not come from this API.",
        ),
        Scenario(
            "empty_body_with_200",
            (Step(body=""),),
            "There is nothing to parse, which is not the same as an empty ranking.",
        ),
        Scenario(
            "wrong_content_type",
            (Step(headers={"content-type": "text/plain; charset=utf-8"}),),
            "A good answer with a wrong label: a client may accept or refuse it, but must not"
            " hang.",
        ),
        Scenario(
            "cut_json",
            (Step(cut=0.5),),
            "Half of the body with a matching Content-Length: only the JSON parser notices.",
        ),
        Scenario(
            "closed_in_body",
            (Step(close="in_body"),),
            "The connection ends in the middle of the body: a client must not guess the rest.",
        ),
        Scenario(
            "closed_before_answer",
            (Step(close="before_answer"),),
            "There is no answer, yet the request may have been served and charged: retry with"
            " care.",
        ),
        Scenario(
            "connection_reset",
            (Step(close="reset"),),
            "As `closed_before_answer`, but most clients raise a different error.",
        ),
        Scenario(
            "connection_refused",
            (Step(close="refused"),),
            "The service is unreachable: nothing was served, so a retry costs nothing.",
        ),
        Scenario(
            "connection_timed_out",
            (Step(close="timed_out"),),
            "Nothing answers, as behind a firewall: a client needs a timeout for connecting, too.",
        ),
        Scenario(
            "slow_answer",
            (Step(delay=5),),
            "A good answer after 5 seconds: is the user still waiting?",
        ),
        Scenario(
            "hanging",
            (Step(delay=3600),),
            "No answer for an hour: a client without a timeout hangs.",
        ),
        Scenario(
            "dripping",
            (Step(drip=Drip(pieces=60, pause=1)),),
            "One piece per second for a minute: a read timeout never fires.",
        ),
        Scenario(
            "redirect_then_success",
            (Step(body="", status=307, headers={"location": "/v1/rerank", "content-type": None}),),
            "A trailing slash gets a 307: it must be followed with the same method, body and key.",
        ),
        Scenario(
            "unsorted_results",
            (Step(answer=Edit(order="index")),),
            "Results in the order of the documents: the first is not always the best.",
        ),
        Scenario(
            "last_is_best",
            (Step(answer=Edit(scores=tuple((n + 1) / 101 for n in range(_DOCUMENTS)))),),
            "Later documents score higher: ignoring `index`, or applying it twice, shows at once.",
        ),
        Scenario(
            "tied_scores",
            (Step(answer=Edit(scores=(0.5,) * _DOCUMENTS)),),
            "All scores are equal: a sort that is unstable, or compares documents, shows.",
        ),
        Scenario(
            "scores_beyond_one",
            (Step(answer=Edit(scores=tuple(5 - n / 4 for n in range(_DOCUMENTS)))),),
            "Logits, which the contract allows: thresholds and percentages go wrong.",
        ),
        Scenario(
            "missing_result",
            (Step(answer=Edit(leave_out=(0,))),),
            "The first document has no result: a client that ignores `index` shifts all others.",
        ),
        Scenario(
            "empty_results",
            (Step(answer=Edit(members={"results": []})),),
            "There are no results: reading the first one fails.",
        ),
        Scenario(
            "document_null",
            (Step(answer=Edit(result_members={"document": None})),),
            "What the service of 2026 sends by default: reading `document.text` fails.",
        ),
        Scenario(
            "document_absent",
            (Step(answer=Edit(result_without=("document",))),),
            "What the service of 2025 sent: look up the text by `index`.",
        ),
        Scenario(
            "meta_absent",
            (Step(answer=Edit(without=("meta",))),),
            "`meta` is optional: a client that counts tokens must not fail without it.",
        ),
        Scenario(
            "meta_null",
            (Step(answer=Edit(members={"meta": None})),),
            "As `meta_absent`, but the member is present and null.",
        ),
        Scenario(
            "document_cap",
            (
                Step(
                    when={"min_documents": 26},
                    times=None,
                    error="parameter_rule",
                    places={"field": "documents", "rule": "Must have at most 25 items"},
                ),
            ),
            "Services limit the number of documents: a retry does not help, smaller batches do.",
        ),
        Scenario(
            "context_overflow",
            (
                Step(
                    error="parameter_rule",
                    places={
                        "field": "documents",
                        "rule": "Has 9000 tokens with the query, takes 8192",
                    },
                ),
            ),
            "Text that is too long for the model is refused: the user needs the numbers.",
        ),
        Scenario(
            "extra_fields",
            (Step(answer=Edit(members={"object": "list"}, result_members={"rank": 0})),),
            "The contract allows more members anywhere: a strict parser fails on a new release.",
        ),
    )


@cache
def catalogue(contract: Contract) -> Mapping[str, Scenario]:
    """Return the ready-made scenarios whose errors the contract has, by name."""
    return {
        scenario.name: scenario
        for scenario in _made()
        if {step.error for step in scenario.steps} <= {None, *contract.errors}
    }
