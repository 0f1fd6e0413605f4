"""The benchmark of phone calls, tested without a bot process: what its caller hears, and when the target is met."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from benchmarks.caller import HOST, Caller
from benchmarks.errors import MeasurementError
from benchmarks.phone_call import DISCORD, PHONE, Turn, verdicts
from bot.voice.phone.answering import Admission
from sandbox.voice.opus import SAMPLE_RATE
from tests.phone.bot import bot, loudest, tone, until
from tests.tones import tone as wide_tone


async def test_a_caller_speaks_then_tells_voiced_packets_from_silence_and_hangs_up() -> None:
    async with bot() as (endpoint, operator):
        packets: list[bool] = []
        async with Caller((HOST, endpoint.port), lambda _, voiced: packets.append(voiced)) as caller:
            conversation = await operator.conversation()
            await caller.speak(0.3 * wide_tone(1.0, 440, rate=SAMPLE_RATE))
            await until(lambda: len(conversation.heard) >= 7_600)
            assert loudest(conversation.heard[800:7_200]) == pytest.approx(440, abs=10)
            assert caller.voiced(0.0) == [], "the bot's silence is not voiced"
            before = time.monotonic()
            await conversation.say(tone(700, 0.4))
            await until(lambda: len(caller.voiced(before)) == 20)
            await caller.wait_for_silence(0.1, 30.0)
            assert np.all(np.diff(caller.voiced(before)) >= 0)
            assert (packets.count(True), caller.hung_up) == (20, False)
            assert packets.count(False) > 0, "the bot's silence comes as packets, too"
        await until(lambda: bool(conversation.ends))


async def test_a_caller_knows_when_the_bot_has_hung_up() -> None:
    async with bot() as (endpoint, operator), Caller((HOST, endpoint.port)) as caller:
        conversation = await operator.conversation()
        assert not caller.hung_up
        await conversation.line.hang_up()
        await until(lambda: caller.hung_up)


async def test_a_caller_who_is_refused_is_told_so() -> None:
    async with bot() as (endpoint, operator):
        operator.admission = Admission.NOT_READY
        with pytest.raises(MeasurementError, match="503"):
            await asyncio.wait_for(Caller((HOST, endpoint.port)).__aenter__(), 30.0)


@pytest.mark.parametrize(("longer", "met"), [(60.0, True), (60.5, False), (-5.0, True)])
def test_the_phone_may_take_a_little_longer_than_discord(longer: float, met: bool) -> None:
    turns = {
        DISCORD: [Turn("agreed", each, each) for each in (700.0, 720.0, 900.0)],
        PHONE: [Turn("agreed", each + longer, each) for each in (700.0, 720.0, 3_000.0)],
    }
    ((_, result),) = verdicts(turns)
    assert result is met
