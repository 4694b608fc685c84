"""Body: the multimodal form. The page names it; the shape of its content objects is inferred."""

import pytest

from .checks.relations import same_ranking, scores
from .contract import AnyJson, Model
from .examples import IMAGE, VIDEO
from .exchanges import Request
from .judging.judge import Judge


@pytest.mark.requirement("request.multimodal.text")
@pytest.mark.models("multimodal")
def test_plain_strings_are_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model), lambda body: judge.ranks("request.multimodal.text", body)
    )


@pytest.mark.requirement("request.multimodal.image")
@pytest.mark.models("multimodal")
@pytest.mark.parametrize(
    ("query", "documents"),
    [
        (
            {"text": "a white square"},
            [{"text": "a lighthouse"}, {"image": IMAGE}, "a white cat"],
        ),
        (
            {"image": IMAGE},
            [{"image": IMAGE}, {"text": "a lighthouse", "image": IMAGE}],
        ),
    ],
    ids=["asked with text", "asked with an image"],
)
@pytest.mark.sends(tokens=4_000, examples=3)
def test_content_objects_are_accepted(
    judge: Judge, model: Model, query: AnyJson, documents: list[AnyJson]
) -> None:
    judge.examine(
        judge.draw.valid(model, query=query, documents=documents, top_n=None),
        lambda body: judge.ranks("request.multimodal.image", body),
    )


@pytest.mark.requirement("request.multimodal.image")
@pytest.mark.models("multimodal")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=2, tokens=40, examples=1)
def test_a_text_is_ranked_the_same_in_a_content_object(judge: Judge, model: Model) -> None:
    def prove() -> None:
        plain = judge.draw.plainest(model)
        objects = {
            "query": {"text": plain["query"]},
            "documents": [{"text": text} for text in plain["documents"]],
        }
        one = judge.reference(plain)
        other = judge.ranks("request.multimodal.image", {**plain, **objects})
        difference = same_ranking(scores(one), scores(other))
        judge.compare("request.multimodal.image", difference, one, other)

    judge.examine_once(prove)


@pytest.mark.requirement("request.multimodal.video")
@pytest.mark.models("multimodal")
@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=270, examples=1)
def test_a_video_is_accepted(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = {
            **judge.draw.plainest(model),
            "documents": [*judge.draw.corpus, {"video": VIDEO}],
        }
        judge.accepted("request.multimodal.video", judge.probe(Request(body)))

    judge.examine_once(prove)
