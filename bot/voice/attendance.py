"""Attendance: who came to a call and who left it lately, for the model and for greetings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.llm.cleaning import clean_name

LATELY = 300.0
"""Seconds for which the model is told that somebody has come or left."""
MAX_NAMES = 5
"""Maximum number of names of people who came, and of people who left, in the text for the model."""


@dataclass(frozen=True, slots=True)
class _Change:
    name: str
    came: bool
    at: float


class Attendance:
    """The people who came and left. Not thread-safe.

    The text for the model changes only when somebody comes or leaves, and again :data:`LATELY` seconds later. It names
    no times, so the model server's prompt cache stays useful.

    Args:
        people: returns the names of the people in the call, by user id.
        unmentioned: returns whether nothing may be said of a person (user id), because that person opted out.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        people: Callable[[], Mapping[int, str]],
        unmentioned: Callable[[int], bool],
        clock: Callable[[], float],
    ) -> None:
        self._people = people
        self._unmentioned = unmentioned
        self._clock = clock
        self._present: Mapping[int, str] | None = None
        self._changes: dict[int, _Change] = {}

    def look(self) -> tuple[int, ...]:
        """Look who is there; returns who has come since the last look. At the first look, nobody counts as having come.

        People of whom nothing may be said are left out.
        """
        before, now, at = self._present, dict(self._people()), self._clock()
        self._present = now
        self._changes = {person: change for person, change in self._changes.items() if at - change.at < LATELY}
        if before is None:
            return ()
        came = tuple(person for person in now if person not in before and not self._unmentioned(person))
        left = [person for person in before if person not in now and not self._unmentioned(person)]
        for person in (*came, *left):
            # A known key would keep its place in the dict. It is removed first, so that the newest change comes last.
            self._changes.pop(person, None)
            self._changes[person] = _Change((now if person in now else before)[person], person in now, at)
        return came

    def forget(self, person: int) -> None:
        """Don't mention any longer that a person has come or left."""
        self._changes.pop(person, None)

    def lines(self) -> list[str]:
        """Lines for the model about who came and who left lately. The names are cleaned."""
        came, left = (
            [clean_name(change.name) for change in self._changes.values() if change.came is kind][-MAX_NAMES:]
            for kind in (True, False)
        )
        return [
            *([f"Came in lately: {', '.join(came)}."] if came else []),
            *([f"Left lately: {', '.join(left)}."] if left else []),
        ]
