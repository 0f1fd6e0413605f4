"""Tests of voice messages that the bot sends with a scripted voice. The sandbox checks them as Discord does."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from discord.ext import commands

from audio.decode import Bounds, decoded
from audio.level import rms
from audio.samples import SPEAKING_RATE, Samples
from bot.access import RateLimit
from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.voice_messages.commands import VoiceMessageCommands
from bot.features.voice_messages.feature import (
    ALREADY,
    AS_A_FILE,
    HELD,
    MAX_CHARACTERS,
    MAX_SECONDS,
    NO_FILES,
    NO_VOICE,
    NO_WORDS,
    NOT_TAKEN,
    STOPPED,
    TOO_LONG,
    VoiceMessages,
)
from bot.speech_server.errors import SpeechUnavailable
from sandbox.world.entities import Channel, Message, MessageFlag
from sandbox.world.permissions import Permission
from tests.features.scripted_voice import ScriptedVoice
from tests.features.stage import FeatureStage, feature_stage
from tests.ogg import OggFacts
from tests.timing import LIMIT
from tests.tones import tone

BOUNDS = Bounds(demuxers="ogg", codecs=frozenset({"opus"}), max_seconds=60)


@dataclass(slots=True)
class Studio:
    """The bot with voice messages."""

    stage: FeatureStage
    feature: VoiceMessages
    voice: ScriptedVoice

    @property
    def general(self) -> Channel:
        return self.stage.sandbox.home.general

    async def next(self, after: Message, channel: Channel | None = None) -> Message:
        """The bot's next message after this one."""
        return await self.stage.ada.wait_for_message(
            channel or self.general, lambda m: m.author.bot, LIMIT, after=after
        )

    async def until_asked(self, count: int) -> None:
        """Wait until the voice was asked to speak ``count`` times."""
        async with asyncio.timeout(LIMIT):
            while len(self.voice.asked) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    voice, made = ScriptedVoice(), []

    async def make_cogs(bot: SeiyuuBot, _: Database) -> Sequence[commands.Cog]:
        made.append(VoiceMessages(bot, voice.say, RateLimit("4/600")))
        return [VoiceMessageCommands(made[0])]

    async with feature_stage(tmp_path, monkeypatch, make_cogs) as stage:
        yield Studio(stage, made[0], voice)


def sound_of(message: Message) -> Samples:
    """The sound of a message with one file."""
    (attachment,) = message.attachments
    return np.concatenate([*decoded(io.BytesIO(attachment.upload.data), SPEAKING_RATE, BOUNDS)])


async def test_a_text_is_said_in_a_voice_message_that_replies_to_the_command(studio: Studio) -> None:
    asked = await studio.stage.ada.say(studio.general, "!voice-message  Hello <@1>, **there**\n||you||! ")
    answer = await studio.next(asked)
    assert answer.flags == MessageFlag.VOICE_MESSAGE
    assert (answer.content, answer.reference_id, answer.mentions) == ("", asked.id, ())
    assert studio.voice.asked == [("Hello someone, **there** you!", studio.stage.sandbox.guild.id)]
    (attachment,) = answer.attachments
    assert (attachment.upload.filename, attachment.upload.content_type) == ("voice-message.ogg", "audio/ogg")
    assert attachment.upload.seconds == 0.75
    assert OggFacts.read(attachment.upload.data).samples == 0.75 * SPEAKING_RATE
    assert rms(sound_of(answer)) == pytest.approx(rms(tone(0.75)), rel=0.05)
    assert len(base64.b64decode(attachment.upload.waveform or "")) == 8


async def test_the_slash_command_shows_the_text_for_those_who_can_not_hear(studio: Studio) -> None:
    ada = studio.stage.ada
    await studio.stage.sandbox.command_registered("voice-message", LIMIT)
    pressed = await ada.press(studio.general, "voice-message", text="Hello there, @everyone")
    response = await pressed.response(LIMIT)
    assert response.content == "🗣️ Hello there, @everyone"
    assert not response.mention_everyone
    spoken = [m for m in ada.messages(studio.general) if m.flags == MessageFlag.VOICE_MESSAGE]
    assert len(spoken) == 1


async def test_in_a_private_channel_the_voice_of_that_channel_speaks(studio: Studio) -> None:
    private = studio.stage.ada.dm_channel
    asked = await studio.stage.ada.dm("!voice-message Hello there")
    answer = await studio.next(asked, private)
    assert answer.flags == MessageFlag.VOICE_MESSAGE
    assert studio.voice.asked == [("Hello there", private.id)]


