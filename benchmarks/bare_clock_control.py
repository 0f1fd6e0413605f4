"""The control to which the bot's packets are compared: the bare clock, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from types import TracebackType
from typing import Self

from config.project import ROOT
from sandbox.voice.udp import Address, TimedSocket


class BareClockControl:
    """Runs ``benchmarks.bare_clock`` and keeps the arrival times of its packets. Use it as an async context manager."""

    def __init__(self) -> None:
        self._arrivals: list[float] = []
        self._readings: list[float] = []
        self._process: asyncio.subprocess.Process | None = None
        self._socket: TimedSocket | None = None

    async def __aenter__(self) -> Self:
        self._socket = TimedSocket("127.0.0.1", self._receive)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.bare_clock", str(self._socket.address[1])),
            cwd=ROOT,
            # So Ctrl-C reaches only the benchmark, and the benchmark kills this process.
            start_new_session=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._socket is not None:
            self._socket.close()

    def begin(self) -> None:
        """Drop the arrival times so far."""
        self._arrivals.clear()
        self._readings.clear()

    def stream(self) -> list[float]:
        """The arrival times since :meth:`begin`, by the kernel's clock, in monotonic seconds."""
        return list(self._arrivals)

    def read_stream(self) -> list[float]:
        """The times since :meth:`begin` at which this process read the packets, in monotonic seconds.

        Packets that come over TCP are compared with these times, since the kernel tells no arrival times for TCP.
        """
        return list(self._readings)

    def _receive(self, data: bytes, address: Address, arrival: float) -> None:
        self._arrivals.append(arrival)
        self._readings.append(time.monotonic())
