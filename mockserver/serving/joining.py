"""A transport that writes the head of an answer together with its body."""

import asyncio
from typing import Any

# Begins the only answer that another one follows.
_CONTINUE = b"HTTP/1.1 100 "


class JoiningTransport(asyncio.Transport):
    """Writes as another transport does, but the head of an answer together with its body.

    uvicorn writes one after the other, which takes two system calls and often two packets. Both
    wait until the loop has gone through the requests that came at the same time: a system call
    between them would make the next answer slower.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        #: A head, and what follows it.
        self._held: list[Any] = []

    def write(self, data: Any) -> None:  # noqa: ANN401 - as that of a transport
        """Hold a head back, and what follows it; write anything else after them."""
        if len(self._held) == 1:
            self._held.append(data)
            self._loop.call_soon(self.flush)
            return
        self.flush()
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(_CONTINUE):
            self._held.append(data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write what is held back, while there is a connection."""
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def end_answer(self) -> None:
        """Write a head that no body follows."""
        if len(self._held) == 1:
            self.flush()

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
