"""A command or a button that a guest has pressed, and the bot's answers to it."""

from __future__ import annotations

from sandbox.watch import Watch
from sandbox.world.entities import Message
from sandbox.world.interaction_entities import CallbackKind, Interaction
from sandbox.world.interactions import FIRST_RESPONSE_S


class Pressed:
    """Waits for what comes of one interaction."""

    def __init__(self, interaction: Interaction, watch: Watch) -> None:
        self.interaction = interaction
        self._watch = watch

    @property
    def answers(self) -> list[Message]:
        """Every answer that can be read so far; "is thinking…" is none."""
        return list(self.interaction.shown)

    async def acknowledged(self, timeout: float = FIRST_RESPONSE_S) -> CallbackKind:
        """Wait for the first sign of the bot, which may be "is thinking…".

        Raises:
            TimeoutError: the person saw "the application did not respond".
        """
        return await self._watch.until(lambda: self.interaction.answered, timeout, "an acknowledgement")

    async def response(self, timeout: float = 10.0) -> Message:
        """Wait for the first answer that can be read.

        Raises:
            TimeoutError: there is none.
        """
        return (await self.responses(1, timeout))[0]

    async def responses(self, count: int, timeout: float = 10.0) -> list[Message]:
        """Wait for so many answers.

        Raises:
            TimeoutError: there are fewer.
        """
        shown = self.interaction.shown
        return await self._watch.until(
            lambda: shown[:count] if len(shown) >= count else None, timeout, f"{count} answers to the interaction"
        )
