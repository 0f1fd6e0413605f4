"""OpenAI's own client talks with the bot over ``/v1/realtime``: spoken and typed, in a call as on the page."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from audio.pcm import to_pcm16
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import Turn
from bot.voice.browser.people import web_person
from bot.voice.ports import SpeechClient
from sandbox.speech import ADA, speech
from tests.bot.http.chat_house import ChatHouse, chat_house
from tests.timing import LIMIT, wait_until
from tests.tones import silence
from tests.voice.doubles import HummingSpeech, RepeatingResponder

REPLY = "Guest said: Good morning."


class Listener:
    """Reads the events of a connection."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str) -> Any:
        """The next event of this type. All events before it are kept."""
        async with asyncio.timeout(LIMIT):
            while True:
                event = await self.connection.recv()
                self.events.append(event)
                if event.type == kind:
                    return event

    def all(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


@asynccontextmanager
async def talking(house: ChatHouse) -> AsyncIterator[Listener]:
    """Connect, and wait until the call is on."""
    address = f"http://127.0.0.1:{house.port}/v1"
    async with (
        AsyncOpenAI(base_url=address, api_key="none") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        listener = Listener(connection)
        await listener.until("session.created")
        yield listener


@asynccontextmanager
async def house_with(folder: Path, voice: Callable[[], SpeechClient] = HummingSpeech) -> AsyncIterator[ChatHouse]:
    async with chat_house(folder, voice=voice) as house:
        yield house
        await house.until_idle()


def spoken(text: str = "Good morning.") -> bytes:
    """A sentence as the client sends it: 16-bit mono, 24,000 Hz."""
    sound = np.concatenate([silence(0.2), speech(text, ADA), silence(0.2)])
    return to_pcm16(soxr.resample(sound, 48_000, 24_000))


def pieces(pcm: bytes, seconds: float = 0.1) -> list[str]:
    size = int(seconds * 48_000)
    return [base64.b64encode(pcm[at : at + size]).decode() for at in range(0, len(pcm), size)]


async def test_a_typed_question_is_answered_in_words_and_sound(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        async with talking(house) as it:
            await it.connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
            )
            added = await it.until("conversation.item.done")
            assert added.item.content[0].text == "Good morning."
            await it.connection.response.create()
            done = await it.until("response.done")
            assert (house.feature.held, house.manager.occupants) == (True, house.calls.calls)
        order = [kind for kind in it.types if not kind.endswith(".delta")]
        assert order[order.index("response.created") :] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        assert done.response.status == "completed"
        (item,) = done.response.output
        assert (item.role, item.status, item.content[0].transcript) == ("assistant", "completed", REPLY)
        words = "".join(each.delta for each in it.all("response.output_audio_transcript.delta"))
        assert words == REPLY
        sound = b"".join(base64.b64decode(each.delta) for each in it.all("response.output_audio.delta"))
        assert len(sound) / 48_000 == pytest.approx(1.0, abs=0.05)
        assert {each.item_id for each in it.all("response.output_audio.delta")} == {item.id}
        assert len({event.event_id for event in it.events}) == len(it.events)


async def test_a_spoken_question_is_heard_and_answered(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        # All at once, faster than it was spoken, as programs do that send files.
        for piece in pieces(spoken()):
            await it.connection.input_audio_buffer.append(audio=piece)
        done = await it.until("response.done")
        assert done.response.output[0].content[0].transcript == REPLY
        started, stopped, committed = (
            it.all(f"input_audio_buffer.{kind}")[0] for kind in ("speech_started", "speech_stopped", "committed")
        )
        (heard,) = it.all("conversation.item.input_audio_transcription.completed")
        assert heard.transcript == "Good morning."
        assert started.item_id == stopped.item_id == committed.item_id == heard.item_id
        assert stopped.audio_end_ms > started.audio_start_ms
        assert heard.item_id in [event.item.id for event in it.all("conversation.item.added")]
        assert it.types.index("input_audio_buffer.committed") < it.types.index(heard.type)


async def test_a_client_may_decide_itself_when_a_turn_is_over(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        await it.connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        updated = await it.until("session.updated")
        assert updated.session.audio.input.turn_detection is None
        await it.connection.input_audio_buffer.commit()
        assert (await it.until("error")).error.code == "input_audio_buffer_commit_empty"
        for piece in pieces(spoken("Never mind.")):
            await it.connection.input_audio_buffer.append(audio=piece)
        await it.connection.input_audio_buffer.clear()
        await it.until("input_audio_buffer.cleared")
        for piece in pieces(spoken()):
            await it.connection.input_audio_buffer.append(audio=piece)
        await it.connection.input_audio_buffer.commit()
        committed = await it.until("input_audio_buffer.committed")
        await it.connection.response.create()
        await it.until("response.done")
        (heard,) = it.all("conversation.item.input_audio_transcription.completed")
        assert heard.item_id == committed.item_id
        assert len(it.all("response.created")) == 1
        assert it.all("input_audio_buffer.speech_started") == []


async def test_words_alone_can_be_asked_for(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as it:
        await it.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        assert (await it.until("session.updated")).session.output_modalities == ["text"]
        await it.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
        )
        await it.connection.response.create()
        done = await it.until("response.done")
        assert done.response.output[0].content[0].text == REPLY
        assert "".join(each.delta for each in it.all("response.output_text.delta")) == REPLY
        assert it.all("response.output_audio.delta") == []


@pytest.mark.parametrize("way", ["cancel", "truncate"])
async def test_an_answer_can_be_cut_short(tmp_path: Path, way: str) -> None:
    long = np.full(20 * 48_000, 0.1, np.float32)
    async with house_with(tmp_path, lambda: HummingSpeech(long)) as house, talking(house) as it:
        await it.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
        )
        await it.connection.response.create()
        delta = await it.until("response.output_audio.delta")
        if way == "cancel":
            await it.connection.response.cancel()
        else:
            await it.connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=20)
        done = await it.until("response.done")
        assert (done.response.status, done.response.output[0].status) == ("cancelled", "incomplete")
        assert len(it.all("response.output_audio.delta")) < 500


async def test_closing_the_connection_ends_the_call_at_once(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with talking(house):
            assert house.feature.held
        await house.until_idle()
        async with talking(house) as it:
            assert it.types == ["session.created"]
        await house.until_idle()


async def test_during_a_call_a_second_one_is_refused_in_words(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house, talking(house) as first:
        for piece in pieces(spoken()):
            await first.connection.input_audio_buffer.append(audio=piece)
        await first.until("input_audio_buffer.speech_started")
        address = f"http://127.0.0.1:{house.port}/v1/realtime"
        async with house.session.ws_connect(address) as second:
            told = await second.receive_json(timeout=LIMIT)
            assert (told["type"], told["error"]["code"]) == ("error", "busy")
            assert (await second.receive(timeout=LIMIT)).data == 4002
        await first.until("response.done")


async def test_the_page_can_take_the_call_over_when_nobody_speaks(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        async with house.session.ws_connect(f"http://127.0.0.1:{house.port}/v1/realtime") as socket:
            assert (await socket.receive_json(timeout=LIMIT))["type"] == "session.created"
            page = await house.open()
            await page.hello()
            assert (await socket.receive(timeout=LIMIT)).data == 4001
        await page.send(type="text", text="Hello")
        await page.until("audio_end")
        await page.send(type="hangup")
        await wait_until(lambda: not house.manager.occupants)


class BrokenMind(RepeatingResponder):
    """A model that gives no answer."""

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        if asked.text:
            raise ModelError(ModelErrorKind.UNREACHABLE, "the model server is gone")
        yield ""


async def test_an_answer_that_fails_is_reported_with_its_reason(tmp_path: Path) -> None:
    async with chat_house(tmp_path, mind=BrokenMind()) as house, talking(house) as it:
        await it.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
        )
        await it.connection.response.create()
        done = await it.until("response.done")
        assert (done.response.status, done.response.status_details.type) == ("failed", "failed")
        told = it.all("error") or [await it.until("error")]
        assert "the model server is gone" in told[0].error.message


async def test_somebody_who_opted_out_is_told_that_the_bot_does_not_listen(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        await house.consent.opt_out(web_person(""))
        async with talking(house) as it:
            assert "I don't listen to you" in (await it.until("error")).error.message
