"""How much a person has used of the engines, for each day, Discord server and address of an engine."""

from __future__ import annotations

from collections.abc import Sequence

from bot.personal_data.personal_data import Erased, JsonValue, Subject
from bot.usage.usage import Usage


class UsedEngines:
    """The person's figures. Erasing leaves them in the sums of the day, without the person."""

    name = "what you have used of models, voices and recognisers"

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The amounts, for each day, Discord server (``server``) and address of an engine (``by``)."""
        return [
            {
                "day": key.day.isoformat(),
                "server": str(key.place),
                "engine": key.engine.value,
                "by": key.server,
                "requests": amounts.requests,
                "tokens read": amounts.prompt_tokens,
                "tokens written": amounts.answer_tokens,
                "seconds of sound": amounts.milliseconds / 1000,
            }
            for key, amounts in await self._usage.of_person(subject.id)
        ]

    async def erase(self, subject: Subject) -> Erased:
        """Forget whose figures they are; raises :class:`aiosqlite.Error`."""
        return Erased(await self._usage.disown(subject.id))
