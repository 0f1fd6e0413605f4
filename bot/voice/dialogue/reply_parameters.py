"""The speech parameters of a reply: the manner of speaking, the voice, and the language of the conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.turn import Prompt
from wire.parameters import SpeechParameters

Manner = Callable[[], SpeechParameters]
"""Returns the speech parameters of the next reply."""


class ReplyParameters:
    """The speech parameters of the current reply. A mood that the reply names changes them.

    Use it only on the event loop.

    Args:
        manner: returns the usual speech parameters.
        language: detects the language that people speak; ``None`` if the speech server is told no language.
    """

    def __init__(self, manner: Manner, language: ConversationLanguage | None) -> None:
        self._manner = manner
        self._language = language
        self._current = SpeechParameters()
        self._undetected: Prompt | None = None
        """The prompt of the reply, until its language is detected."""

    def begin(self, prompt: Prompt) -> None:
        """Begin the reply to ``prompt``."""
        usual = self._manner()
        self._current, self._undetected = replace(usual, voice=prompt.voice or usual.voice), prompt

    def change(self, prompt: Prompt, manner: SpeechParameters | None) -> None:
        """Speak the reply to ``prompt``, which has begun, in another manner; ``None`` for the usual one."""
        usual, language = manner or self._manner(), self._current.conversation_language
        self._current = replace(usual, voice=prompt.voice or usual.voice, conversation_language=language)

    def current(self) -> SpeechParameters:
        """The parameters of the reply. The first call for a reply detects the language of its prompt."""
        # This method is called while the model writes. Detecting the language before the request to the model would
        # delay the reply.
        prompt, self._undetected = self._undetected, None
        if prompt is not None and self._language is not None:
            self._current = replace(self._current, conversation_language=self._language.of(prompt))
        return self._current
