"""Calls of the benchmarks over ``/ws/chat`` with push-to-talk. ``test_soak_clients.py`` has an open microphone."""

from __future__ import annotations

import aiohttp
import pytest

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from benchmarks.chat_call import AnswerPackets, chat_call
from benchmarks.errors import MeasurementError
from tests.benchmarks.tone_bot import FRAMES, ToneBot
from tests.http_server import LocalServer, app_of
from tests.timing import LIMIT
from tests.tones import silence, tone

WORDS = to_pcm16(0.5 * tone(0.1, rate=HEARING_RATE)) + to_pcm16(silence(0.04, rate=HEARING_RATE))


async def test_words_said_with_push_to_talk_are_answered() -> None:
    page, answer = ToneBot(), AnswerPackets()
    async with (
        LocalServer(app_of("/ws/chat", page.chat, method="GET"), "/") as server,
        aiohttp.ClientSession() as session,
        chat_call(session, server.url, "Ada", "push-to-talk", answer.hear, answer.end) as call,
    ):
        await call.push_to_talk(WORDS)
        await call.wait(answer.over, LIMIT)
        assert len(answer.take()) == FRAMES
        assert answer.take() == []
        assert not answer.over.is_set()
    assert page.heard == len(WORDS)
    assert [message["on"] for message in page.messages if message["type"] == "talking"] == [True, False]
    assert page.kinds[0] == "hello"
    assert page.kinds[-1] == "hangup"


async def test_an_answer_that_does_not_come_because_the_bot_has_gone_is_reported_at_once() -> None:
    page, answer = ToneBot(), AnswerPackets()
    async with (
        LocalServer(app_of("/ws/chat", page.chat, method="GET"), "/") as server,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(MeasurementError, match="closed the socket"):
            async with chat_call(session, server.url, "Ada", "push-to-talk", answer.hear, answer.end) as call:
                assert page.socket is not None
                await page.socket.close()
                await call.wait(answer.over, LIMIT)
