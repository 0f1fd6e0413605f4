"""Tests of the first sentence that the bot hears in a call, ten times: Ben transmits before it joins, Dan speaks when
it has joined.
"""

from __future__ import annotations

import asyncio

import pytest

from sandbox.voice.microphone import OpenMicrophone, PushToTalk
from tests.e2e.conftest import LIMIT, StageMaker
from tests.e2e.talking import UTTERANCES, Since, bot_comes, encrypted, join_people, talk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_the_first_sentence_is_whole_ten_times_out_of_ten(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        ben, dan = await join_people(stage, "Ben", "Dan", bot=False)
        for number in range(10):
            since, begin = Since(stage), stage.ada.voice.receiver.count(ben.id)
            first, other = UTTERANCES[number], UTTERANCES[number - 1]
            already = asyncio.create_task(talk(ben, first, OpenMicrophone(before=1.0, seed=number)))
            await stage.ada.voice.receiver.wait_for_audio(ben.id, timeout=LIMIT, since=begin)
            await stage.ask("!join")
            await bot_comes(stage)
            await asyncio.gather(already, talk(dan, other, PushToTalk()))
            await since.heard(("Ben", first), ("Dan", other))
            await stage.answer_to("!leave", starts="👋 Left")
            await encrypted(stage, ben, dan, bot=False)
