"""What OpenAI's client may set on ``/v1/realtime``: instructions, voice, telephone sound; tools are refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from audio.g711 import Law, decode_g711, encode_g711
from audio.pcm import to_int16
from bot.voice.wishes import NO_WISHES, Wishes
from sandbox.speech import ADA, speech
from tests.bot.http.chat_house import ChatHouse
from tests.bot.http.realtime.test_openai_client import REPLY, Listener, house_with, pieces, talking
from tests.tones import silence
from tests.voice.doubles import HummingSpeech
from wire.messages import ClientMessage, Speak
from wire.parameters import SpeechParameters


class NotedSpeech(HummingSpeech):
    """A speech server that notes how it was asked to speak."""

    def __init__(self, manners: list[SpeechParameters]) -> None:
        super().__init__()
        self._manners = manners

    async def send(self, message: ClientMessage) -> None:
        if isinstance(message, Speak) and message.token:
            self._manners.append(message.parameters)
        await super().send(message)


async def ask(it: Listener, **response: Any) -> Any:
    await it.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
    )
    await it.connection.response.create(**({"response": response} if response else {}))  # type: ignore[arg-type]
    return await it.until("response.done")


def wishes(house: ChatHouse) -> Wishes:
    return house.call.transport.wishes


async def test_instructions_and_a_voice_hold_for_all_answers(tmp_path: Path) -> None:
    manners = list[SpeechParameters]()
    async with house_with(tmp_path, lambda: NotedSpeech(manners)) as house, talking(house) as it:
        await it.connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Talk like a pirate.",
                "audio": {"output": {"voice": {"id": "joe"}, "speed": 1.25}},
            }
        )
        session = (await it.until("session.updated")).session
        assert (session.instructions, session.audio.output.voice) == ("Talk like a pirate.", "joe")
        assert wishes(house) == Wishes("Talk like a pirate.", "joe", 1.25)
        for _ in range(2):
            await ask(it)
        assert [(each.voice, each.speed) for each in manners if each.voice] == [("joe", 1.25)] * 2
        await it.connection.session.update(
            session={"type": "realtime", "instructions": "", "audio": {"output": {"voice": "alloy"}}}
        )
        assert (await it.until("session.updated")).session.audio.output.voice == "alloy"
        # OpenAI's own voices mean the usual one.
        assert wishes(house) == Wishes("", None, 1.25)


async def test_one_answer_can_have_instructions_and_a_voice_of_its_own(tmp_path: Path) -> None:
    manners = list[SpeechParameters]()
    async with house_with(tmp_path, lambda: NotedSpeech(manners)) as house, talking(house) as it:
        done = await ask(it, instructions="Be brief.", audio={"output": {"voice": "joe"}}, output_modalities=["text"])
        assert done.response.output[0].content[0].text == REPLY
        assert "joe" in [each.voice for each in manners]
        assert wishes(house) == NO_WISHES
        manners.clear()
        done = await ask(it)
        assert done.response.output[0].content[0].transcript == REPLY
        assert {each.voice for each in manners} == {None}


async def test_tools_are_refused_in_words_and_nothing_of_the_update_is_taken(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        await it.connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Call the tool.",
                "tools": [{"type": "function", "name": "weather", "parameters": {}}],
            }
        )
        error = (await it.until("error")).error
        assert (error.param, "no tools" in error.message) == ("session.tools", True)
        assert wishes(house) == NO_WISHES
        await it.connection.session.update(session={"type": "realtime", "tools": [], "tool_choice": "auto"})
        assert (await it.until("session.updated")).session.tools == []


async def test_instructions_without_anything_to_answer_are_an_error(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        await it.connection.response.create(response={"instructions": "Greet me."})
        assert (await it.until("error")).error.code == "nothing_to_answer"
        assert wishes(house) == NO_WISHES


@pytest.mark.parametrize(("kind", "law"), [("audio/pcmu", "ulaw"), ("audio/pcma", "alaw")])
async def test_a_telephone_talks_by_g711_in_both_directions(tmp_path: Path, kind: str, law: Law) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        sides: Any = {"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}}
        await it.connection.session.update(session={"type": "realtime", "audio": sides})
        updated = await it.until("session.updated")
        assert (updated.session.audio.input.format.type, updated.session.audio.output.format.type) == (kind, kind)
        sound = np.concatenate([silence(0.2), speech("Good morning.", ADA), silence(0.2)])
        for piece in pieces(encode_g711(to_int16(soxr.resample(sound, 48_000, 8_000)), law)):
            await it.connection.input_audio_buffer.append(audio=piece)
        done = await it.until("response.done")
        assert done.response.output[0].content[0].transcript == REPLY
        data = b"".join(base64.b64decode(each.delta) for each in it.all("response.output_audio.delta"))
        assert len(data) / 8_000 == pytest.approx(1.0, abs=0.05)
        # The hum is a constant of 0.1.
        middle = decode_g711(data, law)[2_000:6_000] / 32_767
        assert np.abs(middle - 0.1).max() < 0.01


async def test_another_client_begins_without_the_wishes_of_the_one_before(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        await it.connection.session.update(session={"type": "realtime", "instructions": "Talk like a pirate."})
        await it.until("session.updated")
        page = await house.open()
        await page.hello()
        assert wishes(house) == NO_WISHES
        await page.send(type="hangup")
