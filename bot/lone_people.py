"""The ids of people who are alone with the bot in a call: in a browser, or on the telephone."""

from __future__ import annotations

import secrets

FIRST_LONE_PERSON = 2**62
"""Smallest id of such a person. Discord's ids stay below it until 2049."""


PASSING_PEOPLE = 2**40
"""Number of ids that :func:`passing_person` chooses from. They begin at :data:`FIRST_LONE_PERSON`. :func:`lone_person`
hardly ever returns one of them."""


def passing_person() -> int:
    """A new id for somebody whom nobody can recognise later, such as a caller who withholds their number.

    Such a person may be listened to, and nothing is remembered of them.
    """
    return FIRST_LONE_PERSON + secrets.randbelow(PASSING_PEOPLE)


def is_passing(person: int) -> bool:
    """Whether a person's id is from :func:`passing_person`. May be called from any thread."""
    return 0 <= person - FIRST_LONE_PERSON < PASSING_PEOPLE


def lone_person(digest: bytes) -> int:
    """The id of a person, made from a digest of the name or number by which the bot recognises them."""
    return FIRST_LONE_PERSON + int.from_bytes(digest[:8], "big") % FIRST_LONE_PERSON
