"""The bot's answers to a command or button that a guest has used."""

from __future__ import annotations

from sandbox.watch import HANG_LIMIT, Watch
from sandbox.world.entities import Message
from sandbox.world.interaction_entities import CallbackKind, Interaction
from sandbox.world.interactions import FIRST_RESPONSE_S


class Pressed:
    """Waits for the bot's answers to one interaction."""

    def __init__(self, interaction: Interaction, watch: Watch) -> None:
        self.interaction = interaction
        self._watch = watch

    @property
    def answers(self) -> list[Message]:
        """All answers so far that can be read. "… is thinking" does not count."""
        return list(self.interaction.shown)

    async def acknowledgement(self, timeout: float = FIRST_RESPONSE_S) -> CallbackKind:
        """Wait for the bot's first response, which may be "… is thinking".

        Raises:
            TimeoutError: no response came. Discord would show "The application did not respond".
        """
        return await self._watch.until(lambda: self.interaction.answered, timeout, "an acknowledgement")

    async def response(self, timeout: float = HANG_LIMIT) -> Message:
        """Wait for the first answer that can be read.

        Raises:
            TimeoutError: no answer came.
        """
        return (await self.responses(1, timeout))[0]

    async def responses(self, count: int, timeout: float = HANG_LIMIT) -> list[Message]:
        """Wait for the first ``count`` answers.

        Raises:
            TimeoutError: fewer answers came.
        """
        shown = self.interaction.shown
        return await self._watch.until(
            lambda: shown[:count] if len(shown) >= count else None, timeout, f"{count} answers to the interaction"
        )
