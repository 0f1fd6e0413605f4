"""A reply may name a mood. If the mood changes by it, the reply is spoken in the new mood. A named mood counts only if
people heard the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.llm.personas import Character
from bot.voice.dialogue.reply_mood import ReplyMood
from bot.voice.events import ReplyEnded
from bot.voice.turn import Outcome, Prompt, PromptKind
from tests.voice.dialogue.instant_talk import InstantTalk
from tests.voice.dialogue.machine_events import TURN, spoken
from tests.voice.doubles import (
    FixedCharacter,
    RecordingSpeech,
    RepeatingResponder,
)
from wire.parameters import SpeechParameters

USUAL, SAD = SpeechParameters(preset="energetic"), SpeechParameters(preset="calm", pitch_shift=-1.0)


class MoodyResponder(RepeatingResponder):
    """A responder that names a mood, or none, and then waits for the test before it repeats the prompt."""

    def __init__(self) -> None:
        self.named: list[str | None] = []
        self.has_named = asyncio.Event()
        self.may_speak = asyncio.Event()

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        for named in self.named:
            progress.mood(named)
        self.has_named.set()
        await self.may_speak.wait()
        yield asked.text


class FollowedCharacter(FixedCharacter):
    """A character whose mood changes with every reply that names "sad". It records the named moods that count."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[str | None] = []

    def now(self) -> Character:
        return replace(super().now(), names_moods=True)

    def mood_after(self, named: str) -> str | None:
        return "sad" if named == "sad" else None

    async def answered(self, named: str | None) -> None:
        self.counted.append(named)


class World:
    """A conversation with these doubles."""

    def __init__(self) -> None:
        self.responder, self.speech, self.character = MoodyResponder(), RecordingSpeech(), FollowedCharacter()
        mood = ReplyMood(self.character, lambda mood: SAD if mood == "sad" else USUAL)
        self.talk = InstantTalk(self.responder, self.speech, manner=lambda: USUAL, mood=mood)

    async def answer(self, *named: str | None, kind: PromptKind = PromptKind.ASK) -> ReplyEnded:
        self.responder.named = list(named)
        self.responder.may_speak.set()
        ended = await self.talk.answer(Prompt("Ada", "hello", 0.0, kind=kind))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return ended


@asynccontextmanager
async def talking() -> AsyncIterator[World]:
    world = World()
    async with world.talk.running():
        yield world


async def test_a_reply_that_changes_the_mood_is_spoken_in_the_new_mood_and_the_replys_trace_says_so() -> None:
    async with talking() as world:
        ended = await world.answer("sad")
        assert set(world.speech.asked) == {SAD}
        assert (ended.trace.mood, world.character.counted) == ("sad", ["sad"])


async def test_a_reply_that_does_not_change_the_mood_is_spoken_as_usual_and_counts_too() -> None:
    async with talking() as world:
        for named in ((), ("happy",)):
            assert (await world.answer(*named)).trace.mood is None
        assert set(world.speech.asked) == {USUAL}
        assert world.character.counted == [None, "happy"]


async def test_a_mood_that_the_model_named_only_in_a_thought_is_forgotten() -> None:
    async with talking() as world:
        # None takes "sad" back: it was in a thought.
        assert (await world.answer("sad", None)).trace.mood is None
        assert set(world.speech.asked) == {USUAL}
        assert world.character.counted == [None]


async def test_a_reply_that_was_stopped_before_it_was_heard_does_not_count_and_the_next_is_spoken_as_usual() -> None:
    async with talking() as world:
        world.responder.named = ["sad"]
        world.talk.conversation.prompt(Prompt("Ada", "hello", 0.0))
        await world.responder.has_named.wait()
        world.talk.conversation.stop()
        ended = await world.talk.ended()
        assert (ended.trace.outcome, ended.trace.mood) == (Outcome.INTERRUPTED, None)
        await world.answer()
        assert set(world.speech.asked) == {USUAL}
        assert world.character.counted == [None], "only the second reply counts"


async def test_a_recited_text_does_not_count_for_the_mood() -> None:
    async with talking() as world:
        await world.answer("sad", kind=PromptKind.RECITE)
        assert world.character.counted == []


async def test_a_discarded_speculative_reply_does_not_count() -> None:
    async with talking() as world:
        world.responder.named = ["sad"]
        world.responder.may_speak.set()
        world.talk.conversation.speculate(spoken("hello"))
        await world.responder.has_named.wait()
        world.talk.conversation.discard(TURN)
        world.speech.asked.clear()
        await world.answer()
        assert set(world.speech.asked) == {USUAL}
        assert world.character.counted == [None], "only the second reply counts"


async def test_a_named_mood_counts_also_if_the_next_reply_has_begun() -> None:
    character = FollowedCharacter()
    mood = ReplyMood(character, lambda _: SAD)
    mood.name("sad")
    counting = mood.remembered()
    mood.begin()
    await counting
    assert character.counted == ["sad"]
