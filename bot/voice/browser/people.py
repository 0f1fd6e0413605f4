"""The person in a browser call, ``web:NAME``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from typing_extensions import override

from bot.llm.cleaning import clean_name
from bot.lone_people import lone_person
from bot.voice.lone_person import LonePerson

WEB_PREFIX = "web:"
"""Beginning of the id of a person in a browser. The rest is the name."""
PAGE_PLACE = 0
"""The place of the page and of programs, for which a voice or a persona is chosen. For calls on Discord, the server's
id is the place."""
NAMELESS = "Guest"
"""Name of a person whose client gives none."""


def web_name(name: str) -> str:
    """A clean name for a person in a browser."""
    return clean_name(name) if name.strip() else NAMELESS


def web_person(name: str) -> int:
    """The id of the person ``web:NAME``. It is always the same for the same name; capitals do not matter."""
    known_by = f"{WEB_PREFIX}{web_name(name).casefold()}"
    return lone_person(hashlib.sha256(known_by.encode("utf-8", "surrogatepass")).digest())


class BrowserPeople(LonePerson):
    """The :class:`~bot.voice.transport.People` of a browser call: one person.

    Whoever may open the page runs the bot or was given its token, so the person may give every spoken command.

    Args:
        name: the person's name.
        admits: tells whether the bot answers a person, by id.
        interrupts: whether the person may interrupt the bot.
    """

    def __init__(self, name: str, *, admits: Callable[[int], bool] = lambda _: True, interrupts: bool = True) -> None:
        super().__init__(admits, interrupts)
        self._names: dict[int, str] = {}
        self.person = 0
        self.become(name)

    def become(self, name: str) -> None:
        """Let a person with this name take the place of the one before. The names of earlier people stay known."""
        # Other threads read the id and look up its name, so the name is stored before the id.
        known = web_name(name)
        self._names[web_person(known)] = known
        self.person = web_person(known)

    @property
    def id(self) -> str:
        """The person's id in messages: ``web:NAME``."""
        return f"{WEB_PREFIX}{self._names[self.person]}"

    def name(self, person: int) -> str:
        """The name of a person; "Someone" if nobody with this id was in the call."""
        return self._names.get(person, "Someone")

    @property
    def everybody(self) -> frozenset[int]:
        """The ids of all people who were in the call, the present one included."""
        return frozenset(self._names)

    @override
    def names(self) -> tuple[str, ...]:
        return (self._names[self.person],)

    @property
    def known_name(self) -> str | None:
        """The name of the person; ``None`` if the person gave none."""
        name = self._names[self.person]
        return None if name == NAMELESS else name
