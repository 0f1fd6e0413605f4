"""The caller of a phone call, known only by a number that is kept in no readable form."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from bot.voice.browser.people import FIRST_WEB_PERSON
from bot.voice.utterances.voice_commands import VoiceCommand
from config.phone_sections import plain_number

PHONE_PLACE = 1
"""Id of the place of phone calls, beside the ids of Discord's servers and the page's."""
CALLER = "Caller"
"""Name of a person who calls. Nobody tells the bot who they are."""
SHOWN_DIGITS = 3
"""Digits of a number that are shown and logged: the last ones."""


def phone_person(number: str, key: bytes) -> int:
    """The number of the person with this telephone number: always the same for the same key.

    Without the key, nobody can find the telephone number by trying all there are. Everybody who withholds their number
    is the same person.
    """
    digest = hmac.digest(key, plain_number(number).encode("utf-8", "surrogatepass"), hashlib.sha256)
    return FIRST_WEB_PERSON + int.from_bytes(digest[:8], "big") % FIRST_WEB_PERSON


def shown_number(number: str) -> str:
    """The last digits of a number, for people and logs: ``…456``. Empty if there are too few to hide the others."""
    digits = [each for each in plain_number(number).partition("@")[0] if each.isdecimal() and each.isascii()]
    return f"…{''.join(digits[-SHOWN_DIGITS:])}" if len(digits) >= 2 * SHOWN_DIGITS else ""


class PhonePeople:
    """The :class:`~bot.voice.transport.People` of a phone call: one person.

    Who calls has been let in by the operator, so the person may give every spoken command.

    Args:
        person: the person's number.
        admits: tells whether the bot answers a person, by number.
        interrupts: whether the person may interrupt the bot.
    """

    alone = False
    """Never true: a phone call ends when the caller has hung up."""

    def __init__(self, person: int, *, admits: Callable[[int], bool] = lambda _: True, interrupts: bool = True) -> None:
        self.person = person
        self._admits = admits
        self._interrupts = interrupts

    def name(self, person: int) -> str:
        """The name of a person."""
        return CALLER if person == self.person else "Someone"

    def names(self) -> tuple[str, ...]:
        """The name of the caller."""
        return (CALLER,)

    def attending(self) -> Mapping[int, str]:
        """Empty: the caller does not come and go."""
        return {}

    def others(self, person: int) -> tuple[str, ...]:
        """The names of everybody but ``person``."""
        return () if person == self.person else self.names()

    def hears(self, person: int) -> bool:
        """True if this is the caller."""
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
        """``None``: the caller may give every spoken command."""
        return None
