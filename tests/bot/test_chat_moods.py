"""Moods that the model names in a chat over the API: a mood counts after the whole answer was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from bot.api.chats import Chats
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import History, Turn
from tests.bot.http.api.api_stage import KeptChat
from tests.voice.doubles import FixedCharacter, RepeatingResponder


class MoodyResponder(RepeatingResponder):
    """A responder that names the mood "sad" and says ``words``. If it ``fails``, it does so after the words."""

    def __init__(self, words: str, *, fails: bool) -> None:
        self._words = words
        self._fails = fails

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        progress.mood("sad")
        yield self._words
        if self._fails:
            raise ModelError(ModelErrorKind.BROKEN, "hung up")


@pytest.mark.parametrize(
    ("words", "fails", "counted"),
    [
        ("Oh dear.", False, ["sad"]),
        ("Oh dear.", True, []),
        # With "<silent>", the model says nothing. The chat sends a line of the persona instead, which has no mood.
        ("<silent>", False, [None]),
    ],
)
async def test_only_the_mood_of_a_whole_answer_counts(words: str, fails: bool, counted: list[str | None]) -> None:
    told = list[str | None]()

    async def answered(named: str | None) -> None:
        told.append(named)

    def responder(history: History, name: str, *, spoken: bool) -> MoodyResponder:
        return MoodyResponder(words, fails=fails)

    chats = Chats(responder, KeptChat, FixedCharacter().now, answered)
    try:
        async for _ in chats.answer(chats.open(None), "hello", spoken=False):
            pass
    except ModelError:
        assert fails
    assert told == counted
