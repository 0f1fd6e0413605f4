"""The caller of a phone call, known only by a number that is kept in no readable form."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from typing_extensions import override

from bot.voice.lone_person import LonePerson, lone_person
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
    return lone_person(hmac.digest(key, plain_number(number).encode("utf-8", "surrogatepass"), hashlib.sha256))


def shown_number(number: str) -> str:
    """The last digits of a number, for people and logs: ``…456``. Empty if there are too few to hide the others."""
    digits = [each for each in plain_number(number).partition("@")[0] if each.isdecimal() and each.isascii()]
    return f"…{''.join(digits[-SHOWN_DIGITS:])}" if len(digits) >= 2 * SHOWN_DIGITS else ""


class PhonePeople(LonePerson):
    """The :class:`~bot.voice.transport.People` of a phone call: one person.

    Who calls has been let in by the operator, so the person may give every spoken command.

    Args:
        person: the person's number.
        admits: tells whether the bot answers a person, by number.
        interrupts: whether the person may interrupt the bot.
    """

    def __init__(self, person: int, *, admits: Callable[[int], bool] = lambda _: True, interrupts: bool = True) -> None:
        super().__init__(admits, interrupts)
        self.person = person

    def name(self, person: int) -> str:
        """The name of a person."""
        return CALLER if person == self.person else "Someone"

    @override
    def names(self) -> tuple[str, ...]:
        return (CALLER,)
