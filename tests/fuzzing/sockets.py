"""Hostile clients of WebSockets: each opens one, sends a few messages, and ends the call that it may have begun."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

import aiohttp

from tests.fuzzing.exchange import INSIDE
from tests.fuzzing.values import BAD_JSON, TEXTS, VALUES
from tests.timing import LIMIT

CHAT, REALTIME, SPEECH, TELEPHONE = "/ws/chat", "/v1/realtime", "/ws/stream", "/admin/tts/ws/stream"
MESSAGES: Mapping[str, Sequence[dict[str, Any]]] = {
    CHAT: (
        {"type": "hello", "name": "Ada", "audio": {"up": 16000, "down": 24000}, "session": "x", "microphone": "open"},
        {"type": "audio_chunk", "audio": base64.b64encode(bytes(6_400)).decode()},
        {"type": "text", "text": "How are you?"},
        {"type": "interrupt"},
        {"type": "mute", "on": True},
        {"type": "talking", "on": True},
        {"type": "played", "reply": "r1", "ms": 200},
        {"type": "persona", "persona": "helper"},
    ),
    REALTIME: (
        {
            "type": "session.update",
            "session": {"type": "realtime", "instructions": "x", "output_modalities": ["audio"]},
        },
        {
            "type": "session.update",
            "session": {"audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}}},
        },
        {"type": "session.update", "session": {"audio": {"output": {"voice": "marin", "speed": 1.5}}}},
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(4_800)).decode()},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "How are you?"}]},
        },
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 100},
        {"type": "response.create", "response": {"instructions": "x", "output_modalities": ["text"]}},
        {"type": "response.cancel"},
        {"type": "output_audio_buffer.clear"},
    ),
    SPEECH: (
        {"token": "Hello there.", "reply": "r1", "speed": 1.1, "voice": "en", "language": "en", "preset": "warm"},
        {"token": "One.", "pitch_shift": 3, "temperature": 0.5, "top_k": 3, "preprocess_text": False},
        {"flush": True},
        {"cancel": True},
    ),
    TELEPHONE: ({"text": "Hello.", "voice": "gulya", "target_sample_rate": 8000, "output_format": "pcm16"},),
}
"""Valid messages, of which hostile ones are made."""
ENDINGS = {CHAT: '{"type": "hangup"}'}
"""Messages that end a call that may have begun. Without them, the call would wait for its client to come back."""
QUIET = 0.05
"""Seconds without a message after which a client has heard enough."""


def hostile_message(path: str, rng: random.Random) -> str | bytes:
    """A message for a WebSocket: a valid one, a changed one, or anything."""
    if rng.random() < 0.1:
        bad = rng.choice((*BAD_JSON, rng.randbytes(rng.randrange(2_000)), bytes(640)))
        return bad if rng.random() < 0.5 else bad.decode("utf-8", "replace")
    message = json.loads(json.dumps(rng.choice(MESSAGES[path])))
    while rng.random() < 0.5:
        _change(message, rng)
    return json.dumps(message)


async def converse(
    session: aiohttp.ClientSession, url: str, path: str, rng: random.Random, secrets: Collection[bytes]
) -> str | None:
    """Be one client. Returns what is wrong with the server's messages; ``None`` if nothing is."""
    async with asyncio.timeout(LIMIT):
        try:
            async with session.ws_connect(url, compress=0, max_msg_size=0) as socket:
                heard: list[bytes] = []
                reading = asyncio.create_task(_hear(socket, heard))
                try:
                    await _say(socket, path, rng)
                    await asyncio.wait([reading], timeout=QUIET)
                finally:
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
        except aiohttp.WSServerHandshakeError as error:
            return None if error.status in (409, 429, 503) else f"the upgrade has status {error.status}"
        except ConnectionError:
            return None
    found = [each for each in (*secrets, *INSIDE) for message in heard if each in message]
    if found:
        return f"it tells {found[0]!r}"
    return None if socket.close_code != 1011 else "the socket was closed because of an error in the server"


async def _say(socket: aiohttp.ClientWebSocketResponse, path: str, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 12)):
        if socket.closed:
            return
        message = hostile_message(path, rng)
        await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
    if path in ENDINGS and not socket.closed:
        await socket.send_str(ENDINGS[path])


async def _hear(socket: aiohttp.ClientWebSocketResponse, heard: list[bytes]) -> None:
    while (message := await socket.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        if message.type is aiohttp.WSMsgType.TEXT:
            heard.append(str(message.data).encode("utf-8", "surrogatepass"))


def _change(message: dict[str, Any], rng: random.Random) -> None:
    """Change one field of the message, or of an object in it."""
    where = message
    while (inner := [each for each in where.values() if isinstance(each, dict) and each]) and rng.random() < 0.6:
        where = rng.choice(inner)
    name = rng.choice((*where, rng.choice(TEXTS)))
    if rng.random() < 0.2:
        where.pop(name, None)
    else:
        where[name] = deepcopy(rng.choice(VALUES))
