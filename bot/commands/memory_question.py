"""The question of ``MEMORY=ask``: whether a person may be remembered. It is asked once.

The question goes to the place where the person has talked last, or into a private message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiosqlite
import discord
from discord.ext import commands

from bot.commands.guarded_view import GuardedView
from bot.database import Database
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.guard import Guard
from bot.lone_people import FIRST_LONE_PERSON
from bot.memory.memory import Memory
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

ASKED = (
    "🧠 <@{person}>, may I remember what you tell me, so that I still know it in later conversations? I tell it only "
    "to people who have heard you say it, on the same server. `{prefix}memory` shows you all of it; you can correct it "
    "and make me forget it at any time. As long as you don't answer, I remember nothing."
)
YES_LABEL, NO_LABEL = "Yes, remember", "No"
AGREED = "🧠 {name} may be remembered. `{prefix}memory` shows you what I know, `{prefix}memory off` ends it."
REFUSED = "🧠 I remember nothing of {name}. `{prefix}memory on` changes that."
NOT_ASKED = "🔒 Only the person who is asked can answer that."
NOT_STORED = (
    "❌ I can't store that just now. Please press the button again later, or use `/memory on` or `/memory off`."
)
_LAST_PLACE = """
SELECT c.server, c.channel FROM turns t JOIN conversations c ON c.id = t.conversation
WHERE t.person = ? ORDER BY t.at DESC LIMIT 1
"""


class MemoryQuestions:
    """Asks people whether they may be remembered. Use it only on the event loop.

    :meth:`open` makes the buttons of earlier questions work. :meth:`close` ends what still runs.
    """

    def __init__(self, bot: commands.Bot, guard: Guard, memory: Memory, database: Database, prefix: str) -> None:
        self._bot = bot
        self._guard = guard
        self._memory = memory
        self._database = database
        self._prefix = prefix
        self._asking: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Ask from now on, and take answers to questions from before the bot's start. Call it on the event loop."""
        self._bot.add_view(_MemoryQuestion(self._guard, self._answer))
        self._memory.consent.ask = self.ask

    def ask(self, person: int) -> None:
        """Begin to ask a person. Returns immediately. People on the page are asked there."""
        if person >= FIRST_LONE_PERSON:
            return
        task = asyncio.create_task(self._ask(person), name="asking whether a person may be remembered")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def close(self) -> None:
        """End what still runs."""
        self._memory.consent.ask = None
        await end_tasks(*self._asking)

    async def _ask(self, person: int) -> None:
        text = ASKED.format(person=person, prefix=self._prefix)
        for find in (self._last_place, self._private):
            try:
                place = await find(person)
                if place is None:
                    continue
                view = _MemoryQuestion(self._guard, self._answer)
                mentions = discord.AllowedMentions(users=[discord.Object(person)])
                try:
                    await place.send(text, view=view, allowed_mentions=mentions)
                finally:
                    # From now on, the view of `open` handles this message's buttons, as after a restart.
                    view.stop()
            except (*DISCORD_ERRORS, aiosqlite.Error) as error:
                _log.info(
                    "A person could not be asked in one of two places whether they may be remembered: %s",
                    discord_error_detail(error),
                )
            else:
                return
        _log.warning("A person could not be asked whether they may be remembered, so nothing is kept of them")

    async def _last_place(self, person: int) -> discord.abc.Messageable | None:
        """Where the person last talked with the bot; ``None`` if that was in private or is no longer found."""
        row = await self._database.row(_LAST_PLACE, str(person))
        if row is None or row[0] is None or row[1] is None:
            return None
        found = self._bot.get_channel(int(row[1]))
        return found if isinstance(found, discord.abc.Messageable) else None

    async def _private(self, person: int) -> discord.abc.Messageable:
        user = self._bot.get_user(person) or await self._bot.fetch_user(person)
        return await user.create_dm()

    async def _answer(self, interaction: discord.Interaction[Any], *, keep: bool) -> None:
        message, person = interaction.message, interaction.user
        # The person who is asked is the only one whom the message mentions.
        if message is None or person.id not in [each.id for each in message.mentions]:
            await interaction.response.send_message(NOT_ASKED, ephemeral=True)
            return
        # Forgetting may take seconds.
        await interaction.response.defer()
        try:
            await self._memory.set_choice(person.id, keep)
        except aiosqlite.Error as error:
            _log.warning("A person's choice about the memory could not be stored: %s", error)
            await interaction.followup.send(NOT_STORED, ephemeral=True)
            return
        name = discord.utils.escape_markdown(person.display_name)
        text = (AGREED if keep else REFUSED).format(name=name, prefix=self._prefix)
        nobody = discord.AllowedMentions.none()
        await interaction.edit_original_response(content=text, view=None, allowed_mentions=nobody)


_Answer = Callable[..., Awaitable[None]]


class _MemoryQuestion(GuardedView):
    def __init__(self, guard: Guard, answer: _Answer) -> None:
        super().__init__(guard, "memory", timeout=None)
        self.add_item(_Choice(YES_LABEL, "memory:may", discord.ButtonStyle.success, answer, keep=True))
        self.add_item(_Choice(NO_LABEL, "memory:may-not", discord.ButtonStyle.secondary, answer, keep=False))


class _Choice(discord.ui.Button[_MemoryQuestion]):
    def __init__(self, label: str, custom_id: str, style: discord.ButtonStyle, answer: _Answer, *, keep: bool) -> None:
        super().__init__(label=label, custom_id=custom_id, style=style)
        self._answer = answer
        self._keep = keep

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the answer on."""
        await self._answer(interaction, keep=self._keep)
