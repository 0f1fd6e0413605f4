"""The return after a restart, in the sandbox's Discord: what is still shown of the prompts that nobody has answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import discord

from bot.consent import ListeningConsent
from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationRecords
from bot.database import Database
from bot.restart.records import RestartRecords, UnansweredPrompt
from bot.returning import GO_ON_LIMIT, SAY_AGAIN, Returning, ReturnRules
from bot.store import Store
from config.sections import ListeningPolicy
from sandbox.server import Sandbox
from tests.discord_client import client, sandbox

__all__ = ["client", "sandbox"]

ADA, BEN, CLEO, DAN = 11, 22, 33, 44
NOW = 1_000_000_000.0


async def no_end(_: Any) -> None:
    """There are no calls whose sentence could end."""


async def test_spoken_words_are_shown_neither_after_an_opt_out_nor_on_a_server_that_ignores_who_said_them_nor_late(
    sandbox: Sandbox, client: discord.Client, tmp_path: Path
) -> None:
    general = sandbox.home.general.id
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        consent = await ListeningConsent.load(Store(database), ListeningPolicy.OPT_OUT)
        ignored = {(sandbox.home.guild.id, DAN)}
        conversations = Conversations(
            ConversationRecords(database), 30, lambda at, who: consent.admits(who) and (at, who) not in ignored
        )
        records = RestartRecords(database)
        await records.keep([UnansweredPrompt(general, None, CLEO, "Cleo", "said last week")], NOW - GO_ON_LIMIT - 10)
        spoken = {ADA: "Ada", BEN: "Ben", DAN: "Dan"}
        await records.keep(
            [UnansweredPrompt(general, None, person, name, f"{name}'s words") for person, name in spoken.items()], NOW
        )
        await consent.opt_out(ADA)
        returning = Returning(
            client,
            cast(Any, None),
            records,
            no_end,
            None,
            (),
            conversations,
            ReturnRules(NOW, lambda _: False, lambda: NOW),
            "!",
        )
        await returning.come_back()
        assert await database.rows("SELECT * FROM unanswered_prompt") == []
    messages = sandbox.world.messages.seen_by(sandbox.home.owner.id, general)
    shown = [message.content for message in messages if message.author.bot]
    assert shown == [SAY_AGAIN.format(name="Ben", text="Ben's words")]
