"""A caller of the benchmark of many calls: talks over ``/ws/chat`` with push-to-talk, one turn after another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import soxr

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from benchmarks.chat_call import AnswerPackets, chat_call
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import TURN_LIMIT
from sandbox.voice.opus import SAMPLE_RATE, Sound

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
    figures, pauses, answer = CallFigures(), random.Random(number), AnswerPackets()
    pcm = to_pcm16(soxr.resample(words, SAMPLE_RATE, HEARING_RATE))
    async with chat_call(session, page, f"Caller {number}", "push-to-talk", answer.hear, answer.end) as call:
        for turn in range(turns + 1):
            await asyncio.sleep(pauses.uniform(*PAUSE))
            said = await call.push_to_talk(pcm)
            await call.wait(answer.over, TURN_LIMIT)
            arrivals = [arrival for arrival, _ in answer.take()]
            if len(arrivals) <= LEAD_PACKETS:
                raise MeasurementError("an answer had no sound")
            if turn:
                figures.first_packets.append(1000 * (arrivals[0] - said))
                figures.streams.append(arrivals[LEAD_PACKETS:])
    return figures
