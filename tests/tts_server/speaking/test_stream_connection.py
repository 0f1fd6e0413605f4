"""Replies over the WebSocket: complete, in order, each with its words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.tts_server.client import RunningServer, SpeechClient, running
from tests.tts_server.stand_in_engines import CountingEngine, FailingEngine, GatedEngine
from tts_server.speaking.reply_worker import MAX_WAITING_CHARACTERS
from tts_server.speaking.stream_connection import MAX_REPLIES
from wire.messages import SAMPLE_RATE, Failure, Flushed, SegmentStart

TEXT = "Well hello, number 5 here. It is 3.14, e.g. pi! Is it? 😀 **Bold, is it.** Fine"


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[SpeechClient]:
    async with server.connect() as client:
        yield client


async def test_a_reply_comes_whole_with_its_words(client: SpeechClient) -> None:
    for char in TEXT:
        await client.token(char, "r1")
    await client.send(flush=True, reply="r1")
    heard = await client.hear()
    assert heard.text == TEXT
    assert heard.texts[0] == "Well hello,"
    assert heard.flushed is not None
    assert heard.flushed.reply == "r1"
    assert heard.flushed.audio_ms == pytest.approx(len(heard.samples) / SAMPLE_RATE * 1000, abs=0.1)
    assert heard.flushed.first_chunk_ms is not None


async def test_the_first_clause_is_spoken_before_the_rest_is_written(client: SpeechClient) -> None:
    for token in ("Well", " hello", ",", " I"):
        await client.token(token, "r1")
    start = await client.next()
    assert start == SegmentStart(0, "Well hello,", "r1")
    assert isinstance(await client.next(), np.ndarray)


async def test_messages_without_reply_ids_form_one_reply(client: SpeechClient) -> None:
    await client.send(token="Hello", pitch_shift=0)
    await client.send(token=" world")
    await client.send(token="!", flush=False)
    await client.send(flush=True)
    heard = await client.hear()
    assert heard.text == "Hello world!"
    assert heard.flushed is not None
    assert heard.flushed.reply is None
    assert len(heard.samples)


async def test_later_messages_need_not_repeat_the_reply_id(client: SpeechClient) -> None:
    await client.send(token="One more", reply="r1")
    await client.send(token=" thing.")
    await client.send(flush=True)
    heard = await client.hear()
    assert heard.text == "One more thing."
    assert heard.flushed is not None
    assert heard.flushed.reply == "r1"


async def test_replies_are_spoken_in_order_and_not_mixed(client: SpeechClient) -> None:
    for number in range(10):
        text = f"This is reply {number}, number {number}. And the end of {number}."
        await client.say(text, f"r{number}", preprocess_text=False)
    for number in range(10):
        heard = await client.hear()
        assert heard.flushed is not None
        assert heard.flushed.reply == f"r{number}"
        assert set(heard.samples) == {np.float32(number / 1000)}


async def test_another_reply_id_ends_the_previous_reply(client: SpeechClient) -> None:
    await client.token("Part one", "r1")
    await client.token("Part two", "r2", flush=True)
    first, second = await client.hear(), await client.hear()
    assert (first.text, second.text) == ("Part one", "Part two")
    assert first.flushed is not None
    assert first.flushed.reply == "r1"


async def test_an_empty_reply_is_flushed(client: SpeechClient) -> None:
    await client.send(flush=True, reply="r1")
    heard = await client.hear()
    assert heard.flushed is not None
    assert (heard.flushed.audio_ms, heard.flushed.first_chunk_ms) == (0, None)


@pytest.mark.parametrize("silent", ["😀", "😀👍🏽 👨‍👩‍👧", "...", "***", "<:smile:123456789>", " \n ", "*waves*"])
async def test_a_text_without_sounds_is_silence_and_not_an_error(client: SpeechClient, silent: str) -> None:
    await client.say(silent, "r1")
    heard = await client.hear()
    assert heard.failure is None
    assert heard.text == silent
    assert not len(heard.samples)


async def test_the_engine_gets_prepared_text(server: RunningServer, client: SpeechClient) -> None:
    await client.say("Look **here,** see https://example.com/x for 2 things.", "r1")
    await client.hear()
    engine = server.engine
    assert isinstance(engine, CountingEngine)
    assert engine.texts[-2:] == ["Look here,", "see a link to example dot com for two things."]


async def test_text_can_be_spoken_without_preparation(server: RunningServer, client: SpeechClient) -> None:
    await client.say("2 *things*", "r1", preprocess_text=False)
    await client.hear()
    assert isinstance(server.engine, CountingEngine)
    assert server.engine.texts[-1] == "2 *things*"


async def test_two_clients_take_turns() -> None:
    engine = GatedEngine()
    async with running(engine) as server, server.connect() as first, server.connect() as second:
        engine.close_gate()
        await first.say("I tell a long story, number 1. It goes on. And on. And on.", "long")
        await first.until(SegmentStart)
        await second.say("I have one thing to ask.", "short")
        await second.until(SegmentStart)
        engine.gate.set()
        await asyncio.gather(first.until(Flushed), second.until(Flushed))
    story = engine.texts.index("I tell a long story,")
    assert engine.texts[story + 1] == "I have one thing to ask."


class TestErrors:
    @pytest.mark.parametrize(
        "raw",
        ["", "hello", "[]", "null", "{", '{"token": 5}', '{"speed": 1}', '{"flush": 1}', "{}", "[" * 50_000, "\ud83d"],
    )
    async def test_a_malformed_message_gets_an_error_and_the_connection_lives(
        self, client: SpeechClient, raw: str
    ) -> None:
        await client.socket.send_bytes(raw.encode(errors="surrogatepass"))
        assert isinstance(await client.next(), Failure)
        await client.socket.send_str(raw.encode(errors="replace").decode())
        failure = await client.next()
        assert isinstance(failure, Failure)
        assert failure.code in ("bad_message", "bad_parameter")
        await client.say("Still here.")
        assert (await client.hear()).text == "Still here."

    async def test_a_message_too_big_gets_an_error_and_the_connection_lives(self, client: SpeechClient) -> None:
        await client.send(token="a" * 100_000)
        failure = await client.next()
        assert isinstance(failure, Failure)
        assert failure.code == "bad_message"
        await client.say("Still here.")
        assert (await client.hear()).text == "Still here."

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            ({"voice": "nobody"}, "unknown_voice"),
            ({"language": "xx"}, "unknown_voice"),
            ({"preset": "none"}, "bad_parameter"),
            ({"speed": 9}, "bad_parameter"),
            ({"speed": float("nan")}, "bad_parameter"),
            ({"pitch_shift": "high"}, "bad_parameter"),
        ],
    )
    async def test_impossible_parameters_are_refused(
        self, client: SpeechClient, parameters: dict[str, object], code: str
    ) -> None:
        await client.send(token="Hello there, you.", reply="r1", **parameters)
        heard = await client.hear()
        assert heard.failure is not None
        assert (heard.failure.code, heard.failure.reply) == (code, "r1")
        assert not len(heard.samples)
        await client.say("Good day.", "r2")
        assert (await client.hear()).text == "Good day."

    async def test_nothing_of_a_refused_reply_is_spoken(self, client: SpeechClient) -> None:
        await client.send(token="Hello there,", reply="r1", voice="nobody")
        await client.token(" more of it.", "r1")
        await client.send(flush=True, reply="r1")
        await client.say("Good day.", "r2")
        assert (await client.hear()).failure is not None
        second = await client.hear()
        assert second.text == "Good day."

    async def test_a_voice_and_a_language_can_be_chosen(self, client: SpeechClient) -> None:
        await client.say("Guten Tag.", "r1", language="de")
        assert (await client.hear()).failure is None
        await client.say("Guten Tag.", "r2", voice="deutsch")
        assert (await client.hear()).failure is None

    async def test_too_much_text_is_refused(self, client: SpeechClient) -> None:
        await client.socket.send_json({"token": "a", "reply": "r1"})
        for _ in range(MAX_WAITING_CHARACTERS // 1000 + 1):
            await client.token("`" + "a" * 999, "r1")
        heard = await client.hear()
        assert heard.failure is not None
        assert heard.failure.code == "too_long"
        await client.say("Good day.", "r2")
        assert (await client.hear()).text == "Good day."

    async def test_too_many_replies_are_refused(self) -> None:
        engine = GatedEngine()
        async with running(engine) as server, server.connect() as client:
            engine.close_gate()
            await client.say("The first.", "first")
            await client.until(SegmentStart)
            for number in range(MAX_REPLIES + 1):
                await client.say(f"Number {number}.", f"r{number}")
            failure = (await client.until(Failure))[-1]
            assert (failure.code, failure.reply) == ("overloaded", f"r{MAX_REPLIES}")
            engine.gate.set()
            await client.until(Flushed)
            for number in range(MAX_REPLIES):
                assert (await client.hear()).text == f"Number {number}."
            await client.say("Good day.", "last")
            assert (await client.hear()).text == "Good day."


class TestFailingEngine:
    @pytest.fixture
    async def client(self) -> AsyncIterator[SpeechClient]:
        async with running(FailingEngine()) as server, server.connect() as client:
            yield client

    @pytest.mark.parametrize("fault", ["raise", "nan", "broken"])
    async def test_an_engine_that_fails_ends_only_the_reply(self, client: SpeechClient, fault: str) -> None:
        await client.token("First part, ", "r1")
        await client.say(f"then {fault} it. And more of this.", "r1")
        await client.say("Good day.", "r2")
        heard = await client.hear()
        assert heard.failure is not None
        assert (heard.failure.code, heard.failure.reply) == ("engine_failed", "r1")
        assert heard.texts[0] == "First part,"
        assert not any("more of this" in text for text in heard.texts)
        assert (await client.hear()).text == "Good day."

    async def test_an_engine_that_gives_no_sound_has_failed(self, client: SpeechClient) -> None:
        await client.say("There is nothing here.", "r1")
        heard = await client.hear()
        assert heard.failure == Failure("counting gave no sound", "engine_failed", "r1")
        assert not len(heard.samples)
