"""Rules about images and videos. Each yields a hint for each thing that it finds."""

import re
from collections.abc import Iterator
from typing import Any

from ..media import fault_of
from ..parsed_request import ReceivedRequest
from .rules import rule

_MEDIA = ("image", "video")

#: Names that other APIs have for an image or a video.
_FOREIGN = {"image_url", "image_uri", "img", "input_image", "video_url", "image_base64"}

#: Names of an image or a video in an object, ours and others.
NAMES = frozenset({*_MEDIA, *_FOREIGN})

#: A text that can only be meant as an image or a video, and one that probably is.
_DATA = re.compile(r"data:(image|video)/", re.IGNORECASE)
_URL = re.compile(r"https?://\S+\.(png|jpe?g|gif|webp|bmp|mp4|mov|webm)(\?\S*)?", re.IGNORECASE)

_DATA_URI = "data:image/png;base64,… with the whole file in base64"


@rule("chat_style_content", "breach")
def chat_style_content(sent: ReceivedRequest) -> Iterator[str]:
    """The query or a document has the form of a chat message."""
    if any({"content", "type"} & content.keys() for content in _objects(sent)):
        yield 'Send {"text": …}, {"image": URL or data URI} or {"video": …}, without content parts'


@rule("media_for_a_text_model", "breach")
def media_for_a_text_model(sent: ReceivedRequest) -> Iterator[str]:
    """A text model was sent an image or a video."""
    if sent.form.name == "classic" and any(
        content.keys() & NAMES and not {"content", "type"} & content.keys()
        for content in _objects(sent)
    ):
        yield _able(sent)


@rule("media_as_text", "mistake")
def media_as_text(sent: ReceivedRequest) -> Iterator[str]:
    """An image or a video was sent as a text."""
    texts = [content for content in sent.contents if isinstance(content, str)]
    if sent.form.name == "classic":
        if any(map(_DATA.match, texts)):
            yield _able(sent)
    elif any(_DATA.match(text) or _URL.fullmatch(text) for text in texts):
        yield 'A string is ranked as a text: send {"image": URL or data URI}'


@rule("media_as_object", "breach")
def media_as_object(sent: ReceivedRequest) -> Iterator[str]:
    """An image is an object instead of a string."""
    for content in _multimodal(sent):
        if isinstance(content.get("image"), dict):
            yield 'Send {"image": URL}, without an object around the URL'
            return


@rule("media_misnamed", "mistake")
def media_misnamed(sent: ReceivedRequest) -> Iterator[str]:
    """An image or a video has the name of another API."""
    for content in _multimodal(sent):
        if names := _FOREIGN & content.keys():
            right = "video" if "video" in min(names) else "image"
            yield f"`{min(names)}`: call it `{right}`, with the URL or data URI as a string"
            return


@rule("media_without_prefix", "mistake")
def media_without_prefix(sent: ReceivedRequest) -> Iterator[str]:
    """An image or a video is bare base64."""
    if "base64" in _faults(sent):
        yield "Put `data:image/png;base64,` before it, with the type of the file"


@rule("media_not_base64", "mistake")
def media_not_base64(sent: ReceivedRequest) -> Iterator[str]:
    """A data URI does not hold valid base64."""
    if "broken" in _faults(sent):
        yield f"Send {_DATA_URI}: without line breaks, with its padding, not URL-safe"


@rule("media_is_no_url", "mistake")
def media_is_no_url(sent: ReceivedRequest) -> Iterator[str]:
    """An image or a video is neither a URL nor a data URI."""
    if "path" in _faults(sent):
        yield f"The service cannot read files of the client: send {_DATA_URI}"


def _objects(sent: ReceivedRequest) -> list[dict[str, Any]]:
    return [content for content in sent.contents if isinstance(content, dict)]


def _multimodal(sent: ReceivedRequest) -> list[dict[str, Any]]:
    return _objects(sent) if sent.form.name == "multimodal" else []


def _faults(sent: ReceivedRequest) -> set[str | None]:
    """Return what is wrong with the images and videos of a request."""
    return {
        fault_of(content[name])
        for content in _multimodal(sent)
        for name in _MEDIA
        if isinstance(content.get(name), str)
    }


def _able(sent: ReceivedRequest) -> str:
    able = [model.id for model in sent.models.values() if model.form == "multimodal"]
    return f"Use a model that accepts images and videos: {', '.join(able)}"
