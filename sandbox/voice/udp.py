"""A UDP socket on the event loop that knows when the kernel received each datagram."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

# The value of SO_TIMESTAMPNS on Linux; the socket module has no constant for it.
_SO_TIMESTAMPNS = 35
_MAX_GAP, _MAX_READINGS = 0.0002, 5
"""Seconds that reading both clocks may take, and how often it is tried."""
_TIMESPEC = struct.Struct("@qq")
_RECEIVE_BUFFER_BYTES = 1 << 20
_MAX_BATCH = 64
"""Largest number of datagrams that are read in one go. The rest is read at the event loop's next turn."""

Address = tuple[str, int]
Receiver = Callable[[bytes, Address, float], None]
"""A function that gets a datagram, the sender's address, and the time of arrival in monotonic seconds."""


class TimedSocket:
    """A bound UDP socket.

    Args:
        host: the address to bind. The port is any free one.
        receive: called on the event loop with each datagram.
    """

    def __init__(self, host: str, receive: Receiver) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        with contextlib.suppress(OSError):
            # Other systems have no such option: there the arrival is the time of reading.
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((host, 0))
        self._loop.add_reader(self._socket, self._read)

    @property
    def address(self) -> Address:
        """The address that the socket is bound to."""
        host, port = self._socket.getsockname()
        return host, port

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram. It is dropped if the kernel's buffer is full, as on a real network."""
        with contextlib.suppress(BlockingIOError, ConnectionError, OSError):
            self._socket.sendto(data, to)

    def close(self) -> None:
        """Stop reading and close."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        # The batch is bounded, so that a flood of datagrams can't block the event loop.
        for _ in range(_MAX_BATCH):
            try:
                data, ancillary, _, address = self._socket.recvmsg(2048, socket.CMSG_SPACE(_TIMESPEC.size))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue
            self._receive(data, address, _arrival(ancillary))


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            now, wall_time = both_clocks()
            # The kernel's timestamp is wall-clock time. The age of the datagram is the same on every clock.
            age: float = wall_time - (seconds + nanoseconds / 1e9)
            return now - max(0.0, age)
    return time.monotonic()


def both_clocks(
    monotonic: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
) -> tuple[float, float]:
    """The same moment in monotonic seconds and in seconds since 1970.

    If another program runs between the two readings, packets seem to come earlier. So the clocks are then read again.
    """
    for _ in range(_MAX_READINGS):
        now, wall_time = monotonic(), wall_clock()
        if monotonic() - now <= _MAX_GAP:
            break
    return now, wall_time
