"""Consent to being remembered: the operator's rule, and each person's stored choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from bot.database import Database, Records
from bot.lone_people import is_passing
from config.sections import MemoryPolicy


class MemoryConsent(Records):
    """Who may be remembered. Made by :meth:`load`. Use it only on the event loop.

    Args:
        policy: the operator's rule, ``MEMORY``.
        choices: each person's choice, by user id; ``None``: the person was asked and has not answered.
        admits: returns whether a person may be listened to. Nothing is kept of others, and they are not asked.

    Attributes:
        ask: called once for each person who must be asked. It must not block.
    """

    def __init__(
        self,
        database: Database,
        policy: MemoryPolicy,
        choices: dict[int, bool | None],
        admits: Callable[[int], bool] = lambda _: True,
    ) -> None:
        super().__init__(database)
        self.policy = policy
        self._choices = choices
        self._admits = admits
        self.ask: Callable[[int], None] | None = None

    @classmethod
    async def load(
        cls, database: Database, policy: MemoryPolicy, admits: Callable[[int], bool] = lambda _: True
    ) -> Self:
        """Read the choices from the database; raises :class:`aiosqlite.Error`."""
        rows = await database.rows("SELECT person, keep FROM memory_choice")
        return cls(
            database,
            policy,
            {int(person): None if keep is None else bool(keep) for person, keep in rows if str(person).isdecimal()},
            admits,
        )

    def choice(self, person: int) -> bool | None:
        """Whether this person wants to be remembered; ``None`` if the person has not chosen.

        ``False`` for people whom nobody can recognise later.
        """
        return False if is_passing(person) else self._choices.get(person)

    def allows(self, person: int) -> bool:
        """Whether something may be kept of this person now."""
        match self.policy:
            case _ if not self._admits(person):
                return False
            case MemoryPolicy.OFF:
                return False
            case MemoryPolicy.ON:
                return self.choice(person) is not False
            case MemoryPolicy.ASK:
                return self.choice(person) is True

    def waits(self, person: int) -> bool:
        """Whether something could be kept of this person once they agree."""
        return self.policy is MemoryPolicy.ASK and self.choice(person) is None and self._admits(person)

    async def set(self, person: int, keep: bool) -> None:
        """Store a choice. A later choice replaces an earlier one. Raises :class:`aiosqlite.Error`."""
        # What somebody refuses is refused even if it can't be stored now.
        self._choices[person] = keep
        await self._database.write("INSERT OR REPLACE INTO memory_choice VALUES (?, ?)", str(person), keep)

    async def ask_once(self, person: int) -> None:
        """Ask a person whether they want to be remembered, unless they were asked before.

        Raises:
            aiosqlite.Error: it can't be stored that they were asked. Then they are asked another time.
        """
        if self.ask is None or not self.waits(person) or person in self._choices:
            return
        await self._database.write("INSERT OR IGNORE INTO memory_choice VALUES (?, NULL)", str(person))
        self._choices[person] = None
        self.ask(person)

    async def erase(self, person: int) -> None:
        """Delete the record that a person has chosen or was asked. Raises :class:`aiosqlite.Error`."""
        await self._database.write("DELETE FROM memory_choice WHERE person = ?", str(person))
        self._choices.pop(person, None)
