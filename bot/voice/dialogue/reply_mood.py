"""The mood that the current reply of a call names, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from bot.llm.personas import Character
from wire.parameters import SpeechParameters


class MoodFollowing(Protocol):
    """The persona and mood of the place of a call. :class:`~bot.characters.LocalCharacter` implements this protocol."""

    def now(self) -> Character:
        """The character (persona and mood) of the place."""
        ...

    def mood_after(self, named: str) -> str | None:
        """The mood that follows if an answer names ``named``; ``None`` if the mood stays."""
        ...

    def answered(self, named: str | None) -> Coroutine[Any, Any, None]:
        """Note the mood that was named in an answer that people heard or read. Never raises."""
        ...


class ReplyMood:
    """The mood that the current reply names. Use it only on the event loop.

    The mood of a reply that nobody hears is not kept: only :meth:`remembered` passes it on.

    Args:
        character: the persona and mood of the place.
        manner: returns the speech parameters of a reply in a mood.
    """

    def __init__(self, character: MoodFollowing, manner: Callable[[str], SpeechParameters]) -> None:
        self._character = character
        self._manner = manner
        self._named: str | None = None

    @property
    def follows(self) -> bool:
        """Whether the model may move the mood."""
        return self._character.now().names_moods

    @property
    def moved(self) -> str | None:
        """The mood to which the current reply moves the persona; ``None`` if the mood stays."""
        return self._character.mood_after(self._named) if self._named is not None else None

    def begin(self) -> None:
        """Begin a reply, which has named nothing yet."""
        self._named = None

    def name(self, named: str | None) -> SpeechParameters | None:
        """Note the mood that the reply has named. Returns the new mood's parameters; ``None`` if the mood stays."""
        self._named = named
        moved = self.moved
        return self._manner(moved) if moved is not None else None

    def remembered(self) -> Coroutine[Any, Any, None]:
        """Note that people heard or read this reply, so that its mood counts. The coroutine never raises.

        The coroutine is about this reply, even if it runs only after the next reply has begun.
        """
        return self._character.answered(self._named)
