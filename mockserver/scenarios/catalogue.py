"""Scenarios that are ready to arm, each for a thing that some client is known to get wrong."""

from collections.abc import Mapping
from functools import cache

from ..contract import Contract, load_contract
from ..validation import likely
from .scenario import Drip, Edit, Scenario, ScenarioError, Step, check_errors

#: Scores for so many documents where a scenario sets them all.
_DOCUMENTS = 100

_MADE = (
    Scenario(
        "rate_limit_then_success",
        (Step(error="rate_limited", times=2), Step()),
        "A client that waits and tries again gets through; one that does not fails for nothing.",
    ),
    Scenario(
        "rate_limit_with_retry_after",
        (Step(error="rate_limited", headers={"retry-after": "2"}), Step()),
        "Told how long to wait, a client that comes back sooner is refused by a real service.",
    ),
    Scenario(
        "overloaded_then_success",
        (Step(error="overloaded", times=2), Step()),
        "A 503 passes; a client that gives up on the first one gives up too soon.",
    ),
    Scenario(
        "overloaded_forever",
        (Step(error="overloaded", times=None),),
        "Retries must end, and the failure must be told: not as scores of 0, not as 0.5.",
    ),
    Scenario(
        "gateway_timeout_then_success",
        (Step(error="gateway_timeout"), Step()),
        "The body of a 504 is a bare string: a client that reads `message` from it breaks.",
    ),
    Scenario(
        "flaky",
        (Step(error="overloaded", share=0.3, times=None),),
        "Three requests in ten fail: many batches make one failure almost certain.",
    ),
    Scenario(
        "second_batch_fails",
        (Step(), Step(error="overloaded", times=None)),
        "The scores of half the documents are not those of all: made-up scores for the rest rank.",
    ),
    Scenario(
        "balance_runs_out",
        (Step(times=3), Step(error="balance_insufficient_payment", times=None)),
        "No retry helps: whoever pays must be told, in these words.",
    ),
    Scenario(
        "model_goes_offline",
        (Step(times=3), Step(error="model_disabled", times=None)),
        "Models go: a 403 is not always a wrong key, and its message says so.",
    ),
    Scenario(
        "error_body_with_200",
        (Step(error="overloaded", status=200),),
        "A gateway hides the status: a client that takes 200 for success fails with `results`.",
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
        "A proxy answers in its own way: the error must survive that its body is no JSON.",
    ),
    Scenario(
        "html_with_200",
        (Step(body="<html>Sign in</html>", headers={"content-type": "text/html"}),),
        "A captive portal or a wrong base URL: 200, and nothing of this API.",
    ),
    Scenario(
        "empty_body_with_200",
        (Step(body=""),),
        "There is nothing to parse, and that is no empty ranking.",
    ),
    Scenario(
        "wrong_content_type",
        (Step(headers={"content-type": "text/plain; charset=utf-8"}),),
        "A good answer under a wrong label: a client may read or refuse it, but must not hang.",
    ),
    Scenario(
        "cut_json",
        (Step(cut=0.5),),
        "Half of the body under a length that fits: only the parser notices.",
    ),
    Scenario(
        "closed_in_body",
        (Step(close="in_body"),),
        "The connection ends in the middle: the rest of the body is not to be guessed.",
    ),
    Scenario(
        "closed_before_answer",
        (Step(close="before_answer"),),
        "Nothing came back, yet the request may have been served and paid: retry with care.",
    ),
    Scenario(
        "connection_reset",
        (Step(close="reset"),),
        "The harder way to be left without an answer, which is another error in most clients.",
    ),
    Scenario(
        "connection_refused",
        (Step(close="refused"),),
        "The service is not there: nothing was served, a retry costs nothing.",
    ),
    Scenario(
        "slow_answer",
        (Step(delay=5),),
        "The answer is good and takes 5 seconds: is the user still waiting?",
    ),
    Scenario(
        "hanging",
        (Step(delay=3600),),
        "No answer for an hour: a client without a timeout stands still.",
    ),
    Scenario(
        "dripping",
        (Step(drip=Drip(pieces=60, pause=1)),),
        "A piece each second for a minute: a timeout between two reads never strikes.",
    ),
    Scenario(
        "redirect_then_success",
        (Step(body="", status=307, headers={"location": "/v1/rerank", "content-type": None}),),
        "A slash too many brings a 307: it must be followed with method, body and key.",
    ),
    Scenario(
        "unsorted_results",
        (Step(answer=Edit(order="index")),),
        "Results in the order of the documents: a client that takes the first for the best errs.",
    ),
    Scenario(
        "last_is_best",
        (Step(answer=Edit(scores=tuple((n + 1) / 101 for n in range(_DOCUMENTS)))),),
        "The later the better: `index` left out, or applied twice, shows at once.",
    ),
    Scenario(
        "tied_scores",
        (Step(answer=Edit(scores=(0.5,) * _DOCUMENTS)),),
        "All scores are equal: a sort that is not stable, or compares documents, shows.",
    ),
    Scenario(
        "scores_beyond_one",
        (Step(answer=Edit(scores=tuple(5 - n / 4 for n in range(_DOCUMENTS)))),),
        "Logits, which the contract does not rule out: thresholds and percentages go wrong.",
    ),
    Scenario(
        "missing_result",
        (Step(answer=Edit(leave_out=(0,))),),
        "The first document has no result: a client that counts along shifts all the others.",
    ),
    Scenario(
        "empty_results",
        (Step(answer=Edit(members={"results": []})),),
        "Nothing is ranked, and the first result is not there to be read.",
    ),
    Scenario(
        "document_null",
        (Step(answer=Edit(result_members={"document": None})),),
        "What the service of 2026 sends unless asked for documents: `document.text` breaks.",
    ),
    Scenario(
        "document_absent",
        (Step(answer=Edit(result_without=("document",))),),
        "What the service of 2025 sent: the text is to be looked up by index.",
    ),
    Scenario(
        "meta_absent",
        (Step(answer=Edit(without=("meta",))),),
        "`meta` is optional: counting tokens must not cost the ranking.",
    ),
    Scenario(
        "meta_null",
        (Step(answer=Edit(members={"meta": None})),),
        "The same with a member that is there and has nothing in it.",
    ),
    Scenario(
        "extra_fields",
        (Step(answer=Edit(members={"object": "list"}, result_members={"rank": 0})),),
        "Further members are allowed everywhere: a strict parser breaks on the next release.",
    ),
)


@cache
def catalogue(contract: Contract) -> Mapping[str, Scenario]:
    """Return the ready-made scenarios by name: those whose errors the contract has."""
    return {
        scenario.name: scenario
        for scenario in _MADE
        if {step.error for step in scenario.steps} <= {None, *contract.errors}
    }


def find(named: object, contract: Contract | None = None) -> Scenario:
    """Return the scenario of that name, that JSON, or the one step that is named as its error.

    The newest revision of the contract is meant unless another is given. Raises `ScenarioError`.
    """
    contract = contract or load_contract()
    made = catalogue(contract)
    if isinstance(named, Scenario):
        scenario = named
    elif not isinstance(named, str):
        scenario = Scenario.from_json(named)
    elif named in made:
        return made[named]
    elif named in contract.errors:
        return Scenario(named, (Step(error=named),))
    else:
        hint = likely(named, [*made, *contract.errors])
        raise ScenarioError(f"there is no scenario {named!r}{hint}")
    check_errors(contract, scenario)
    return scenario
