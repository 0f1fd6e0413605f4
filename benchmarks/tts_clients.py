"""Clients that measure the speech server's replies, and the server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.errors import MeasurementError
from config.children import end_child
from config.project import ROOT
from wire.messages import SAMPLE_RATE, Failure, Flushed, Speak, parse_server

START_LIMIT = 60.0
REPLY_LIMIT = 300.0
BYTES_A_SECOND = 4 * SAMPLE_RATE


@dataclass(slots=True)
class HeardReply:
    """One reply at the client.

    Attributes:
        sent: the time at which its text was sent, in monotonic seconds.
        pieces: the arrival and the length of each piece of sound, in seconds.
        first_chunk: seconds from the complete first clause to its first sound, as the server reports them.
    """

    sent: float
    pieces: list[tuple[float, float]] = field(default_factory=list)
    first_chunk: float = 0.0

    @property
    def first_audio(self) -> float:
        """The time from sending the text to the first sound, in seconds."""
        return self.pieces[0][0] - self.sent

    @property
    def audio(self) -> float:
        """The length of the sound, in seconds."""
        return sum(seconds for _, seconds in self.pieces)

    @property
    def starved(self) -> float:
        """The seconds for which a listener who plays the sound as it comes would have had nothing to play."""
        clock = self.pieces[0][0]
        starved = 0.0
        for at, seconds in self.pieces:
            starved += max(0.0, at - clock)
            clock = max(clock, at) + seconds
        return starved


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A speech server in a process of its own."""

    address: str
    process: psutil.Process

    def memory(self) -> int:
        """The memory that it uses now, in bytes."""
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def speech_server(folder: Path, *options: str) -> AsyncIterator[ServerProcess]:
    """Run a speech server with these command line options until the block ends.

    Raises:
        MeasurementError: it did not start.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tts_server", "--bind", "127.0.0.1:0", *options),
        cwd=folder,
        # The neutral preset does not change the speed, so that the length of a text gives the length of its sound.
        env={"PYTHONPATH": str(ROOT), "TTS_VOICES_DIR": str(folder / "voices"), "TTS_PRESET": "neutral", "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        if process.stdout is None:
            raise MeasurementError("the speech server has no output")
        async with asyncio.timeout(START_LIMIT):
            line = await process.stdout.readline()
        if not line:
            raise MeasurementError("the speech server would not start")
        yield ServerProcess(json.loads(line)["listening"], psutil.Process(process.pid))
    finally:
        await end_child(process, START_LIMIT)


async def speak(server: ServerProcess, replies: Sequence[str], start: asyncio.Event) -> list[HeardReply]:
    """Send texts one after another on one connection, once ``start`` is set, and receive each reply to its end.

    Raises:
        MeasurementError: a reply failed.
    """
    async with connect(server.address, compression=None, max_size=None) as connection:
        await start.wait()
        return [await _reply(connection, str(number), text) for number, text in enumerate(replies)]


async def _reply(connection: ClientConnection, reply: str, text: str) -> HeardReply:
    heard = HeardReply(time.monotonic())
    await connection.send(Speak(text, flush=True, reply=reply).to_json())
    async with asyncio.timeout(REPLY_LIMIT):
        while True:
            frame = await connection.recv()
            if isinstance(frame, bytes):
                heard.pieces.append((time.monotonic(), len(frame) / BYTES_A_SECOND))
                continue
            match parse_server(frame):
                case Flushed(first_chunk_ms):
                    if not heard.pieces or first_chunk_ms is None:
                        raise MeasurementError("a reply had no sound")
                    heard.first_chunk = first_chunk_ms / 1000
                    return heard
                case Failure(error):
                    raise MeasurementError(f"the speech server said: {error}")
                case _:
                    pass
