"""A caller of the benchmark of many calls: talks over ``/ws/chat`` with push-to-talk, one turn after another."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import soxr

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from benchmarks.errors import MeasurementError
from benchmarks.statistics import FRAME_SECONDS
from sandbox.voice.opus import SAMPLE_RATE, Sound

TURN_LIMIT = 120.0
LEAD_PACKETS = 4
"""Number of packets that the bot sends ahead of time at the beginning of a reply. ``streams`` leaves them out."""
PAUSE = (0.2, 1.2)
"""Shortest and longest pause between two turns, in seconds."""


@dataclass(slots=True)
class CallFigures:
    """What one call has shown.

    Attributes:
        first_packets: milliseconds from the end of the words to the first packet of the answer, for each turn.
        streams: the arrival times of the packets of each answer, in monotonic seconds.
    """

    first_packets: list[float] = field(default_factory=list)
    streams: list[Sequence[float]] = field(default_factory=list)


async def talk(session: aiohttp.ClientSession, page: str, number: int, words: Sound, turns: int) -> CallFigures:
    """Begin a call, have ``turns`` turns in it after one that does not count, and hang up.

    Args:
        page: address of the bot's page.
        number: number of the caller. The caller's name and pauses depend on it.
        words: what is said, 48,000 Hz mono.

    Raises:
        MeasurementError: the bot refused, or gave no sound in time.
    """
    figures, pauses = CallFigures(), random.Random(number)
    pcm = to_pcm16(soxr.resample(words, SAMPLE_RATE, HEARING_RATE))
    try:
        async with session.ws_connect(f"{page}ws/chat", max_msg_size=0, compress=0) as socket:
            hello = {"name": f"Caller {number}", "microphone": "push-to-talk", "audio": {"up": HEARING_RATE}}
            await socket.send_json({"type": "hello", **hello})
            async with asyncio.timeout(TURN_LIMIT):
                await _until(socket, "ready")
            for turn in range(turns + 1):
                await asyncio.sleep(pauses.uniform(*PAUSE))
                async with asyncio.timeout(TURN_LIMIT):
                    said = await _say(socket, pcm)
                    arrivals = await _hear(socket)
                if turn:
                    figures.first_packets.append(1000 * (arrivals[0] - said))
                    figures.streams.append(arrivals[LEAD_PACKETS:])
            await socket.send_json({"type": "hangup"})
            async with asyncio.timeout(TURN_LIMIT):
                await _until(socket, "state", state="idle")
    except TimeoutError as error:
        raise MeasurementError(f"caller {number} heard nothing for {TURN_LIMIT:.0f} s") from error
    return figures


async def _say(socket: aiohttp.ClientWebSocketResponse, pcm: bytes) -> float:
    """Send the words in real time. Returns the time at which they were over, in monotonic seconds."""
    await socket.send_json({"type": "talking", "on": True})
    size, due = 2 * int(FRAME_SECONDS * HEARING_RATE), time.monotonic()
    for at in range(0, len(pcm), size):
        due += FRAME_SECONDS
        await asyncio.sleep(due - time.monotonic())
        await socket.send_bytes(pcm[at : at + size])
    said = time.monotonic()
    await socket.send_json({"type": "talking", "on": False})
    return said


async def _hear(socket: aiohttp.ClientWebSocketResponse) -> list[float]:
    """Hear one answer. Returns the times at which its packets were read."""
    arrivals: list[float] = []
    async for message in socket:
        if message.type is aiohttp.WSMsgType.BINARY:
            arrivals.append(time.monotonic())
        elif message.type is aiohttp.WSMsgType.TEXT:
            event = json.loads(message.data)
            if event["type"] == "error":
                raise MeasurementError(f"the bot refused: {event['message']}")
            if event["type"] == "audio_end":
                break
    if len(arrivals) <= LEAD_PACKETS:
        raise MeasurementError("an answer had no sound")
    return arrivals


async def _until(socket: aiohttp.ClientWebSocketResponse, kind: str, **fields: str) -> None:
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        event = json.loads(message.data)
        if event["type"] == "error":
            raise MeasurementError(f"the bot refused: {event['message']}")
        if {"type": kind, **fields}.items() <= event.items():
            return
    raise MeasurementError(f"the bot closed the socket ({socket.close_code}) before {kind!r}")
