"""A stand-in for speech servers that send bare sound, such as the RVC server for which the bot was first planned.

It takes the same messages as that server, ``{"token", "pitch_shift"}`` and ``{"flush": true}``, and answers with
float32 mono at 48,000 Hz, without any event. It knows no voice conversion and no model: a text becomes a tone, or what
a function makes of it. How fast such servers are, and in which pieces they speak, is an assumption.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sandbox.held_port import hold_port, port_of
from sandbox.voice.opus import SAMPLE_RATE, Sound

CHARACTER = SAMPLE_RATE // 15
"""Number of samples of one character of a tone: 15 characters a second."""
PIECE = SAMPLE_RATE // 10
"""Number of samples of a frame: 100 ms."""
_SENTENCE = re.compile(r".*?[.!?]+\s+", re.DOTALL)

Frames = Iterable[str | bytes]


def tone(text: str) -> Sound:
    """A soft tone as long as people need to say the text."""
    at = np.arange(len(text.strip()) * CHARACTER, dtype=np.float32)
    sound: Sound = (0.1 * np.sin(2 * np.pi * 220 / SAMPLE_RATE * at)).astype(np.float32)
    return sound


def _unchanged(frame: bytes) -> Frames:
    return (frame,)


class BareSpeechServer:
    """The server, on a free port of loopback. Use it as an async context manager.

    Args:
        speak: makes the sound of a sentence.
        speed: how fast sound is sent, as a multiple of real time; ``None`` sends it at once.

    Attributes:
        change: a function that gets each frame of sound, and returns the frames that are sent in its place. With it,
            tests make the server hostile.
        hangs_up: whether the connection is closed after each reply.
        connections: number of connections that were opened so far.
        messages: all messages that came.
    """

    def __init__(self, speak: Callable[[str], Sound] = tone, *, speed: float | None = None) -> None:
        self.change: Callable[[bytes], Frames] = _unchanged
        self.hangs_up = False
        self.connections = 0
        self.messages: list[object] = []
        self._speak = speak
        self._speed = speed
        self._server: Server | None = None
        self._held: socket.socket | None = None
        self._port = 0
        self._open = set[ServerConnection]()
        self._sending = asyncio.Event()
        self._sending.set()

    @property
    def url(self) -> str:
        """The value of ``TTS_WEBSOCKET_URL`` for this server."""
        return f"ws://127.0.0.1:{self._port}/ws/stream?protocol=plain"

    async def __aenter__(self) -> Self:
        self._held = hold_port()
        self._port = port_of(self._held)
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()
        if self._held is not None:
            self._held.close()

    async def start(self) -> None:
        """Listen; after :meth:`die`, on the same port again."""
        self._server = await serve(
            self._serve, "127.0.0.1", self._port, compression=None, ping_interval=None, close_timeout=0.2
        )

    async def send_unasked(self, sound: Sound) -> None:
        """Send sound that belongs to no text, over all connections."""
        for connection in self._open:
            await connection.send(sound.astype("<f4").tobytes())

    def hang(self) -> None:
        """Send nothing more, until :meth:`go_on`. Connections stay open."""
        self._sending.clear()

    def go_on(self) -> None:
        """Send again."""
        self._sending.set()

    def die(self) -> None:
        """End at once, as a killed process does: no connection is closed in good order."""
        for connection in self._open:
            connection.transport.abort()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        self._open.add(connection)
        text = ""
        try:
            async for raw in connection:
                message = json.loads(raw)
                self.messages.append(message)
                text += str(message.get("token", ""))
                flush = bool(message.get("flush"))
                while (sentence := _SENTENCE.match(text)) is not None or (flush and text):
                    spoken = sentence.group() if sentence is not None else text
                    text = text[len(spoken) :]
                    await self._send(connection, self._speak(spoken))
                if flush and self.hangs_up:
                    return
        except ConnectionClosed:
            pass
        finally:
            self._open.discard(connection)

    async def _send(self, connection: ServerConnection, sound: Sound) -> None:
        data = sound.astype("<f4").tobytes()
        for at in range(0, len(data), 4 * PIECE):
            await self._sending.wait()
            for frame in self.change(data[at : at + 4 * PIECE]):
                await connection.send(frame)
            if self._speed is not None:
                await asyncio.sleep(PIECE / SAMPLE_RATE / self._speed)
