"""Tests of the bot's profile picture: it is taken from a folder, and changes on schedule or on an owner's command."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.profile_picture.commands import ProfilePictureCommands
from bot.features.profile_picture.feature import NO_OTHER, TOO_FAST, ProfilePicture
from bot.features.profile_picture.folder import MAX_BYTES
from bot.features.profile_picture.records import PictureRecords
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import CLOCK_START, let_own, running
from tests.sandbox.test_profile import GIF
from tests.sandbox.test_rest import PNG
from tests.timing import LIMIT, Clock, wait_until

HOUR = 3600.0
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(20)
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8)


@dataclass(slots=True)
class Studio:
    """A bot that changes its profile picture, and the folder of the pictures."""

    stage: FeatureStage
    feature: ProfilePicture
    folder: Path
    clock: Clock

    def put(self, **pictures: bytes) -> None:
        """Write pictures to the folder. The argument ``a_png`` becomes the file "a.png"."""
        for name, data in pictures.items():
            (self.folder / name.replace("_", ".")).write_bytes(data)

    def shows(self, data: bytes) -> bool:
        return self.stage.sandbox.bot.avatar == hashlib.md5(data, usedforsecurity=False).hexdigest()

    async def shown(self, data: bytes) -> None:
        """Wait until the bot has this picture."""
        async with asyncio.timeout(LIMIT):
            while not self.shows(data):
                await asyncio.sleep(0.01)

    async def look(self) -> None:
        """Let the schedule check its clock a few times."""
        await asyncio.sleep(0.1)

    def forgive(self) -> None:
        """Delete the sandbox's record of recent changes, because its clock does not follow the test's clock."""
        self.stage.sandbox.world.avatars.reset_rate_limit()


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    folder, clock = tmp_path / "pictures", Clock(CLOCK_START)
    folder.mkdir()
    made: list[ProfilePicture] = []

    async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        records = PictureRecords(database)
        made.append(ProfilePicture(bot, records, folder, 24.0, clock=clock, poll=0.01))
        return [ProfilePictureCommands(made[0])]

    async with feature_stage(tmp_path, monkeypatch, cogs) as stage:
        let_own(stage.sandbox, stage.ada)
        yield Studio(stage, made[0], folder, clock)


async def test_the_pictures_take_turns_on_schedule_even_across_a_restart(studio: Studio) -> None:
    studio.put(a_png=PNG, b_gif=GIF, c_jpg=JPEG)
    async with running(studio.feature.run()):
        await studio.shown(PNG)
        studio.clock.pass_by(23 * HOUR)
        await studio.look()
        assert studio.shows(PNG)
    records = PictureRecords(studio.stage.database)
    restarted = ProfilePicture(studio.stage.bot, records, studio.folder, 24.0, clock=studio.clock, poll=0.01)
    async with running(restarted.run()):
        await studio.look()
        assert studio.shows(PNG), "a restart does not change the picture"
        studio.clock.pass_by(HOUR)
        await studio.shown(GIF)
        studio.forgive()
        studio.clock.pass_by(24 * HOUR)
        await studio.shown(JPEG)
        studio.clock.pass_by(24 * HOUR)
        await studio.shown(PNG)


async def test_an_owner_sees_the_pictures_and_asks_for_the_next(studio: Studio) -> None:
    studio.put(a_png=PNG, b_webp=WEBP)
    (studio.folder / "notes.txt").write_text("no picture")
    ask = studio.stage.ask
    assert await ask("!avatar list") == "🖼️ My pictures:\n▫️ a.png\n▫️ b.webp\nThe first change comes soon."
    assert await ask("!avatar next") == "🖼️ My picture is now a.png."
    assert studio.shows(PNG)
    pressed = await studio.stage.ada.press(studio.stage.sandbox.home.general, "avatar next")
    assert (await pressed.response(LIMIT)).content == "🖼️ My picture is now b.webp."
    assert studio.shows(WEBP)
    listed = await ask("!avatar")
    assert "▫️ a.png\n▶️ b.webp" in listed
    assert f"<t:{studio.clock.now + 24 * HOUR:.0f}:R>" in listed
    bob = await studio.stage.sandbox.add_guest("Bob")
    for command in ("!avatar next", "!avatar list", "!avatar"):
        assert "the people who run me" in await ask(command, who=bob)


async def test_two_changes_an_hour_are_the_limit_and_discord_is_not_even_asked_for_a_third(studio: Studio) -> None:
    studio.put(a_png=PNG, b_gif=GIF, c_jpg=JPEG)
    await studio.stage.ask("!avatar next", starts="🖼️")
    studio.clock.pass_by(20 * 60)
    await studio.stage.ask("!avatar next", starts="🖼️")
    studio.forgive()
    studio.clock.pass_by(60)
    assert (
        await studio.stage.ask("!avatar next")
        == "⏳ Discord limits how often I change my picture. Try again in 39 min."
    )
    assert studio.shows(GIF)
    studio.clock.pass_by(39 * 60)
    assert await studio.stage.ask("!avatar next") == "🖼️ My picture is now c.jpg."


async def test_a_call_that_begins_while_the_schedule_is_checked_delays_the_change_until_its_end(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.put(a_png=PNG)
    looking, go_on = asyncio.Event(), asyncio.Event()
    look = PictureRecords.refused_until

    async def look_slowly(records: PictureRecords) -> float:
        looking.set()
        await go_on.wait()
        return await look(records)

    monkeypatch.setattr(PictureRecords, "refused_until", look_slowly)
    async with running(studio.feature.run()):
        await looking.wait()
        await studio.feature.hold("a call")
        go_on.set()
        await studio.look()
        assert not studio.shows(PNG)
        await studio.feature.release()
        await studio.shown(PNG)


@pytest.mark.parametrize("by_status", [True, False])
async def test_a_refusal_by_discord_is_reported_and_waited_out(
    studio: Studio, by_status: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.put(a_png=PNG, b_gif=GIF)
    if by_status:
        monkeypatch.setattr("bot.features.profile_picture.feature.TIMEOUT", 0.2)
        studio.stage.sandbox.faults.rest.rate_limit("PATCH /users/@me", times=1, retry_after=518.4)
    else:
        user = studio.stage.bot.user
        assert user is not None
        await user.edit(avatar=JPEG)
        await user.edit(avatar=WEBP)
    assert await studio.stage.ask("!avatar next") == TOO_FAST
    studio.forgive()
    assert "Try again in 60 min" in await studio.stage.ask("!avatar next")
    async with running(studio.feature.run()):
        await studio.look()
        assert not studio.shows(PNG), "the change is due, but still waits"
    if by_status:
        return  # discord.py itself still waits as Discord has asked it to.
    async with running(studio.feature.run()):
        studio.clock.pass_by(HOUR)
        await studio.shown(PNG)


async def test_broken_files_are_skipped_with_a_line_in_the_log(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.put(a_png=b"MZ no picture", b_gif=b"", c_jpg=JPEG + bytes(MAX_BYTES), d_png=WEBP)
    (studio.folder / "e.png").mkdir()
    assert await studio.stage.ask("!avatar next") == "🖼️ My picture is now d.png."
    assert studio.shows(WEBP)
    for name in ("a.png", "b.gif", "c.jpg"):
        assert f"The picture {name} is skipped" in caplog.text
    assert await studio.stage.ask("!avatar next") == NO_OTHER


async def test_a_picture_that_discord_does_not_take_is_passed_over(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.put(a_png=PNG, b_gif=GIF)
    studio.stage.sandbox.faults.rest.fail("PATCH /users/@me", times=1, status=400)
    assert await studio.stage.ask("!avatar next") == "🖼️ My picture is now b.gif."
    assert "did not take the picture a.png" in caplog.text


async def test_a_missing_folder_is_reported(studio: Studio) -> None:
    studio.folder.rmdir()
    assert "can't read my folder" in await studio.stage.ask("!avatar next")
    assert "can't read my folder" in await studio.stage.ask("!avatar list")


async def test_a_change_that_comes_due_while_the_feature_is_held_happens_once_afterwards(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    studio.put(a_png=PNG, b_gif=GIF, c_jpg=JPEG)
    general = studio.stage.sandbox.home.general
    async with running(studio.feature.run()):
        await studio.shown(PNG)
        await studio.feature.hold("a call")
        said = await studio.stage.ada.say(general, "!avatar next")
        studio.clock.pass_by(100 * HOUR)
        await wait_until(lambda: "A change of the picture is put off" in caplog.text)
        await studio.look()
        assert studio.shows(PNG)
        assert studio.stage.ada.messages(general)[-1] is said
        assert caplog.text.count("A change of the picture is put off") == 1
        pressed = await studio.stage.ada.press(general, "avatar next")
        assert (await pressed.response(LIMIT)).is_ephemeral
        await studio.feature.release()
        await studio.shown(GIF)
        await studio.look()
        assert studio.shows(GIF), "the picture changes once, however often a change came due"
        studio.forgive()
        studio.clock.pass_by(24 * HOUR)
        await studio.shown(JPEG)
