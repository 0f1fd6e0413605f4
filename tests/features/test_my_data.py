"""The commands ``my-data`` and ``erase-me``: only the person who uses them sees the file and can say yes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands import json_file
from bot.commands.my_data import ALWAYS_STAYS, KEPT, NOT_TOLD, NOTHING, TOLD, MyDataCommands
from bot.commands.private_answer import SENT
from bot.database import Database
from bot.personal_data.personal_data import Erased, JsonValue, PersonalStores, Subject
from sandbox.guest import Guest
from sandbox.world.entities import Message
from tests.features.stage import FeatureStage, feature_stage
from tests.timing import LIMIT


@dataclass
class Notes:
    """A store with texts of people."""

    name = "your notes"
    of: dict[int, list[str]] = field(default_factory=dict)
    subjects: list[Subject] = field(default_factory=list)

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        self.subjects.append(subject)
        return cast(Sequence[JsonValue], self.of.get(subject.id, []))

    async def erase(self, subject: Subject) -> Erased:
        self.subjects.append(subject)
        return Erased(len(self.of.pop(subject.id, [])), "The *last* note stays.")


@dataclass
class Desk:
    """The bot with its commands, the notes, and Ben."""

    stage: FeatureStage
    notes: Notes
    ben: Guest

    async def question(self) -> Message:
        await self.stage.ask("!erase-me", starts="🗑️ Delete everything")
        return await self.stage.told("🗑️ Delete everything")

    async def private(self, starts: str) -> Message:
        ada = self.stage.ada
        return await ada.wait_for_message(
            ada.dm_channel, lambda m: m.author.bot and m.content.startswith(starts), LIMIT
        )


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    notes = Notes()

    async def make_cogs(_: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        return [MyDataCommands(PersonalStores([notes], database.erase_traces), "!")]

    async with feature_stage(tmp_path, monkeypatch, make_cogs) as stage:
        notes.of = {stage.ada.id: ["I like tea", "привет 你好 \ud83d"], 5: ["somebody else's"]}
        yield Desk(stage, notes, await stage.sandbox.add_guest("Ben"))


def content_of(message: Message) -> Any:
    (file,) = message.attachments
    data = file.upload.data
    if file.upload.filename.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            (name,) = packed.namelist()
            data = packed.read(name)
    return json.loads(data)


async def test_the_file_goes_only_to_the_person_whose_data_it_has(desk: Desk) -> None:
    stage = desk.stage
    assert await stage.ask("!my-data") == SENT
    sent = await desk.private("🗂️ This is all")
    assert content_of(sent)["your notes"] == ["I like tea", "привет 你好 �"]
    assert desk.notes.subjects[-1] == Subject(stage.ada.id, stage.ada.dm_channel.id)
    pressed = await stage.ada.press(stage.sandbox.home.general, "my-data")
    shown = await pressed.response(LIMIT)
    assert shown.is_ephemeral
    assert content_of(shown)["your notes"][0] == "I like tea"
    assert await stage.ask("!my-data", who=desk.ben) == NOTHING
    stage.ada.user.takes_dms = False
    assert "use `/my-data`" in await stage.ask("!my-data")


async def test_a_large_file_is_packed_and_one_that_is_too_large_is_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.notes.of[desk.stage.ada.id] = [f"Fact number {number} about tea" for number in range(10_000)]
    monkeypatch.setattr(json_file, "MAX_BYTES", 200_000)
    await desk.stage.ask("!my-data")
    sent = await desk.private("🗂️ This is all")
    assert len(content_of(sent)["your notes"]) == 10_000
    monkeypatch.setattr(json_file, "MAX_BYTES", 100)
    await desk.stage.ask("!my-data")
    assert f"memory export --person {desk.stage.ada.id}" in (await desk.private("❌ What I have stored")).content


async def test_only_the_person_who_asked_can_confirm_the_erasing(desk: Desk) -> None:
    stage = desk.stage
    asked = await desk.question()
    pressed = await desk.ben.click(asked, "yes")
    assert (await pressed.response(LIMIT)).content == "🔒 Only Ada can answer that."
    await stage.ada.click(asked, "no")
    await stage.told(KEPT)
    assert len(desk.notes.of) == 2

    asked = await desk.question()
    await stage.ada.click(asked, "yes")
    await stage.told(TOLD)
    told = (await desk.private("🗑️ What I had stored")).content
    assert "- your notes: 2" in told
    assert "- The *last* note stays." in told
    assert all(text in told for text in ALWAYS_STAYS)
    assert [*desk.notes.of] == [5]


async def test_a_person_who_takes_no_direct_messages_is_told_how_to_see_what_stays(desk: Desk) -> None:
    desk.stage.ada.user.takes_dms = False
    await desk.stage.ada.click(await desk.question(), "yes")
    await desk.stage.told(NOT_TOLD)
    assert [*desk.notes.of] == [5]


async def test_only_the_person_sees_the_answers_to_the_slash_command(desk: Desk) -> None:
    stage, general = desk.stage, desk.stage.sandbox.home.general
    pressed = await stage.ada.press(general, "erase-me")
    question = await pressed.response(LIMIT)
    assert question.is_ephemeral
    await stage.ada.click(question, "yes")
    told = await stage.ada.wait_for_message(general, lambda m: m.content.startswith("🗑️ What I had stored"), LIMIT)
    assert told.is_ephemeral
    assert [*desk.notes.of] == [5]
    assert [message for message in desk.ben.messages(general) if message.author.bot] == []
