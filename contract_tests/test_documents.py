"""Body: documents."""

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model
from .exchanges import Request
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.requirement("request.documents.array")
def test_an_array_of_strings_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model), lambda body: judge.reference(body, "request.documents.array")
    )


@pytest.mark.requirement("request.documents.string")
@pytest.mark.models("wide")
def test_a_string_is_ranked_as_the_array_that_holds_it_alone(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        array = judge.reference({**body, "documents": [body["documents"]]})
        string = judge.ranks("request.documents.string", body)
        difference = same_ranking(scores(array), scores(string))
        judge.compare("request.documents.string", difference, array, string)

    # The best document first: a difference shows most in a high score.
    strings = st.one_of(st.just(judge.draw.corpus[-1]), judge.draw.texts())
    judge.examine(strings.flatmap(lambda text: judge.draw.valid(model, documents=text)), prove)


@pytest.mark.requirement("request.documents.delicate")
@pytest.mark.models("classic")
@pytest.mark.effort("thorough")
@pytest.mark.parametrize(
    ("kind", "text"),
    [("NUL", "a\0b"), ("100,000 characters", "apple " * 16_666 + "tree")],
    ids=["NUL", "100,000 characters"],
)
def test_what_a_delicate_document_is_answered_with(
    judge: Judge, model: Model, kind: str, text: str
) -> None:
    def prove() -> None:
        body = {
            **judge.draw.plainest(model),
            "documents": [*judge.draw.corpus, text],
            "return_documents": True,
        }
        status = judge.send(Request(body)).answer.status
        judge.note("request.documents.delicate", f"{kind}: status {status}")

    judge.examine_once(prove)
