"""HTTP by uvicorn, with limits on how long a client may take to send a request or read a reply.

uvicorn closes idle connections between requests only: one on which half a request has come, or on
which nothing is read, would stay for ever.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S = 10.0  # from the connection, or the end of the last request, to a whole head
READ_TIMEOUT_S = 30.0  # in which a client must read something of a reply that waits for it
SEND_BUFFER_BYTES = 1 << 17  # of replies that the client has not read, in the system
TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class ConnectionTimers:
    """The two limits of a connection.

    Args:
        protocol: the connection, open.
        head_timeout_s, read_timeout_s: the limits in seconds.
    """

    def __init__(self, protocol: H11Protocol, head_timeout_s: float, read_timeout_s: float) -> None:
        self._protocol = protocol
        self._head_timeout_s, self._read_timeout_s = head_timeout_s, read_timeout_s
        self._head: asyncio.TimerHandle | None = None
        self._read: asyncio.TimerHandle | None = None

    def watch_head(self) -> None:
        """Time the head of the next request, from its first byte; stop once it is complete."""
        connection = self._protocol
        is_answering = connection.cycle is not None and not connection.cycle.response_complete
        is_idle = connection.timeout_keep_alive_task is not None  # timed by uvicorn
        if is_answering or is_idle:
            _cancel(self._head)
            self._head = None
        elif self._head is None:
            self._head = connection.loop.call_later(self._head_timeout_s, self._refuse)

    def _refuse(self) -> None:
        transport = self._protocol.transport
        if not transport.is_closing():
            transport.write(TIMEOUT_RESPONSE)
            transport.close()

    def watch_reader(self) -> None:
        """Close the connection unless the client reads something in time."""
        transport = self._protocol.transport
        self._read = self._protocol.loop.call_later(self._read_timeout_s, transport.abort)

    def stop_watching_reader(self) -> None:
        """The client has read."""
        _cancel(self._read)

    def cancel(self) -> None:
        """The connection is closed."""
        _cancel(self._head)
        _cancel(self._read)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def timed_protocol(
    head_timeout_s: float = HEAD_TIMEOUT_S, read_timeout_s: float = READ_TIMEOUT_S
) -> type[H11Protocol]:
    """The class of a connection with the two limits, in seconds."""
    # uvicorn imports click, which `core` does not.
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class TimedProtocol(H11Protocol):
        _timers: ConnectionTimers

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            self._timers = ConnectionTimers(self, head_timeout_s, read_timeout_s)
            self._timers.watch_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._timers.watch_head()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._timers.watch_head()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._timers.watch_reader()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._timers.stop_watching_reader()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._timers.cancel()

    return TimedProtocol
