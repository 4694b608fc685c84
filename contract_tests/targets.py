"""A target is what is judged: something that a request can be sent to."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import httpcore
import httpx

from .exchanges import Answer, Credential, Request
from .redaction import blot, blot_headers

#: Most bytes of a body that are read: so many, and so many more for each byte that was sent.
LONGEST, LONGEST_PER_BYTE = 256 * 1024, 16
#: Bytes that are kept of a longer one.
KEPT = 1000
#: Whatever httpx and the transport raise where no answer comes.
_UNREACHABLE = (
    httpx.HTTPError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
)
_GZIP = zlib.MAX_WBITS | 16

#: Bytes of a body that are sent at once where it is sent in chunks.
CHUNK = 50


class UnreachableError(Exception):
    """No answer came: the connection was refused, cut or timed out."""

    def __init__(self, reason: str, to_try: str = "") -> None:
        super().__init__(reason)
        #: What may help; empty where nothing special is known.
        self.to_try = to_try


#: Part of what is raised where no answer comes -> what to try.
_TO_TRY = {
    "CERTIFICATE_VERIFY_FAILED": "name the certificate of its authority with --ca-file or "
    "$SSL_CERT_FILE; --insecure accepts any",
    "WRONG_VERSION_NUMBER": "it does not speak TLS: is it http:// and not https://?",
    "RemoteProtocolError": "something answers there, but not in HTTP: is that the right port?",
    "ProxyError": "is the proxy right? --proxy names another, and $NO_PROXY lists hosts that need "
    "none",
    "Timeout": "--request-timeout SECONDS gives it longer",
}


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
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._client = client
        secrets = {f"${name}": value for name, value in (secrets or {}).items()}
        #: What is blotted out, the longest first: one may begin like another.
        self._hidden = sorted(
            {api_key, f"{api_key}x", second_api_key or api_key, *secrets.values()},
            key=len,
            reverse=True,
        )
        #: What a request has for a secret -> the secret. Without a second caller the first is both.
        self._secrets = {
            **secrets,
            "$SILICONFLOW_API_KEY": api_key,
            "${SILICONFLOW_API_KEY%?}": api_key[:-1],
            "${SILICONFLOW_API_KEY}x": f"{api_key}x",
            "$(echo $SILICONFLOW_API_KEY | tr A-Za-z a-zA-Z)": api_key.swapcase(),
            "$SILICONFLOW_SECOND_API_KEY": second_api_key or api_key,
        }

    def send(self, request: Request) -> Answer:
        """Send one request; redirects are answers like any other."""
        try:
            with self._client.stream(
                request.method,
                self.base_url + request.path,
                content=_pieces(request.content) if request.chunked else request.content,
                headers=self._headers(request),
            ) as response:
                raw, cut = _read(response, LONGEST + LONGEST_PER_BYTE * len(request.content or b""))
        except _UNREACHABLE as error:
            reason = self._blot(str(error).encode()).decode() or type(error).__name__
            trouble = f"{type(error).__name__}: {reason}"
            advice = (advice for sign, advice in _TO_TRY.items() if sign in trouble)
            raise UnreachableError(trouble, next(advice, "")) from None
        raw_headers = {name.lower(): value for name, value in response.headers.items()}
        headers = blot_headers(raw_headers, lambda text: self._blot(text.encode()).decode())
        body = self._blot(raw)
        repeats_key = body != raw or headers != raw_headers
        return Answer(response.status_code, headers, body[:KEPT] if cut else body, repeats_key, cut)

    def _headers(self, request: Request) -> dict[str, str]:
        # What a server may answer with; others are not read.
        headers = {"accept-encoding": "gzip"}
        if request.content_type is not None:
            headers["content-type"] = request.content_type
        if request.credential is not Credential.NONE:
            scheme, dollar, name = str(request.credential.value).partition("$")
            headers["authorization"] = scheme + self._secrets.get(dollar + name, "")
        return headers | {name: self._secrets.get(value, value) for name, value in request.headers}

    def _blot(self, text: bytes) -> bytes:
        for secret in self._hidden:
            text = blot(text, secret)
        return text


def _pieces(content: bytes | None) -> Iterator[bytes]:
    """A body in chunks, in the middle of characters too."""
    content = content or b""
    return (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))


def _read(response: httpx.Response, longest: int) -> tuple[bytes, str]:
    """The body, decoded, and why the rest of it was not read.

    Of a long body a little more is returned than is kept, so that no key is cut in two.
    """
    if response.is_stream_consumed:
        # It was made in this process, and read there.
        return response.content, ""
    is_encoded = response.headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")
    gzip = zlib.decompressobj(_GZIP) if is_encoded else None
    body = bytearray()
    received = 0
    for part in response.iter_raw():
        received += len(part)
        try:
            body += gzip.decompress(part, longest + 1 - len(body)) if gzip else part
        except zlib.error as error:
            return bytes(body[: 8 * KEPT]), f"its gzip encoding is broken: {error}"
        if max(received, len(body)) > longest:
            return bytes(body[: 8 * KEPT]), f"longer than {longest} bytes, and not read further"
    if gzip and not gzip.eof and received:
        return bytes(body[: 8 * KEPT]), "its gzip encoding ends too early"
    return bytes(body), ""
