"""What the bot remembers about a person: facts that they told or that are about them, and whether they want that."""

from __future__ import annotations

from collections.abc import Sequence

from bot.memory.memory import Memory
from bot.personal_data.personal_data import Erased, JsonValue, Subject, moment

KEPT_REFUSAL = "Your wish not to be remembered. Without it, I could begin to remember you again."


class RememberedFacts:
    """The facts that concern a person, and the person's choice. Erasing also deletes the quoted sentences."""

    name = "what I remember of you"

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The choice, and the facts with their sentences."""
        choice = self._memory.choice(subject.id)
        facts: list[JsonValue] = [
            {
                "person": fact.person_name,
                "fact": fact.text,
                "quote": fact.quote,
                "said by": fact.speaker_name,
                "said": moment(fact.said_at),
                "server": "" if fact.server is None else str(fact.server),
                "told": fact.superseded_by is None,
            }
            for fact in await self._memory.export(subject.id)
        ]
        return facts if choice is None else [{"remember": choice}, *facts]

    async def erase(self, subject: Subject) -> Erased:
        """Forget all of it, except that the person refused to be remembered; raises :class:`aiosqlite.Error`."""
        refused = self._memory.choice(subject.id) is False
        forgotten = await self._memory.erase(subject.id)
        return Erased(forgotten, KEPT_REFUSAL if refused else "")
