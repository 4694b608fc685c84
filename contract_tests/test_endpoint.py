"""The endpoint: POST /v1/rerank."""

import pytest

from .contract import Model
from .exchanges import Layout, Request
from .judging.abilities import MANY
from .judging.judge import Judge
from .strategies import Body

#: Characters of a text that is no reason to refuse a request.
LONG_TEXT = 700
#: What clients send of their own: Java offers HTTP/2 to each server that it does not know.
HEADERS = {
    "an offer to upgrade": (
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQBAAAAAAIAAAAA"),
    ),
    "a trace id": (
        ("x-siliconcloud-trace-id", "rerank-contract"),
        ("x-request-id", "rerank-contract"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ),
}


@pytest.mark.telling
@pytest.mark.usefixtures("model")
@pytest.mark.sends(tokens=20, examples=1)
def test_the_example_of_the_page_is_answered(judge: Judge, example: Body) -> None:
    def prove() -> None:
        # As the page prints it.
        request = Request(example, layout=Layout(padded=True))
        judge.accepted("endpoint.rerank", judge.send(request))

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.rerank")
@pytest.mark.models("every")
@pytest.mark.sends(smoke=0)
def test_a_valid_request_is_answered(judge: Judge, model: Model) -> None:
    judge.examine(judge.draw.valid(model), judge.reference)


@pytest.mark.requirement("endpoint.rerank")
@pytest.mark.effort("standard")
@pytest.mark.parametrize("size", ["many documents", "a long one"])
@pytest.mark.sends(tokens=200, examples=3)
def test_a_request_of_a_usual_size_is_answered(judge: Judge, model: Model, size: str) -> None:
    corpus = judge.draw.corpus
    documents = judge.draw.many(MANY) if size == "many documents" else [*corpus, "x" * LONG_TEXT]
    plain, full = judge.draw.extremes(model, documents=documents)
    # What is kept of an answer with texts must not come again without them.
    without = {name: value for name, value in full.items() if name != "return_documents"}
    bodies = [plain, full, without]

    def prove() -> None:
        for body in bodies:
            judge.accepts("endpoint.rerank", body)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.headers", "response.header.trace_id.unique")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.sends(tokens=20, examples=2)
def test_headers_that_the_page_does_not_name_change_nothing(
    judge: Judge, model: Model, headers: tuple[tuple[str, str], ...]
) -> None:
    def prove() -> None:
        # Twice: what is taken over from the client comes again.
        for body in judge.draw.extremes(model):
            exchange = judge.probe(Request(body, headers=headers))
            judge.expect_status("endpoint.headers", 200, exchange)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.unknown_path")
@pytest.mark.models("first")
@pytest.mark.sends(tokens=0, examples=1)
def test_an_unknown_path_is_not_found(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.probe(Request(judge.draw.plainest(model), path="/rerank-contract/unknown"))
        judge.expect_status("endpoint.unknown_path", 404, exchange)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.trailing_slash")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=20, examples=1)
def test_a_trailing_slash_is_redirected(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.probe(Request(judge.draw.plainest(model), path="/rerank/"))
        judge.expect_status("endpoint.trailing_slash", 307, exchange)

    judge.examine_once(prove)
