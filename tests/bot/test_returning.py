"""The return after a restart, in the sandbox's Discord: what is still shown of the prompts that nobody has answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock

import discord
import pytest

from bot.consent import ListeningConsent
from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationRecords
from bot.database import Database
from bot.restart.records import InterruptedCall, RestartRecords, UnansweredPrompt
from bot.returning import GO_ON_LIMIT, SAY_AGAIN, Returning, ReturnRules
from bot.store import Store
from bot.voice.discord.transport import DiscordCall
from bot.voice.transport import EndCause
from bot.voice.turn import Prompt, PromptKind
from config.sections import ListeningPolicy
from sandbox.server import Sandbox
from tests.discord_client import client, sandbox

__all__ = ["client", "sandbox"]

ADA, BEN, CLEO, DAN = 11, 22, 33, 44
NOW = 1_000_000_000.0


async def no_end(_: Any) -> None:
    """Let the sentences that are being spoken end. In these tests, there are none."""


async def test_after_a_restart_old_words_and_words_of_people_who_opted_out_or_are_ignored_are_not_shown(
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
            MagicMock(restarting=False),
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


@pytest.mark.parametrize(("cause", "returns"), [(EndCause.SHUTDOWN, True), (EndCause.CONNECTION_LOST, False)])
async def test_prompts_that_were_put_aside_are_kept_even_if_the_call_fails_just_before_the_restart(
    client: discord.Client, tmp_path: Path, cause: EndCause, returns: bool
) -> None:
    call = MagicMock(spec=DiscordCall)
    call.conversation = MagicMock(set_aside=(Prompt("Ada", "What is a frog?", 0.0, 1, person=ADA),))
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        records, no_conversations = RestartRecords(database), cast(Any, None)
        rules = ReturnRules(NOW, lambda _: False, lambda: NOW)
        returning = Returning(client, cast(Any, None), records, no_end, None, (), no_conversations, rules, "!")
        returning._interrupted[call] = InterruptedCall(1, 2, 3, NOW, frozenset({ADA}), None, True, "talk", "off")
        await returning.call_ended(call, cause)
        assert [each.text for each in await records.unanswered(0)] == ["What is a frog?"]
        assert bool(await records.calls()) == returns


@pytest.mark.parametrize("answers_command", [True, False])
async def test_what_the_bot_knows_of_a_person_is_neither_stored_for_the_restart_nor_quoted_after_it(
    client: discord.Client, tmp_path: Path, answers_command: bool
) -> None:
    kept: list[bool] = []
    prompt = Prompt("Ada", "You are ill.", 0.0, kind=PromptKind.RECITE, person=ADA, answers_command=answers_command)

    async def end(keeps: Callable[[Any, Prompt], bool]) -> None:
        call = MagicMock(spec=DiscordCall, transport=MagicMock(), server=1)
        kept.append(keeps(call, prompt))

    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        calls, conversations = MagicMock(active=()), MagicMock()
        conversations.keeps.return_value = True
        rules = ReturnRules(NOW, lambda _: False, lambda: NOW)
        await Returning(client, calls, RestartRecords(database), end, None, (), conversations, rules, "!").begin()
    assert kept == [not answers_command]
