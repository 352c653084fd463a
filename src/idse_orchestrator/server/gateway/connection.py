"""A connection of a client, whoever that is: there are few of each address, and none stands still.

The parser itself keeps whatever comes, for as long as it takes, and an answer waits for whoever reads it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from idse_orchestrator.base.records import NamedTuple

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30.0
_UNSENT = 64 * 1024
"""Bytes that the kernel may keep unsent: with megabytes, it took long until we see that somebody reads."""
_WORDS = b"too many connections of one address\n"
_TURNED_AWAY = (
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 5\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_WORDS), _WORDS)
)


class Bounds(NamedTuple):
    """What a connection is held to: `enter` counts it by its address, or says no; `leave` ends that.

    A client has `silence` seconds to take 48 KiB of the 64 that wait for it, or loses its connection.
    """

    enter: Callable[[str], bool]
    leave: Callable[[str], None]
    silence: float


class Connection(HttpToolsProtocol):
    """Ends where headers, or what comes between the parts of a body, are longer than HEAD_BYTES.

    It ends, too, where headers take longer than HEAD_SECONDS, and where `bounds` say so.
    """

    def __init__(self, bounds: Bounds, *given: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*given, **named)
        self._bounds = bounds
        self._address: str | None = None
        """By which it is counted, for as long as it is."""
        self._slow: asyncio.TimerHandle | None = None
        self._kept = 0
        """Bytes since the parser last reported something; it holds no more than these."""
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a first request."""
        super().connection_made(transport)
        if self.client:
            with suppress(OSError, AttributeError):  # not every system has it
                line = transport.get_extra_info("socket")
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
        address = self.client[0] if self.client else ""
        if not self._bounds.enter(address):
            transport.write(_TURNED_AWAY)
            transport.close()
            return
        self._address = address
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._wait_no_more()
        self._reads_again()
        if self._address is not None:
            self._bounds.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begins to wait for a client that does not take what is there for it."""
        super().pause_writing()
        self._slow = asyncio.get_running_loop().call_later(self._bounds.silence, self.transport.abort)

    def resume_writing(self) -> None:
        """Goes on: the client has taken most of it."""
        self._reads_again()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Takes in what came, and ends the connection where too much of it leads to nothing."""
        self._kept += len(data)
        super().data_received(data)
        if self._kept > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Begins to wait for the headers of a request."""
        if self._patience is None:
            self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Goes over to the body, for which others wait."""
        self._kept = 0
        self._wait_no_more()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Passes on a part of the body."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begins to count anew, for the next request."""
        self._kept = 0
        super().on_message_complete()

    def _wait(self) -> None:
        self._patience = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._gone)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _reads_again(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _gone(self) -> None:
        self._patience = None
        self.transport.close()
