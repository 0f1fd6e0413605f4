"""The command ``usage``: only the person sees the answer, managers see their server, and owners everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands.private_answer import SENT
from bot.commands.usage import EVERYWHERE, HERE, YOURS, UsageCommands
from bot.database import Database
from bot.metering import Account
from bot.owners import Owners
from bot.usage.ledger import UsageLedger
from bot.usage.records import UsageRecords
from bot.usage.report import UsageReport
from bot.usage.usage import Usage
from sandbox.guest import Guest
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import let_manage
from tests.timing import LIMIT

SERVER = "api.example.org"


@dataclass
class Desk:
    """The bot with the command, what was used, and people: Mira manages the server, and Olga owns the bot.

    Attributes:
        newest: id of the last private message that was read.
    """

    stage: FeatureStage
    usage: Usage
    ben: Guest
    mira: Guest
    owner: Guest
    newest: int = 0

    async def answer(self, who: Guest, text: str = "!usage") -> str:
        """What the bot writes to a guest alone."""
        assert await self.stage.ask(text, who=who) == SENT
        await who.wait_for_message(who.dm_channel, lambda message: message.id > self.newest, LIMIT)
        private = [each for each in who.messages(who.dm_channel) if each.id > self.newest]
        self.newest = private[-1].id
        return "\n".join(each.content for each in private)


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    made: list[Usage] = []
    owners: set[int] = set()

    class NamedOwners(Owners):
        async def include(self, client: object, person: int) -> bool:
            return person in owners

    async def make_cogs(_: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        now = datetime(2026, 11, 29, 12, tzinfo=UTC)
        made.append(Usage(UsageRecords(database), UsageLedger(now.date), lambda: now))
        return [UsageCommands(UsageReport(made[0]), NamedOwners(()), "!")]

    async with feature_stage(tmp_path, monkeypatch, make_cogs) as stage:
        ben, owner = await stage.sandbox.add_guest("Ben"), await stage.sandbox.add_guest("Olga")
        mira = await stage.sandbox.add_guest("Mira")
        let_manage(stage.sandbox, mira.id)
        owners.add(owner.id)
        here = stage.sandbox.home.guild.id
        for guest, tokens in ((stage.ada, 100), (ben, 2_000)):
            made[0].tokens(Account(here, guest.id), SERVER, tokens, 0, paid=True)
        made[0].tokens(Account(1, ben.id), SERVER, 30_000, 0, paid=True)
        yield Desk(stage, made[0], ben, mira, owner)


async def test_everybody_sees_only_their_own_figures(desk: Desk) -> None:
    shown = await desk.answer(desk.stage.ada)
    assert shown.startswith(f"{YOURS}\nToday: 100 tokens")
    assert "2,000" not in shown
    refused = await desk.stage.ask(f"!usage <@{desk.ben.id}>")
    assert refused.startswith("🔒 Only people who may manage this server")
    assert "Today: 100 tokens" in await desk.answer(desk.stage.ada, f"!usage <@{desk.stage.ada.id}>")


async def test_a_manager_sees_the_figures_of_this_server_and_of_no_other(desk: Desk) -> None:
    shown = await desk.answer(desk.mira)
    assert "📊 Nothing has been used by you" in shown
    assert HERE in shown
    assert f"<@{desk.ben.id}>: 2,000 tokens" in shown
    assert "30,000" not in shown
    assert "Today: 2,000 tokens" in await desk.answer(desk.mira, f"!usage <@{desk.ben.id}>")


async def test_a_person_is_found_by_the_name_that_is_typed_as_plain_text(desk: Desk) -> None:
    for typed in ("@Ben", "Ben", "@ben", "@ Ben", f"@{desk.ben.id}"):
        assert "**What Ben has used**" in await desk.answer(desk.mira, f"!usage {typed}"), typed
    await desk.stage.sandbox.add_guest("Ada Lovelace")
    assert "Nothing has been used by Ada Lovelace" in await desk.answer(desk.mira, "!usage @Ada Lovelace")
    nobody = await desk.stage.ask("!usage @Nobody Else", who=desk.mira)
    assert nobody.startswith("❌ I don't see anybody called `@Nobody Else` on this server.")
    refused = await desk.stage.ask("!usage @Ben")
    assert refused.startswith("🔒 Only people who may manage this server"), "a name tells nothing more than a mention"


async def test_of_two_people_with_one_name_none_is_guessed(desk: Desk) -> None:
    await desk.stage.sandbox.add_guest("BEN")
    several = await desk.stage.ask("!usage @bEn", who=desk.mira)
    assert several.startswith("❌ Several people are called `@bEn` here.")
    assert "**What Ben has used**" in await desk.answer(desk.mira, "!usage @Ben"), "the exact name decides"


async def test_an_owner_sees_all_servers(desk: Desk) -> None:
    shown = await desk.answer(desk.owner)
    assert EVERYWHERE in shown
    assert f"<@{desk.ben.id}>: 32,000 tokens" in shown
    assert "Today: 32,000 tokens" in await desk.answer(desk.owner, f"!usage <@{desk.ben.id}>")


async def test_only_the_person_sees_the_answer_to_the_slash_command(desk: Desk) -> None:
    pressed = await desk.stage.ada.press(desk.stage.sandbox.home.general, "usage")
    response = await pressed.response(LIMIT)
    assert response.content.startswith(YOURS)
    assert response.is_ephemeral
