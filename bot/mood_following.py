"""Decides when a mood that the model names in its answers becomes the mood of a server or a private chat."""

from __future__ import annotations

from bot.llm.personas import Persona


class NamedMoods:
    """The moods that the last answers in each scope (see :class:`~bot.characters.Characters`) have named.

    The mood of a scope changes when two answers in a row name the same mood, and it is not the current one. So a single
    answer does not change the voice, and a model that names another mood each time changes nothing.
    """

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def after(self, scope: int, persona: Persona, now: str, named: str | None) -> str | None:
        """The mood that replaces the mood ``now`` after an answer that names ``named``; ``None`` if ``now`` stays.

        Args:
            named: the name as the model wrote it, which may be unknown; ``None`` if the answer names none.
        """
        mood = _known(persona, named)
        return mood if mood is not None and mood != now and self._last.get(scope) == mood else None

    def note(self, scope: int, persona: Persona, now: str, named: str | None) -> str | None:
        """Note what an answer has named. Returns what :meth:`after` returns."""
        mood, moved = _known(persona, named), self.after(scope, persona, now, named)
        if moved is not None or mood is None or mood == now:
            self.forget(scope)
        else:
            self._last[scope] = mood
        return moved

    def forget(self, scope: int) -> None:
        """Begin anew, because people have chosen a persona or a mood."""
        self._last.pop(scope, None)


def _known(persona: Persona, named: str | None) -> str | None:
    wanted = named.strip().casefold() if named is not None else None
    return next((mood for mood in persona.moods if mood.casefold() == wanted), None)
