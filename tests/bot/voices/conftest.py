"""A bot with only the voice commands, on the sandbox, with a scripted speech server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import aiohttp
import numpy as np
import pytest
from discord.ext import commands

from audio.samples import HEARING_RATE, Sound16
from bot.client import SeiyuuBot
from bot.commands.voice_recording import VoiceRecordings
from bot.commands.voices import VoicesCommands
from bot.database import Database
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.store import Store
from bot.voice.discord.link import VoiceChannel
from bot.voice.records.voice_sample import SampleError
from bot.voice.turn import Prompt
from bot.voices.introductions import load_introductions
from bot.voices.voices import Voices
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message, Upload
from tests.bot.voices.voice_server import VoiceServer, voice_server
from tests.connected_bot import connected_bot
from tests.guards import make_guard
from tests.timing import LIMIT

SOUND = Upload("robin.ogg", b"OggS and so on", "audio/ogg")


@dataclass(slots=True)
class Samples:
    """Records one second of a person, or raises ``fault`` if set."""

    fault: SampleError | None = None
    people: list[int] = field(default_factory=list)

    async def take(self, person: int) -> Sound16:
        self.people.append(person)
        if self.fault is not None:
            raise self.fault
        return np.full(HEARING_RATE, 0.5, np.float32)


@dataclass(slots=True)
class Call:
    """The part of a call that the commands use."""

    channel: VoiceChannel
    samples: Samples = field(default_factory=Samples)
    said: list[Prompt] = field(default_factory=list)


@dataclass(slots=True)
class Stage:
    """A bot with only these commands. Ada and Ben are in the lounge, and both may clone voices."""

    sandbox: Sandbox
    bot: SeiyuuBot
    server: VoiceServer
    voices: Voices
    ada: Guest
    ben: Guest
    recordings: VoiceRecordings
    call: Call | None = None

    def begin_call(self) -> Call:
        self.call = Call(cast(VoiceChannel, self.bot.get_channel(self.sandbox.home.lounge.id)))
        return self.call

    def call_on(self, guild: int) -> Call | None:
        return self.call if self.call is not None and self.call.channel.guild.id == guild else None

    def say(self, guild: int, prompt: Prompt) -> bool:
        if self.call is None or guild != self.sandbox.guild.id:
            return False
        self.call.said.append(prompt)
        return True

    async def ask(self, text: str, *files: Upload, who: Guest | None = None, to: Message | None = None) -> Message:
        """Type in the general channel. Returns the first answer."""
        guest = who or self.ada
        await guest.say(self.sandbox.home.general, text, attachments=files, reply_to=to)
        return await self.told("", guest)

    async def told(self, words: str, guest: Guest | None = None) -> Message:
        """The bot's message that has these words, or has them after an edit."""
        return await (guest or self.ada).wait_for_message(
            self.sandbox.home.general, lambda m: m.author.bot and words in m.content, LIMIT
        )


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with (
        Database.opened(tmp_path / "seiyuu.sqlite3") as database,
        voice_server() as server,
        aiohttp.ClientSession() as http,
        Sandbox() as sandbox,
    ):
        ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
        await ada.join_voice(sandbox.home.lounge)
        await ben.join_voice(sandbox.home.lounge)
        stage: Stage
        guard = make_guard(lambda _: stage.call.channel if stage.call else None, who_may_clone=f"{ada.id},{ben.id}")
        voices = await Voices.load(SpeechServerClient(http, ServerAddress(server.url)), database, "!")
        recordings = VoiceRecordings(lambda guild: stage.call_on(guild), "!", answer_seconds=LIMIT, count_down=0)

        async def make_cogs(bot: SeiyuuBot) -> Sequence[commands.Cog]:
            nonlocal stage
            stage = Stage(sandbox, bot, server, voices, ada, ben, recordings)
            return [VoicesCommands(voices, load_introductions(), recordings, stage.say, "de", "!")]

        async with connected_bot(sandbox, monkeypatch, Store(database), guard, make_cogs):
            await sandbox.command_registered("voice", LIMIT)
            yield stage
