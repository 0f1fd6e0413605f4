"""The person in a browser call, ``web:NAME``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from bot.llm.cleaning import clean_name
from bot.voice.utterances.voice_commands import VoiceCommand

WEB_PREFIX = "web:"
"""Beginning of the id of a person in a browser. The rest is the name."""
FIRST_WEB_PERSON = 2**62
"""Smallest number of a person in a browser. Discord's ids stay below it until 2049."""
PAGE_PLACE = 0
"""Id of the place of the page and of programs, beside the ids of Discord's servers."""
NAMELESS = "Guest"
"""Name of a person whose client gives none."""


def web_name(name: str) -> str:
    """A clean name for a person in a browser."""
    return clean_name(name) if name.strip() else NAMELESS


def web_person(name: str) -> int:
    """The number of the person ``web:NAME``. It is always the same for the same name; capitals do not matter."""
    digest = hashlib.sha256(f"{WEB_PREFIX}{web_name(name).casefold()}".encode("utf-8", "surrogatepass")).digest()
    return FIRST_WEB_PERSON + int.from_bytes(digest[:8], "big") % FIRST_WEB_PERSON


class BrowserPeople:
    """The :class:`~bot.voice.transport.People` of a browser call: one person.

    Whoever may open the page runs the bot or was given its token, so the person may give every spoken command.

    Args:
        name: the person's name.
        admits: tells whether the bot answers a person, by number.
        interrupts: whether the person may interrupt the bot.
    """

    def __init__(self, name: str, *, admits: Callable[[int], bool] = lambda _: True, interrupts: bool = True) -> None:
        self._admits = admits
        self._interrupts = interrupts
        self._names: dict[int, str] = {}
        self.person = 0
        self.become(name)

    def become(self, name: str) -> None:
        """Let a person with this name take the place of the one before. The names of earlier people stay known."""
        # Other threads read the number, so it is set when the name is known.
        known = web_name(name)
        self._names[web_person(known)] = known
        self.person = web_person(known)

    @property
    def id(self) -> str:
        """The person's id in messages: ``web:NAME``."""
        return f"{WEB_PREFIX}{self._names[self.person]}"

    @property
    def alone(self) -> bool:
        """False: when the person is gone, the transport waits for them and then ends the call."""
        return False

    def name(self, person: int) -> str:
        """The name of a person; "Someone" if nobody with this number was in the call."""
        return self._names.get(person, "Someone")

    def names(self) -> tuple[str, ...]:
        """The name of the person."""
        return (self._names[self.person],)

    @property
    def known_name(self) -> str | None:
        """The name of the person; ``None`` if the person gave none."""
        name = self._names[self.person]
        return None if name == NAMELESS else name

    def attending(self) -> Mapping[int, str]:
        """Empty: the person of a browser call does not come and go."""
        return {}

    def others(self, person: int) -> tuple[str, ...]:
        """The names of everybody but ``person``."""
        return () if person == self.person else self.names()

    def hears(self, person: int) -> bool:
        """True if this is the person."""
        return person == self.person

    def is_program(self, person: int) -> bool:
        """False. May be called from any thread."""
        return False

    def may_talk(self, person: int) -> bool:
        """Whether the bot answers this person."""
        return self._admits(person)

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        """Whether the bot falls silent when this person speaks."""
        return self._interrupts and self.may_talk(person)

    def refusal(self, person: int, command: VoiceCommand) -> str | None:
        """``None``: the person may give every spoken command."""
        return None
