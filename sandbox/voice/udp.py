"""A UDP socket on the event loop that knows when each datagram reached the machine, not when we got round to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

# Linux's SO_TIMESTAMPNS, which the socket module does not name.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_BUFFER = 1 << 20
_MOST_AT_ONCE = 64

Address = tuple[str, int]
Receiver = Callable[[bytes, Address, float], None]
"""Takes a datagram, where it came from, and its arrival in monotonic seconds."""


class TimedSocket:
    """A bound UDP socket; each datagram is handed to ``receive`` on the event loop.

    Args:
        host: the address to bind; the port is any free one.
    """

    def __init__(self, host: str, receive: Receiver) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with contextlib.suppress(OSError):
            # Elsewhere than on Linux the time of reading has to do.
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((host, 0))
        self._loop.add_reader(self._socket, self._read)

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        host, port = self._socket.getsockname()
        return host, port

    def send(self, data: bytes, to: Address) -> None:
        """Send now, or drop when the kernel has no room, as a network would."""
        with contextlib.suppress(BlockingIOError, ConnectionError, OSError):
            self._socket.sendto(data, to)

    def close(self) -> None:
        """Stop reading and close."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        # A bounded batch, so that a flood can't keep the loop from everything else.
        for _ in range(_MOST_AT_ONCE):
            try:
                data, ancillary, _, address = self._socket.recvmsg(2048, socket.CMSG_SPACE(_TIMESPEC.size))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue
            self._receive(data, address, _arrival(ancillary))


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    now = time.monotonic()
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            # The kernel stamps with the wall clock; its distance to now is the same on any clock.
            age: float = time.time() - (seconds + nanoseconds / 1e9)
            return now - max(0.0, age)
    return now
