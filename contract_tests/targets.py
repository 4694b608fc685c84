"""A target is what is judged: something that a request can be sent to."""

from collections.abc import Iterator
from typing import Protocol

import httpx

from .exchanges import Answer, Credential, Request, blot

#: Bytes of a body that are sent at once where it is sent in chunks.
CHUNK = 50


class UnreachableError(Exception):
    """No answer came: the connection was refused, cut or timed out."""


class Target(Protocol):
    """What is judged."""

    @property
    def base_url(self) -> str:
        """Where it is; ends in `/v1`."""
        ...

    def send(self, request: Request) -> Answer:
        """Send one request. Raises `UnreachableError` when no answer comes."""
        ...


class HttpTarget:
    """A base URL, spoken to with httpx: also the mock in-process, which answers httpx itself."""

    def __init__(
        self,
        client: httpx.Client,
        base_url: str,
        api_key: str,
        second_api_key: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._client = client
        #: What a credential says for a key -> the key. Without a second caller the first is both.
        self._keys = {
            "$SILICONFLOW_API_KEY": api_key,
            "${SILICONFLOW_API_KEY%?}": api_key[:-1],
            "${SILICONFLOW_API_KEY}x": f"{api_key}x",
            "$(echo $SILICONFLOW_API_KEY | tr A-Za-z a-zA-Z)": api_key.swapcase(),
            "$SILICONFLOW_SECOND_API_KEY": second_api_key or api_key,
        }

    def send(self, request: Request) -> Answer:
        """Send one request; redirects are answers like any other."""
        try:
            response = self._client.request(
                request.method,
                self.base_url + request.path,
                content=_pieces(request.content) if request.chunked else request.content,
                headers=self._headers(request),
            )
        except httpx.HTTPError as error:
            reason = self._blot(str(error).encode()).decode() or type(error).__name__
            raise UnreachableError(f"{type(error).__name__}: {reason}") from None
        raw_headers: dict[str, str] = {
            name.lower(): value for name, value in response.headers.items()
        }
        headers = {name: self._blot(value.encode()).decode() for name, value in raw_headers.items()}
        body = self._blot(response.content)
        repeats_key = body != response.content or headers != raw_headers
        return Answer(response.status_code, headers, body, repeats_key)

    def _headers(self, request: Request) -> dict[str, str]:
        headers: dict[str, str] = {}
        if request.content_type is not None:
            headers["content-type"] = request.content_type
        if request.credential is not Credential.NONE:
            scheme, dollar, name = str(request.credential.value).partition("$")
            headers["authorization"] = scheme + self._keys.get(dollar + name, "")
        return headers

    def _blot(self, text: bytes) -> bytes:
        # The longest first: one may begin like another.
        for key in sorted(self._keys.values(), key=len, reverse=True):
            text = blot(text, key)
        return text


def _pieces(content: bytes | None) -> Iterator[bytes]:
    """A body in chunks, in the middle of characters too."""
    content = content or b""
    return (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))
