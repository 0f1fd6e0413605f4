"""What a call keeps of its replies: the words that people heard, and the mood that a heard reply has named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bot.llm.history import History, Turn
from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.dialogue.measured_replies import MeasuredReplies
from bot.voice.dialogue.reply_mood import ReplyMood
from bot.voice.turn import Prompt, PromptKind


def _turn_of(prompt: Prompt) -> Turn:
    return Turn.of_person(prompt.author, prompt.text, prompt.person)


class KeptReplies:
    """Keeps what people heard of each reply. Use it only on the event loop.

    Args:
        history: the history of the call. It gets each prompt with the part of the answer that people heard.
        measured: measures the current reply.
        mood: the mood that the current reply has named; ``None`` if the model can't move the mood.
        language: detects the language that people speak, and also goes by the replies; ``None`` if it is not detected.
        start: starts a task, which ends with the call.
    """

    def __init__(
        self,
        history: History,
        measured: MeasuredReplies,
        mood: ReplyMood | None,
        language: ConversationLanguage | None,
        start: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
    ) -> None:
        self._history = history
        self._measured = measured
        self._mood = mood
        self._language = language
        self._start = start

    def keep(self, prompt: Prompt, heard: str, *, interrupted: bool) -> None:
        """Keep the part of the current reply that people heard.

        Args:
            prompt: what the reply answers.
            interrupted: whether the reply has more words, which nobody heard.
        """
        self._measured.note_words(heard)
        if heard and prompt.kind is PromptKind.ASK:
            self._keep_mood()
        if self._language is not None:
            self._language.heard(heard)
        if prompt.kind is PromptKind.ASK:
            if not prompt.results:
                self._history.add(_turn_of(prompt))
            self._history.add(Turn.of_bot(heard, interrupted=interrupted, asker=prompt.person))

    def take_back(self, prompt: Prompt) -> None:
        """Take a prompt out of the history. It comes back with its new answer."""
        if prompt.kind is PromptKind.ASK and not prompt.results:
            self._history.take_back(_turn_of(prompt))

    def _keep_mood(self) -> None:
        """Note the mood that the reply has named, because people heard or read the reply."""
        if self._mood is not None and self._mood.follows:
            self._measured.note_mood(self._mood.moved)
            self._start(self._mood.remembered(), "mood")
