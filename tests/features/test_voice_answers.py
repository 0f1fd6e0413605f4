"""Tests of spoken answers: the bot answers a voice message in writing, and says the answer in a voice message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.access import RateLimit
from bot.features.voice_messages.feature import CANT_SAY_ANSWER, MAX_CHARACTERS, VoiceMessages
from bot.speech_server.errors import SpeechUnavailable
from sandbox.world.entities import Channel, Message, MessageFlag, Upload
from sandbox.world.permissions import Permission
from tests.e2e.scripted_model import Answer, Fault
from tests.features.message_stage import MessageStage, message_stage
from tests.features.recordings import recording
from tests.features.scripted_voice import ScriptedVoice
from tests.timing import LIMIT

OGG = recording(1.5)


@dataclass(slots=True)
class Talk:
    """The bot, whose answers to voice messages are said."""

    stage: MessageStage
    voice: ScriptedVoice
    voice_messages: VoiceMessages

    async def ask(self, channel: Channel | None = None) -> Message:
        """Ada sends a voice message (default: in private)."""
        return await self.stage.ada.send_voice_message(channel or self.stage.ada.dm_channel, OGG, 1.5)

    async def said(self, asked: Message) -> Message:
        """The voice message that replies to a message."""
        return await self.stage.ada.wait_for_message(
            self.stage.sandbox.world.directory.channel(asked.channel_id),
            lambda m: m.flags == MessageFlag.VOICE_MESSAGE and m.reference_id == asked.id,
            LIMIT,
            after=asked,
        )

    def spoken(self, channel: Channel) -> list[Message]:
        """The bot's voice messages in a channel."""
        messages = self.stage.ada.messages(channel)
        return [each for each in messages if each.author.bot and each.flags == MessageFlag.VOICE_MESSAGE]


@pytest.fixture
async def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Talk]:
    async with message_stage(tmp_path, monkeypatch) as stage:
        voice = ScriptedVoice()
        voice_messages = VoiceMessages(stage.stage.bot, voice.say, RateLimit("1/600"))
        stage.chat.say_answer = voice_messages.answer
        yield Talk(stage, voice, voice_messages)


async def test_the_answer_to_a_voice_message_is_written_and_then_said(talk: Talk) -> None:
    private = talk.stage.ada.dm_channel
    asked = await talk.ask()
    said = await talk.said(asked)
    assert [m.content for m in talk.stage.ada.messages(private) if m.author.bot] == ["I see.", ""]
    assert said.attachments[0].upload.seconds == 0.75
    assert said.mentions == ()
    assert talk.voice.asked == [("I see.", private.id)]
    asked = await talk.ask()
    await talk.said(asked)
    assert len(talk.voice.asked) == 2, "the limit for the command voice-message does not count answers"


async def test_what_is_typed_is_answered_in_writing_and_so_is_a_sound_file(talk: Talk) -> None:
    ada, private = talk.stage.ada, talk.stage.ada.dm_channel
    typed = await ada.dm("hello")
    await talk.stage.answer_to(typed)
    file = await ada.dm("sum up", attachments=[Upload("memo.ogg", OGG, "audio/ogg")])
    await talk.stage.answer_to(file)
    spoken = await talk.ask()
    await talk.said(spoken)
    about = await ada.dm("what did I say?", reply_to=spoken)
    await talk.stage.answer_to(about)
    await talk.said(await talk.ask())
    assert len(talk.voice.asked) == 2
    assert len(talk.spoken(private)) == 2


async def test_the_answer_is_only_written_where_the_bot_may_send_no_voice_messages(talk: Talk) -> None:
    sandbox, general = talk.stage.sandbox, talk.stage.general
    sandbox.faults.deny(sandbox.bot, general, Permission.SEND_VOICE_MESSAGES)
    first = await talk.stage.ada.say(general, f"{talk.stage.me} hello")
    await talk.stage.answer_to(first)
    answer = next(m for m in talk.stage.ada.messages(general) if m.reference_id == first.id)
    asked = await talk.stage.ada.send_voice_message(general, OGG, 1.5, reply_to=answer)
    assert await talk.stage.answer_to(asked) == "I see."
    await talk.said(await talk.ask())
    assert talk.spoken(general) == []
    assert len(talk.voice.asked) == 1, "nothing is spoken in vain"


async def test_without_a_voice_people_are_told_once_until_it_is_back(talk: Talk) -> None:
    talk.voice.error = SpeechUnavailable("No speech server answers.")
    asked = await talk.ask()
    assert await talk.stage.answer_to(asked, "I see.")
    assert await talk.stage.answer_to(asked, "-# 🔇") == CANT_SAY_ANSWER
    await talk.stage.answer_to(await talk.ask())
    talk.voice.error = None
    await talk.said(await talk.ask())
    told = [m.content for m in talk.stage.ada.messages(talk.stage.ada.dm_channel) if m.content == CANT_SAY_ANSWER]
    assert len(told) == 1
    talk.voice.error = SpeechUnavailable("No speech server answers.")
    assert await talk.stage.answer_to(await talk.ask(), "-# 🔇") == CANT_SAY_ANSWER


async def test_a_long_answer_is_only_written_and_so_is_the_models_error(talk: Talk) -> None:
    talk.stage.model.script = lambda _: Answer("very long. " * (MAX_CHARACTERS // 10))
    await talk.stage.answer_to(await talk.ask(), "very long.")
    talk.stage.model.script = lambda _: Answer(fault=Fault.STATUS_500)
    await talk.stage.answer_to(await talk.ask(), "❌")
    talk.stage.model.script = lambda _: Answer("I see.")
    await talk.said(await talk.ask())
    assert [text for text, _ in talk.voice.asked] == ["I see."]


async def test_what_waited_for_the_end_of_a_call_is_said_after_it(talk: Talk) -> None:
    for held in (talk.stage.chat, talk.voice_messages):
        await held.hold("a call")
    asked = await talk.ask()
    await talk.stage.ada.wait_for_reaction(asked, "🎤", LIMIT)
    assert talk.voice.asked == []
    for held in (talk.voice_messages, talk.stage.chat):
        await held.release()
    await talk.said(asked)


async def test_a_call_that_begins_before_an_answer_is_said_leaves_only_the_written_one(talk: Talk) -> None:
    talk.voice.may_speak.clear()
    asked = await talk.ask()
    assert await talk.stage.answer_to(asked) == "I see."
    while not talk.voice.asked:
        await talk.stage.nothing_is_asked()
    await talk.voice_messages.hold("a call")
    assert talk.voice.open == 0
    assert talk.spoken(talk.stage.ada.dm_channel) == []
