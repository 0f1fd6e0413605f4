"""Malicious datagrams over real sockets during a call: they cause no warning, and only people are heard."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Iterator

import pytest

from sandbox.voice.rtp import make_header
from tests.e2e.conftest import StageMaker
from tests.e2e.talking import UTTERANCES, Since, SoundCounter, talk

COUNT = 20_000
BATCH = 200
LONGEST = 1_400


def garbage(seed: int, ssrcs: tuple[int, ...]) -> Iterator[bytes]:
    """Noise, truncated headers, valid packets encrypted with a wrong key, and RTCP."""
    rng = random.Random(seed)
    for number in range(COUNT):
        noise = os.urandom(rng.randrange(LONGEST))
        header = make_header(number & 0xFFFF, 960 * number, rng.choice(ssrcs))
        match number % 5:
            case 0:
                yield noise
            case 1:
                yield header[: rng.randrange(len(header))]
            case 2:
                yield header + noise
            case 3:
                # The header claims that there are CSRCs, an extension and padding.
                yield bytes([0xBF]) + header[1:] + noise
            case _:
                yield bytes([0x80, rng.randrange(200, 207)]) + noise


async def test_twenty_thousand_garbage_datagrams_raise_nothing_and_are_not_heard(
    make_stage: StageMaker, speech_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        await stage.join()
        caplog.clear()
        since, counter = Since(stage), SoundCounter(stage)
        await talk(stage.ada, UTTERANCES[0])
        await since.heard(("Ada", UTTERANCES[0]))
        heard = dict(counter.seconds)
        relay = stage.sandbox.voice_server.relay
        known = tuple({relayed.ssrc for relayed in relay.log})
        for number, datagram in enumerate(garbage(1, (*known, 7, 0xFFFFFFFF))):
            relay.inject(stage.bot, datagram)
            if number % BATCH == 0:
                # The datagrams come only as fast as a socket's buffer is emptied, so that none is lost on the way.
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert dict(counter.seconds) == heard
        await talk(stage.ada, UTTERANCES[1])
        await since.heard(("Ada", UTTERANCES[0]), ("Ada", UTTERANCES[1]))
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
