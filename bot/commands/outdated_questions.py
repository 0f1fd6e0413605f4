"""Questions from before the bot's start: whoever presses their buttons reads that nobody waits for the answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord

from bot.commands.guarded_view import GuardedView
from bot.guard import Guard

EARLY = "⌛ That question is over, or has only just been asked. Try it again in a moment."
OUTDATED = "⌛ I was restarted since then, so I don't wait for this answer any more."


class OutdatedQuestions(GuardedView):
    """Handles presses of buttons with these ids, below all questions that have no view of their own.

    Register it with :meth:`discord.Client.add_view`.

    Args:
        ids: the ids of the buttons. They must not differ from question to question, or those from before the bot's
            start would be unknown.
        ending: what is written below the question.
        command, anybody: see :class:`~bot.commands.guarded_view.GuardedView`.

    Attributes:
        since: about the time of the bot's start. Questions from before this time are outdated.
    """

    def __init__(
        self, guard: Guard, command: str, ids: Iterable[str], ending: str = OUTDATED, *, anybody: bool = False
    ) -> None:
        super().__init__(guard, command, anybody=anybody, timeout=None)
        self.since = discord.utils.utcnow()
        for each in ids:
            self.add_item(_Button(each, ending))


class _Button(discord.ui.Button[OutdatedQuestions]):
    def __init__(self, custom_id: str, ending: str) -> None:
        super().__init__(label="-", custom_id=custom_id)
        self._ending = ending

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Write below the question that it is over, and take its buttons away."""
        message = interaction.message
        if message is None or self.view is None or message.created_at >= self.view.since:
            # The question is new. Its own view answers as soon as Discord has confirmed the question's message.
            await interaction.response.send_message(EARLY, ephemeral=True)
            return
        # Two people may press a button at the same moment.
        text = message.content if message.content.endswith(self._ending) else f"{message.content}\n{self._ending}"
        await interaction.response.edit_message(
            content=text, view=None, allowed_mentions=discord.AllowedMentions.none()
        )
