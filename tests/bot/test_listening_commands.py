"""Tests of the listening commands, typed and as slash commands on the sandbox, with the real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import discord
import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands.listening import ListeningCommands
from bot.consent import ListeningConsent
from bot.llm.spoken_lines import Announcement
from bot.store import Store
from bot.voice.discord.link import VoiceChannel
from bot.voice.listening_notice import CallMode
from bot.voice.records.recorder import RecordingError
from config.sections import Captions, ListeningPolicy
from sandbox.guest import Guest
from sandbox.server import Sandbox
from tests.connected_bot import connected_bot
from tests.guards import make_guard
from tests.timing import LIMIT


@dataclass(slots=True)
class Recordings:
    """The recordings of a call."""

    call: Call
    on: bool = False
    disk_full: bool = False

    async def start(self, written: str) -> None:
        if self.disk_full:
            raise RecordingError("I can't record: the disk is nearly full.")
        await self.call.announce(written, Announcement.RECORDING_BEGAN)
        self.on = True

    async def stop(self) -> None:
        self.on = False


@dataclass(slots=True)
class Call:
    """The part of a call that the commands use. Announcements go to the general channel."""

    channel: VoiceChannel
    prompts: discord.TextChannel
    listening: bool = True
    captions: Captions = Captions.OFF
    mode: CallMode = CallMode.TALK
    said_aloud: list[Announcement] = field(default_factory=list)
    recordings: Recordings = field(init=False)

    def __post_init__(self) -> None:
        self.recordings = Recordings(self)

    async def announce(self, written: str, spoken: Announcement | None = None) -> None:
        await self.prompts.send(written)
        if spoken:
            self.said_aloud.append(spoken)


@dataclass(slots=True)
class Stage:
    """A bot with only the listening commands, and Ada, who is in the lounge."""

    sandbox: Sandbox
    bot: SeiyuuBot
    consent: ListeningConsent
    ada: Guest
    call: Call | None = None

    def begin_call(self) -> Call:
        voice = self.bot.get_channel(self.sandbox.home.lounge.id)
        prompts = self.bot.get_channel(self.sandbox.home.general.id)
        self.call = Call(cast(VoiceChannel, voice), cast(discord.TextChannel, prompts))
        return self.call

    async def ask(self, text: str, who: Guest | None = None) -> str:
        """Type in the side channel. Returns the answer there."""
        guest = who or self.ada
        await guest.say(self.sandbox.home.side, text)
        return (await guest.wait_for_message(self.sandbox.home.side, timeout=LIMIT)).content

    async def announced(self, words: str) -> str:
        """The announcement in the general channel with these words."""
        message = await self.ada.wait_for_message(self.sandbox.home.general, lambda m: words in m.content, LIMIT)
        return message.content


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with Store.opened(tmp_path / "seiyuu.sqlite3") as store, Sandbox() as sandbox:
        consent = await ListeningConsent.load(store, ListeningPolicy.OPT_OUT)
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.home.lounge)
        stage: Stage
        guard = make_guard(lambda _: stage.call.channel if stage.call else None, who_may_record="call")

        async def make_cogs(bot: SeiyuuBot) -> Sequence[commands.Cog]:
            nonlocal stage
            stage = Stage(sandbox, bot, consent, ada)
            return [ListeningCommands(lambda guild: stage.call, consent, "!")]

        async with connected_bot(sandbox, monkeypatch, store, guard, make_cogs):
            await sandbox.command_registered("optout", LIMIT)
            yield stage


async def test_people_may_opt_out_without_a_call_even_in_private(stage: Stage) -> None:
    for command in ("!listen off", "!record on", "!captions thread", "!mode transcribe"):
        assert await stage.ask(command) == "No active voice session"
    await stage.ada.dm("!optout")
    answer = await stage.ada.wait_for_message(stage.ada.dm_channel, timeout=LIMIT)
    assert "don't listen to you any more" in answer.content
    assert not stage.consent.admits(stage.ada.id)


async def test_only_the_person_who_opts_out_sees_the_answer_of_the_slash_command(stage: Stage) -> None:
    bob = await stage.sandbox.add_guest("Bob")
    pressed = await stage.ada.press(stage.sandbox.home.general, "optout")
    assert "`!optin` undoes it" in (await pressed.response(LIMIT)).content
    assert not stage.consent.admits(stage.ada.id)
    assert stage.consent.admits(bob.id)
    assert not any("listen" in message.content for message in bob.messages(stage.sandbox.home.general))
    pressed = await stage.ada.press(stage.sandbox.home.general, "optin")
    assert "I listen to you" in (await pressed.response(LIMIT)).content
    assert stage.consent.admits(stage.ada.id)


async def test_listening_is_shown_and_switched_for_everyone(stage: Stage) -> None:
    call = stage.begin_call()
    assert "to you too" in await stage.ask("!listen")
    await stage.ask("!optout")
    assert "but not to you" in await stage.ask("!listen")
    for state in ("off", "on"):
        assert ("to anybody" in await stage.ask(f"!listen {state}")) is (state == "off")
        assert call.listening is (state == "on")
    assert "`!listen [on|off]`" in await stage.ask("!listen perhaps")


async def test_the_beginning_and_end_of_a_recording_are_announced_in_writing_and_aloud(stage: Stage) -> None:
    call = stage.begin_call()
    assert await stage.ask("!record on") == "🔴 I'm recording."
    assert "Ada asked for it" in await stage.announced("being recorded")
    bob = await stage.sandbox.add_guest("Bob")
    await bob.join_voice(stage.sandbox.home.lounge)
    await stage.announced("Bob, this call is being recorded")
    assert await stage.ask("!record off") == "⏹️ I'm not recording."
    await stage.announced("nothing is recorded any more")
    assert call.said_aloud == [Announcement.RECORDING_BEGAN, Announcement.RECORDING_ENDED]


async def test_only_people_in_the_call_may_record_it_and_a_full_disk_is_reported(stage: Stage) -> None:
    call = stage.begin_call()
    bob = await stage.sandbox.add_guest("Bob")
    refused = "🔒 `!record` is for people in the call, and people who may manage this server."
    assert await stage.ask("!record on", bob) == refused
    assert await stage.ask("!record", bob) == "⏹️ I'm not recording.", "everybody may know whether the call is recorded"
    call.recordings.disk_full = True
    assert await stage.ask("!record on") == "❌ I can't record: the disk is nearly full."
    assert not call.recordings.on
    assert not any("recorded" in message.content for message in stage.ada.messages(stage.sandbox.home.general))


async def test_nobody_is_recorded_without_an_announcement(stage: Stage) -> None:
    call = stage.begin_call()
    stage.sandbox.world.delete_channel(stage.sandbox.home.general)
    assert "went wrong" in await stage.ask("!record on")
    assert not call.recordings.on


async def test_captions_and_the_mode_are_shown_and_switched(stage: Stage) -> None:
    call = stage.begin_call()
    assert "Captions are off" in await stage.ask("!captions")
    assert "in a thread" in await stage.ask("!captions thread")
    assert call.captions is Captions.THREAD
    assert "I answer what I hear" in await stage.ask("!mode")
    await stage.ask("!captions off")
    assert "only write down" in await stage.ask("!mode transcribe")
    assert (call.mode, call.captions) == (CallMode.TRANSCRIBE, Captions.CHANNEL)
    assert "`!mode talk` first" in await stage.ask("!captions off"), (
        "without captions, the mode transcribe would do nothing"
    )
    assert "Captions are on" in await stage.ask("!mode talk"), "the mode transcribe has switched them on"
    assert call.mode is CallMode.TALK