async def test_without_the_permission_the_sound_comes_as_a_file_with_a_sentence(studio: Studio) -> None:
    sandbox = studio.stage.sandbox
    sandbox.faults.deny(sandbox.bot, studio.general, Permission.SEND_VOICE_MESSAGES)
    asked = await studio.stage.ada.say(studio.general, "!voice-message Hello there")
    answer = await studio.next(asked)
    assert (answer.content, answer.flags) == (AS_A_FILE, MessageFlag.NONE)
    assert len(sound_of(answer)) == pytest.approx(0.75 * SPEAKING_RATE, rel=0.02)
    sandbox.faults.deny(sandbox.bot, studio.general, Permission.ATTACH_FILES)
    asked = await studio.stage.ada.say(studio.general, "!voice-message Hello there")
    assert (await studio.next(asked)).content == NO_FILES
    assert len(studio.voice.asked) == 1, "nothing is spoken in vain"


async def test_without_the_right_to_read_the_history_a_voice_message_replies_to_nothing(studio: Studio) -> None:
    sandbox = studio.stage.sandbox
    sandbox.faults.deny(sandbox.bot, studio.general, Permission.READ_MESSAGE_HISTORY)
    asked = await studio.stage.ada.say(studio.general, "!voice-message Hello there")
    answer = await studio.next(asked)
    assert (answer.flags, answer.reference_id) == (MessageFlag.VOICE_MESSAGE, None)


async def test_texts_that_can_not_be_said_are_reported(studio: Studio) -> None:
    told = "❌ Something is missing. Use it like this: `!voice-message TEXT`"
    assert (await studio.stage.ask("!voice-message")).startswith(told)
    long = await studio.stage.ada.say(studio.general, f"!voice-message {'a' * (MAX_CHARACTERS + 1)}")
    assert f"too long: the limit is {MAX_CHARACTERS} characters" in (await studio.next(long)).content
    assert await studio.stage.ask("!voice-message \u200b") == NO_WORDS
    assert studio.voice.asked == []
    studio.voice.sounds = ()
    assert await studio.stage.ask("!voice-message 🙂") == NO_WORDS
    studio.voice.sounds = [tone(0.5), np.zeros(int(MAX_SECONDS) * SPEAKING_RATE, np.float32)]
    assert await studio.stage.ask("!voice-message Hello") == TOO_LONG
    assert studio.voice.open == 0


async def test_without_a_voice_people_are_told_and_it_works_again_when_there_is_one(studio: Studio) -> None:
    studio.voice.error = SpeechUnavailable("No speech server answers at ws://10.0.0.7:8765.")
    assert await studio.stage.ask("!voice-message Hello") == NO_VOICE
    studio.voice.error = None
    asked = await studio.stage.ada.say(studio.general, "!voice-message Hello")
    assert (await studio.next(asked)).flags == MessageFlag.VOICE_MESSAGE


async def test_a_message_that_discord_does_not_take_is_reported(studio: Studio) -> None:
    studio.stage.sandbox.faults.rest.fail("POST /channels/*/messages", times=1, status=400)
    assert await studio.stage.ask("!voice-message Hello") == NOT_TAKEN


async def test_during_a_call_nothing_is_spoken(studio: Studio) -> None:
    await studio.feature.hold("a call")
    assert await studio.stage.ask("!voice-message Hello") == HELD
    assert studio.voice.asked == []
    await studio.feature.release()
    asked = await studio.stage.ada.say(studio.general, "!voice-message Hello")
    assert (await studio.next(asked)).flags == MessageFlag.VOICE_MESSAGE


async def test_a_call_that_begins_stops_a_voice_message_that_is_being_spoken(studio: Studio) -> None:
    studio.voice.may_speak.clear()
    asked = await studio.stage.ada.say(studio.general, "!voice-message Hello")
    await studio.until_asked(1)
    await studio.feature.hold("a call")
    assert studio.voice.open == 0
    assert (await studio.next(asked)).content == STOPPED


async def test_voice_messages_are_spoken_one_by_one_and_limited_for_each_person(studio: Studio) -> None:
    ada, ben = studio.stage.ada, await studio.stage.sandbox.add_guest("Ben")
    studio.voice.may_speak.clear()
    first = await ada.say(studio.general, "!voice-message one")
    await studio.until_asked(1)
    assert await studio.stage.ask("!voice-message two") == ALREADY
    other = await ben.say(studio.general, "!voice-message three")
    studio.voice.may_speak.set()
    await ada.wait_for_message(studio.general, lambda m: m.reference_id == first.id and bool(m.attachments), LIMIT)
    await ada.wait_for_message(studio.general, lambda m: m.reference_id == other.id and bool(m.attachments), LIMIT)
    assert [text for text, _ in studio.voice.asked] == ["one", "three"]
    assert studio.voice.most_open == 1
    for number in range(3):
        asked = await ada.say(studio.general, f"!voice-message {number}")
        assert (await studio.next(asked)).flags == MessageFlag.VOICE_MESSAGE
    assert (await studio.stage.ask("!voice-message again")).startswith("⏳ A little slower, please")
