"""A transport that writes the head of an answer together with its body."""

import asyncio
from typing import Any

# Begins the only answer that another one follows.
_CONTINUE = b"HTTP/1.1 100 "


class JoiningTransport(asyncio.Transport):
    """Writes as another transport does, but the head of an answer together with its body.

    uvicorn writes one after the other, which takes two system calls and often two packets.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._head = b""

    def write(self, data: Any) -> None:  # noqa: ANN401 - as that of a transport
        """Hold a head back; write anything else after it."""
        if not self._head and data.startswith(b"HTTP/1.1 ") and not data.startswith(_CONTINUE):
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that no body follows."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection after what was written."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self.flush()
        self._transport.abort()

    def write_eof(self) -> None:
        """End what is written; the client may go on."""
        self.flush()
        self._transport.write_eof()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - likewise
        """Return what the transport knows about the connection."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Return whether the connection is closed or about to be."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Receive nothing for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._transport.resume_reading()
