"""A small server in place of the bot, for tests of the benchmarks' clients of ``/ws/chat``."""

from __future__ import annotations

import numpy as np
from aiohttp import WSMsgType, web

FRAMES = 12
"""Frames of the answer."""


class ToneBot:
    """The bot's side of ``/ws/chat``: when a loud tone has ended, it answers once, with :data:`FRAMES` frames of
    silence.

    Attributes:
        messages: the messages that came, without the sound.
        heard: the number of bytes of sound that came.
        refusal: what ``hello`` is answered with; ``None`` if the call may begin.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []
        self.heard = 0
        self.socket: web.WebSocketResponse | None = None
        self.refusal: dict[str, str] | None = None

    async def chat(self, request: web.Request) -> web.WebSocketResponse:
        self.socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "state", "state": "idle"})
        loud = answered = False
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.messages.append(told := message.json())
                await self._react(socket, told)
                continue
            self.heard += len(message.data)
            is_loud = bool(np.abs(np.frombuffer(message.data, np.int16)).max() > 3_000)
            loud = loud or is_loud
            if loud and not is_loud and not answered:
                answered = True
                await self._answer(socket)
        return socket

    async def _react(self, socket: web.WebSocketResponse, told: dict[str, object]) -> None:
        if told["type"] == "hello" and self.refusal is not None:
            await socket.send_json(self.refusal)
        elif told["type"] == "hello":
            await socket.send_json({"type": "ready", "session": "s", "down": 24_000})
        elif told["type"] == "hangup":
            await socket.send_json({"type": "state", "state": "idle"})

    async def _answer(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json({"type": "audio_response", "reply": "r1", "segment": 0, "text": "Yes."})
        for _ in range(FRAMES):
            await socket.send_bytes(bytes(960))
        await socket.send_json({"type": "audio_end", "reply": "r1", "reason": "done"})

    @property
    def kinds(self) -> list[object]:
        """The kinds of the messages that came."""
        return [message["type"] for message in self.messages]
