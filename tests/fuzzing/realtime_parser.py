"""The parser of events from clients of ``/v1/realtime``, for :mod:`tests.fuzzing.parsers`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path

import aiohttp

from bot.browser_tab import Tab
from bot.http.realtime.socket import _Connection, _read
from tests.fuzzing.mutation import text_of
from tests.fuzzing.seeds import encoded

_SESSION = {
    "type": "realtime",
    "instructions": "Be kind.",
    "output_modalities": ["audio"],
    "tools": [],
    "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": {"type": "server_vad"}},
        "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy", "speed": 1.0},
    },
}
_ITEM = {"type": "message", "role": "user", "id": "a", "content": [{"type": "input_text", "text": "Hello."}]}
AT_ONCE = 1_000
"""Number of events of one connection."""


def realtime_events() -> list[bytes]:
    """Valid events, as clients send them."""
    return encoded(
        {"type": "session.update", "event_id": "1", "session": _SESSION},
        {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
        {"type": "input_audio_buffer.append", "audio": "AAAA" * 300},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
        {"type": "conversation.item.create", "item": _ITEM},
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 20},
        {"type": "response.create", "response": {"instructions": "Be brief.", "output_modalities": ["audio"]}},
        {"type": "response.cancel"},
    )


def realtime(folder: Path, stack: contextlib.ExitStack) -> Callable[[bytes, random.Random], None]:
    """A function that passes events to a connection without a call. It makes a new one after :data:`AT_ONCE` events."""
    runner, turns = stack.enter_context(asyncio.Runner()), count()
    clock = iter(range(10**9))
    connection = _connection(clock.__next__)

    async def take(text: str) -> None:
        event = await _read(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))
        await connection._act(event)

    def parse(data: bytes, rng: random.Random) -> None:
        nonlocal connection
        if next(turns) % AT_ONCE == 0:
            connection = _connection(clock.__next__)
        runner.run(take(text_of(data)))

    return parse


def _connection(clock: Callable[[], float]) -> _Connection:
    return _Connection(_Calls(), _Queue(), clock)  # type: ignore[arg-type]


class _Queue:
    """Stands in for the socket: checks that each message is JSON and can be encoded."""

    closing = False

    def put(self, message: str) -> None:
        """Look at a message."""
        json.loads(message)
        message.encode()


class _Tab:
    """Stands in for a tab of the service: it ignores what the client sends to its call."""

    def hear(self, pcm: bytes) -> None:
        """Drop it. Sound is 16-bit."""
        assert len(pcm) % 2 == 0

    async def receive(self, message: object) -> None:
        """Drop it."""


class _Calls:
    """Stands in for the browser calls service, without a call."""

    def connect(self, client: object) -> _Tab:
        return _Tab()

    def call_of(self, tab: Tab) -> None:
        """There is no call."""
