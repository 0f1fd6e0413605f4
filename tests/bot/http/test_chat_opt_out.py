"""Somebody on the page no longer wants to be heard, in the middle of a sentence or of an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import chat_house, said
from tests.timing import wait_until
from tests.voice.doubles import HummingSpeech

QUESTION = "Do you remember the summer holidays?"


@pytest.mark.parametrize(
    "stop",
    [{"type": "text", "text": "!optout"}, {"type": "text", "text": "!listen off"}, {"type": "mute", "on": True}],
    ids=["opt out", "listen off", "mute"],
)
async def test_of_a_sentence_that_is_cut_off_nobody_counts_as_speaking_and_another_tab_gets_the_call(
    tmp_path: Path, stop: dict[str, Any]
) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking(name="Ada")
        speaking = asyncio.create_task(page.speak(speech(QUESTION, ADAS_VOICE), silence=1.0))
        await wait_until(lambda: house.call.transport.report.somebody_speaks)
        await page.send(**stop)
        if stop["type"] == "text":
            await page.noticed("🙉 I don't listen")
        await speaking
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reason="done")
        if stop["type"] == "text":
            assert page.all("transcription", final=True) == []
            assert said(house.histories[0]) == [("Ada", "Hello"), ("", "Ada said: Hello")]
        await wait_until(lambda: not house.call.transport.report.somebody_speaks)
        await house.talking(name="Ada")
        assert await page.closed() == 4001


async def test_an_answer_ends_when_its_person_opts_out_and_is_not_remembered(tmp_path: Path) -> None:
    long = np.full(20 * 48_000, 0.1, np.float32)
    async with chat_house(tmp_path, voice=lambda: HummingSpeech(long)) as house:
        page = await house.talking(name="Ada")
        await page.send(type="text", text="Where is my diary?")
        await page.wait(lambda: len(page.sound) > 0, "sound")
        await page.send(type="text", text="!optout")
        await page.until("audio_end", reason="interrupted")
        await page.noticed("🙉 I don't listen")
        assert said(house.histories[0]) == []
