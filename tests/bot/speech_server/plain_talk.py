"""A connection to a server that sends bare sound, and what comes over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from bot.speech_server.address import ServerAddress
from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.speech_server.plain_reply import PlainLimits
from bot.speech_server.plain_stream import PlainSpeechStream
from sandbox.bare_speech import BareSpeechServer

LIMIT = 60.0
"""Seconds that a test waits at most, so that a broken test ends."""
QUICK = PlainLimits(first_sound=0.5, quiet=0.2, gap=0.3, extra=2.0)
TEXT = "Good morning, everybody."


@asynccontextmanager
async def connected(
    server: BareSpeechServer, limits: PlainLimits = QUICK, silence: float = 4.5
) -> AsyncIterator[PlainSpeechStream]:
    """An open connection."""
    async with asyncio.timeout(LIMIT):
        stream = PlainSpeechStream(ServerAddress(server.url), limits=limits, silence_timeout=silence)
        await stream.open()
        try:
            yield stream
        finally:
            await stream.close()


async def until(stream: PlainSpeechStream, last: type[SpeechEvent]) -> list[SpeechEvent]:
    """The events up to the first one of a kind."""
    events = list[SpeechEvent]()
    async with aclosing(stream.events()) as coming:
        async for event in coming:
            events.append(event)
            if isinstance(event, last):
                break
    return events


def sound_of(events: list[SpeechEvent]) -> list[SegmentAudio]:
    """The sound among these events."""
    return [event for event in events if isinstance(event, SegmentAudio)]
