"""After ``cancelled``, no sample of an old reply is sent, at whatever moment the cancel comes."""

from __future__ import annotations

import asyncio
import random
import time

import numpy as np
import pytest

from audio.espeak import load_espeak
from tests.timing import quickest, wait_until
from tests.tts_server.client import TIMEOUT, running
from tests.tts_server.stand_in_engines import CountingEngine, GatedEngine
from tts_server.engines import espeak
from tts_server.engines.realtime_tts.engine import RealtimeTtsEngine
from wire.messages import Cancelled, Flushed, SegmentStart

STOP_BUDGET = 0.05
SOON = 0.5


async def test_no_sample_of_a_cancelled_reply_comes_after_the_cancel_was_confirmed() -> None:
    """Replies with different numbers are cancelled at random moments. Each sample shows to which reply it belongs."""
    rng = random.Random(7)
    async with running(CountingEngine()) as server, server.connect() as client:
        for number in range(1, 120):
            text = f"Number {number}, still number {number}. Once more number {number}, and the end of {number}."
            written = len(text) if rng.random() < 0.5 else rng.randrange(1, len(text))
            await client.send(token=text[:written], reply=f"r{number}", preprocess_text=False)
            for _ in range(rng.randrange(6)):
                await asyncio.sleep(0)
            if written == len(text) and rng.random() < 0.5:
                await client.until(SegmentStart)
                for _ in range(rng.randrange(4)):
                    await client.next()
            await client.send(cancel=True)
            # Tokens of the cancelled reply that come too late.
            await client.token(f"late, number {number} again, and again.", f"r{number}", flush=True)
            await client.until(Cancelled)
            if rng.random() < 0.5:
                value = 500 + number
                await client.say(f"This is {value}.", f"s{number}", preprocess_text=False)
                heard = await client.hear()
                assert heard.text == f"This is {value}."
                assert set(heard.samples) == {np.float32(value / 1000)}


async def test_cancel_drops_every_waiting_reply() -> None:
    engine = GatedEngine()
    async with running(engine) as server, server.connect() as client:
        engine.close_gate()
        for number in range(5):
            await client.say(f"Reply {number}.", f"r{number}")
        await client.until(SegmentStart)
        await client.send(cancel=True)
        cancelled = (await client.until(Cancelled))[-1]
        assert cancelled == Cancelled("r0")
        engine.gate.set()
        await client.say("The next one.", "next")
        assert (await client.hear()).text == "The next one."
        assert "Reply four." not in engine.texts


async def test_the_message_cancelled_names_the_reply_that_the_cancel_named() -> None:
    async with running(CountingEngine()) as server, server.connect() as client:
        await client.send(cancel=True, reply="r9")
        assert await client.next() == Cancelled("r9")
        await client.send(cancel=True)
        assert await client.next() == Cancelled(None)


async def test_a_client_without_reply_ids_goes_on_after_a_cancel() -> None:
    async with running(CountingEngine()) as server, server.connect() as client:
        await client.send(token="One thing. ")
        await client.send(cancel=True)
        await client.until(Cancelled)
        await client.say("Another thing.")
        assert (await client.hear()).text == "Another thing."


async def test_the_engine_stops_at_once() -> None:
    engine = GatedEngine()
    async with running(engine) as server, server.connect() as client:

        async def stop() -> float:
            engine.stopped_at = None
            await client.say("A reply that hangs.")
            await client.until(SegmentStart)
            await client.next()
            sent = time.monotonic()
            await client.send(cancel=True)
            await client.until(Cancelled)
            await wait_until(lambda: engine.stopped_at is not None)
            return (engine.stopped_at or 0) - sent

        engine.close_gate()
        assert await quickest(stop, STOP_BUDGET) < STOP_BUDGET


async def test_the_next_reply_does_not_wait_for_the_cancelled_one() -> None:
    """With espeak-ng, through RealtimeTTS: a long segment is cancelled, and the next reply is heard soon after."""
    engine = RealtimeTtsEngine(espeak.EspeakEngine(load_espeak()), "en-us")
    async with running(engine) as server, server.connect() as client:

        async def cancel_and_go_on() -> float:
            await client.say("word " * 40, "r1")
            await client.until(SegmentStart)
            sent = time.monotonic()
            await client.send(cancel=True)
            await client.until(Cancelled)
            await client.say("Hello.", "r2")
            received = await client.until(Flushed)
            assert any(isinstance(item, np.ndarray) for item in received)
            return time.monotonic() - sent

        assert await quickest(cancel_and_go_on, SOON) < SOON


@pytest.mark.parametrize("reader_is_slow", [False, True])
async def test_cancel_reaches_a_server_whether_or_not_its_client_has_stopped_reading(reader_is_slow: bool) -> None:
    async with running(CountingEngine(chunks=4)) as server, server.connect() as client:
        await client.say("This is a long sentence with the number 1. " * 30, "r1", preprocess_text=False)
        if reader_is_slow:
            await _until_stuck(server.engine)
        await client.send(cancel=True)
        received = await client.until(Cancelled)
        assert isinstance(received[-1], Cancelled)
        await client.say("Now 2.", "r2", preprocess_text=False)
        heard = await client.hear()
        assert set(heard.samples) == {np.float32(0.002)}


async def _until_stuck(engine: object) -> None:
    """Wait until the engine makes nothing more, because all buffers up to the client are full."""
    assert isinstance(engine, CountingEngine)
    async with asyncio.timeout(TIMEOUT):
        made = -1
        while made != engine.made or not made:
            made = engine.made
            await asyncio.sleep(0.2)
