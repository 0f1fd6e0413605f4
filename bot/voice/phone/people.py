"""The caller of a phone call. The bot knows only their telephone number, and does not keep it in a readable form."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

from typing_extensions import override

from bot.lone_people import lone_person, passing_person
from bot.voice.lone_person import LonePerson
from config.phone_sections import plain_number

PHONE_PLACE = 1
"""The place of all phone calls, for which a voice or a persona is chosen; see also
:data:`~bot.voice.browser.people.PAGE_PLACE`. For calls on Discord, the server's id is the place."""
CALLER = "Caller"
"""Name of every caller, since the bot does not learn who they are."""
SHOWN_DIGITS = 3
"""Number of the last digits of a telephone number that are shown and logged."""


def phone_person(number: str, key: bytes) -> int:
    """The id of the person with this telephone number. The same number and key always give the same id.

    A caller who withholds their number is a new person each time, since many people do so.
    """
    return number_id(number, key) if plain_number(number) else passing_person()


def number_id(number: str, key: bytes) -> int:
    """The id of a telephone number. All callers who withhold their number share one id.

    Without the key, nobody can find the telephone number by trying all possible ones.
    """
    return lone_person(hmac.digest(key, plain_number(number).encode("utf-8", "surrogatepass"), hashlib.sha256))


def shown_number(number: str) -> str:
    """The last digits of a number, for people and logs: ``…456``. Empty if there are too few to hide the others."""
    digits = [each for each in plain_number(number).partition("@")[0] if each.isdecimal() and each.isascii()]
    return f"…{''.join(digits[-SHOWN_DIGITS:])}" if len(digits) >= 2 * SHOWN_DIGITS else ""


def of_caller(shown: str) -> str:
    """Names the caller in a line of the log; empty if nothing is shown of their number."""
    return f" of {shown}" if shown else ""


def refused_number(number: str) -> str:
    """What the log says of a refused caller, so that the operator can let them in. Empty if they withhold their number.

    An internal number of a PBX, such as ``**610``, is logged whole: nobody can call it from outside. Of a SIP address
    with a name, only the host is logged.
    """
    if shown := shown_number(number):
        return shown
    if re.fullmatch(r"[0-9*#]{1,5}", number):
        return number
    _, at, host = number.rpartition("@")
    return f"…@{host}" if at else ""


class PhonePeople(LonePerson):
    """The :class:`~bot.voice.transport.People` of a phone call: one person.

    The operator has let the caller in, so the caller may give every spoken command.

    Args:
        person: the person's id.
        admits: tells whether the bot answers a person, by id.
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
