"""A reply keeps the speech parameters that it began with, even if others are chosen during it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.voice.turn import Prompt
from tests.voice.dialogue.instant_talk import InstantTalk
from tests.voice.doubles import RecordingSpeech, RepeatingResponder
from wire.parameters import SpeechParameters

CALM, LIVELY = SpeechParameters(preset="calm"), SpeechParameters(voice="robin", preset="energetic")


class SlowResponder(RepeatingResponder):
    """A responder that waits for the test before it repeats the prompt."""

    def __init__(self) -> None:
        self.thinks = asyncio.Event()
        self.may_speak = asyncio.Event()

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        self.thinks.set()
        progress.asked()
        await self.may_speak.wait()
        yield f"{asked.speaker} said: "
        yield asked.text


async def test_a_reply_keeps_its_first_parameters_and_the_next_reply_has_the_new_ones() -> None:
    manner, responder, speech = [CALM], SlowResponder(), RecordingSpeech()
    talk = InstantTalk(responder, speech, manner=lambda: manner[-1])
    async with talk.running():
        talk.conversation.prompt(Prompt("Ada", "hello", 0.0))
        await responder.thinks.wait()
        manner.append(LIVELY)
        responder.may_speak.set()
        await talk.ended()
        assert set(speech.asked) == {CALM}
        speech.asked.clear()
        await talk.answer(Prompt("Ada", "and now", 0.0))
        assert set(speech.asked) == {LIVELY}
        speech.asked.clear()
        await talk.answer(Prompt("Ada", "hear this voice", 0.0, voice="ada"))
        assert set(speech.asked) == {SpeechParameters(voice="ada", preset="energetic")}, (
            "the voice of the prompt is used"
        )
