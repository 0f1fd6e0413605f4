"""Asks a person before a tool runs: the interface for questions with buttons, and the yes in the person's next turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.llm.tool_calls import ToolCall
from bot.text import plain, shorten
from bot.tools.results import clean_result
from bot.tools.tool import Asker, Conversation

BUTTON_SECONDS = 30.0
"""Seconds in which a person can answer with a button. No answer counts as a no."""
SPOKEN_SECONDS = 60.0
"""For this many seconds after a tool was called, the person's next words can allow the call. The time in which the bot
asks is included."""
READING_SECONDS = 1.0
"""Seconds that it takes to read a question. Words that are heard sooner after it was sent are no answer to it."""
_MAX_SHOWN = 300
_MAX_PENDING = 200


class Confirmation(Protocol):
    """Asks a person with buttons."""

    def can_ask(self, asker: Asker) -> bool:
        """Whether there is a channel with buttons where this person can be asked."""
        ...

    async def ask(self, asker: Asker, call: str) -> bool | None:
        """Ask, and wait at most :data:`BUTTON_SECONDS`. Only the asker's click counts. Cancelling ends the question.

        Args:
            call: the tool call in the form in which people read it; see :func:`shown_call`.

        Returns:
            ``True`` or ``False`` as the person answers; ``None`` if there is no answer, or the question can't be asked.
        """
        ...


class Confirmations:
    """A :class:`Confirmation` that is made up of others: the first that can ask a person asks."""

    def __init__(self, *places: Confirmation) -> None:
        self._places = places

    def can_ask(self, asker: Asker) -> bool:
        """Whether one of the places can ask this person."""
        return any(each.can_ask(asker) for each in self._places)

    async def ask(self, asker: Asker, call: str) -> bool | None:
        """Ask where the person can be asked."""
        found = next((each for each in self._places if each.can_ask(asker)), None)
        return None if found is None else await found.ask(asker, call)


class NoButtons:
    """A :class:`Confirmation` for places where nobody can be asked with buttons."""

    def can_ask(self, asker: Asker) -> bool:
        """Nobody can be asked."""
        return False

    async def ask(self, asker: Asker, call: str) -> bool | None:
        """Ask nobody, and return ``None``."""
        return None


def shown_call(call: ToolCall) -> str:
    """A tool call in the form in which people read it: the tool's name and the arguments, shortened."""
    return f"{call.name} {shorten(' '.join(clean_result(call.arguments).split()), _MAX_SHOWN)}"


@dataclass(frozen=True, slots=True)
class _Pending:
    name: str
    arguments: str
    words: str
    until: float
    asked_in: object = field(compare=False)
    answered: str = ""
    """The person's next words, if they are no yes."""


class Consents:
    """Calls of tools that wait for a person's yes. Only the person's next words decide about them.

    Args:
        is_yes: takes words and the name of a tool; returns whether the words say yes to a call of that tool.
        clock: returns monotonic seconds.
    """

    def __init__(self, is_yes: Callable[[str, str], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._is_yes = is_yes
        self._clock = clock
        self._pending: dict[tuple[Conversation, int | None], _Pending] = {}

    def note(self, asker: Asker, call: ToolCall, turn: object) -> None:
        """Remember that this person was asked about a call in ``turn``. Only the newest call of a person is kept."""
        while len(self._pending) >= _MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        until = self._clock() + SPOKEN_SECONDS
        self._pending[_key(asker)] = _Pending(call.name, call.arguments, asker.words, until, turn)

    def heard(self, asker: Asker) -> None:
        """Note that the asker's words begin a turn. If they are no yes, a later yes no longer answers the question."""
        found = self._pending.get(_key(asker))
        if found is None or found.words == asker.words or self._is_yes(asker.words, found.name):
            return
        if not self._goes_on(found, asker):
            self.forget(asker)
        else:
            self._pending[_key(asker)] = replace(found, answered=plain(asker.words))

    def allowed(self, asker: Asker, turn: object) -> ToolCall | None:
        """The call that this person's words allow; ``None`` if there is none."""
        found = self._pending.get(_key(asker))
        if found is None or found.asked_in is turn or found.words == asker.words or not self._goes_on(found, asker):
            return None
        if self._clock() > found.until or not self._is_yes(asker.words, found.name):
            return None
        return ToolCall("", found.name, found.arguments)

    def _goes_on(self, found: _Pending, asker: Asker) -> bool:
        """Whether the words go on from those before, as they do while a person is still speaking."""
        return plain(asker.words).startswith(found.answered)

    def forget(self, asker: Asker) -> None:
        """Forget what the person was asked, since it is decided."""
        self._pending.pop(_key(asker), None)


def _key(asker: Asker) -> tuple[Conversation, int | None]:
    return asker.conversation, asker.person
