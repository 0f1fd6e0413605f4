"""A reply keeps the speech parameters that it began with, even if others are chosen during it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import History, Turn
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.reply import DialogueTexts
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.events import CallEvent, ReplyEnded
from bot.voice.notices import Notices
from bot.voice.turn import Prompt
from tests.timing import LIMIT
from tests.voice.doubles import InstantPlayback, RecordingSpeech, RepeatingResponder, UnreadPromptChannel
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
    manner, responder, speech, playback = [CALM], SlowResponder(), RecordingSpeech(), InstantPlayback()
    ended: asyncio.Queue[CallEvent] = asyncio.Queue()

    def watch(event: CallEvent) -> None:
        if isinstance(event, ReplyEnded):
            ended.put_nowait(event)

    conversation = Conversation(
        Dialogue(DialogueTexts),
        responder,
        History(),
        speech,
        playback,
        Notices(UnreadPromptChannel(), watch),
        watch=watch,
        manner=lambda: manner[-1],
    )
    playback.conversation = conversation
    running = asyncio.create_task(conversation.run())
    try:
        async with asyncio.timeout(LIMIT):
            await asyncio.sleep(0)
            conversation.prompt(Prompt("Ada", "hello", 0.0))
            await responder.thinks.wait()
            manner.append(LIVELY)
            responder.may_speak.set()
            await ended.get()
            assert set(speech.asked) == {CALM}
            speech.asked.clear()
            conversation.prompt(Prompt("Ada", "and now", 0.0))
            await ended.get()
            assert set(speech.asked) == {LIVELY}
            speech.asked.clear()
            conversation.prompt(Prompt("Ada", "hear this voice", 0.0, voice="ada"))
            await ended.get()
            assert set(speech.asked) == {SpeechParameters(voice="ada", preset="energetic")}, (
                "the voice of the prompt is used"
            )
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
