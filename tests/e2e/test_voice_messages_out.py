"""Tests of voice messages that the bot sends, with its own voice: their words are recognised."""

from __future__ import annotations

import asyncio
import io

import numpy as np

from audio.decode import Bounds, decoded
from audio.samples import SPEAKING_RATE
from bot.features.voice_messages.feature import NO_VOICE
from sandbox.recogniser import SentenceRecogniser
from sandbox.voice.opus import SAMPLE_RATE
from sandbox.world.entities import Message, MessageFlag
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, voiced
from tests.features.recordings import recording
from tests.ogg import OggFacts

BOUNDS = Bounds(demuxers="ogg", codecs=frozenset({"opus"}), max_seconds=60)
TEXTS = ("Hello there, how are you today?", *UTTERANCES)


async def heard_in(message: Message) -> str:
    """The one of :data:`TEXTS` that is said in a voice message. Its flag and its stated length are checked too."""
    assert message.flags == MessageFlag.VOICE_MESSAGE
    upload = message.attachments[0].upload
    facts = OggFacts.read(upload.data)
    assert (facts.channels, facts.pages_fit, facts.samples) == (1, True, round((upload.seconds or 0) * SPEAKING_RATE))

    def recognise() -> str:
        sound = np.concatenate([*decoded(io.BytesIO(upload.data), SPEAKING_RATE, BOUNDS)])
        match = SentenceRecogniser(TEXTS).closest(sound, SPEAKING_RATE, TEXTS)
        assert match.agreement > 0.3
        return match.text

    return await asyncio.to_thread(recognise)


async def test_the_words_of_a_command_are_said_in_a_voice_message(stage: Stage) -> None:
    for channel, text in ((stage.sandbox.text_channel, TEXTS[0]), (stage.ada.dm_channel, TEXTS[1])):
        asked = await stage.ada.say(channel, f"!voice-message {text}")
        answer = await stage.ada.wait_for_message(channel, lambda m: m.author.bot, LIMIT, after=asked)
        assert answer.reference_id == asked.id
        assert await heard_in(answer) == text


async def test_without_a_speech_server_the_person_is_told_so(make_stage: StageMaker) -> None:
    async with make_stage(tts_websocket_url="ws://127.0.0.1:1/v1/audio/speech/stream") as stage:
        assert await stage.answer_to("!voice-message Hello there") == NO_VOICE


async def test_a_voice_message_is_answered_with_one_if_the_operator_wants_that(
    make_stage: StageMaker, speech_server: str
) -> None:
    spoken = UTTERANCES[0]
    sound = np.pad(await voiced("Ada", spoken), SAMPLE_RATE // 4)
    async with ScriptedModel(lambda _: Answer(TEXTS[0])) as model:
        settings = {"tts_websocket_url": speech_server, "llm_url": model.url, "chat_voice_answers": "true"}
        async with make_stage(**settings) as stage:
            private = stage.ada.dm_channel
            asked = await stage.ada.send_voice_message(private, recording(sound), len(sound) / SAMPLE_RATE)
            answer = await stage.ada.wait_for_message(private, lambda m: bool(m.attachments), LIMIT, after=asked)
            assert model.asked[-1][-1]["content"] == f"Ada: {spoken}"
            written = [m.content for m in stage.ada.messages(private) if m.author.bot and not m.attachments]
            assert written == [TEXTS[0]]
            assert answer.reference_id == asked.id
            assert await heard_in(answer) == TEXTS[0]
