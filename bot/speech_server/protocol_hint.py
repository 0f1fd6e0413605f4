"""Finds out which protocol a speech server's WebSocket speaks, so that the doctor can say what to set."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from websockets.exceptions import ConnectionClosed
from yarl import URL

from bot.speech_server.address import ServerAddress
from bot.speech_server.connecting import close_connection, open_connection
from bot.speech_server.connector import MAX_FRAME_BYTES, QUEUED_FRAMES
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.frame_reader import FrameReader
from bot.speech_server.plain_reply import PlainLimits
from bot.speech_server.plain_trial import try_plain_server
from bot.speech_server.stream import FIRST_NOTICE_LIMIT
from config.addresses import PLAIN, PROTOCOL
from wire.fields import GarbledError

LIMITS = PlainLimits(first_sound=8.0)
"""A server that sends bare sound begins within this time, unless it has to load its voice first."""
SENDS_BARE_SOUND = "the server at {place} sends bare sound without events: set TTS_WEBSOCKET_URL={plain}{alone}"
OTHER_PROTOCOL = (
    'a WebSocket answers at {place}, but in another protocol than the bot\'s. If it takes {{"token"}} and sends '
    "float32 mono at 48 kHz, set TTS_WEBSOCKET_URL={plain}{alone}"
)
NO_HEALTH = (
    "the WebSocket at {place} is a speech server's, but its /health does not answer: does a proxy pass on only a part "
    "of it?"
)
ALONE = " (it must stand alone in the list)"


async def protocol_hint(address: ServerAddress, *, alone: bool = True) -> str | None:
    """What to do about a server that has no ``/health`` as the bot knows it; ``None`` if no WebSocket answers either.

    Never raises.

    Args:
        alone: whether no other server is listed.
    """
    try:
        ours = await _speaks_our_protocol(address)
    except (SpeechUnavailable, ConnectionClosed):
        return None
    if ours:
        return NO_HEALTH.format(place=address.place)
    plain = replace(address, websocket=str(URL(address.websocket).update_query({PROTOCOL: PLAIN})))
    speaks, _ = await try_plain_server(plain, LIMITS)
    text = SENDS_BARE_SOUND if speaks else OTHER_PROTOCOL
    return text.format(place=address.place, plain=plain.websocket, alone="" if alone else ALONE)


async def _speaks_our_protocol(address: ServerAddress) -> bool:
    """Whether the server begins with a notice of the bot's protocol, as servers with a ``/health`` do."""
    connection = await open_connection(address, MAX_FRAME_BYTES, QUEUED_FRAMES)
    try:
        async with asyncio.timeout(FIRST_NOTICE_LIMIT):
            frame = await connection.recv()
        return isinstance(frame, str) and FrameReader().read(frame) is not None
    except (TimeoutError, GarbledError):
        return False
    finally:
        await close_connection(connection)
