"""Replies whose voice or preset the speech server refuses: they are sent again without it, and no word is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import SpeechEvent
from bot.voice.tts.fallback import FallbackSpeech
from tests.voice.turn_taking.harness import RecordingNoticeWriter
from wire.fields import MAX_MESSAGE_BYTES
from wire.messages import Cancel, ClientMessage, Failure, Flushed, SegmentEnd, SegmentStart, Speak
from wire.parameters import SpeechParameters

ROBIN = SpeechParameters(voice="robin", preset="calm", speed=0.9)


@dataclass
class Server:
    """A speech server with some voices and presets, which speaks a reply when all its text has come."""

    voices: tuple[str, ...] = ("robin",)
    presets: tuple[str, ...] = ("calm",)
    away: bool = False
    spoken: list[tuple[str | None, SpeechParameters, str]] = field(default_factory=list)
    _events: asyncio.Queue[SpeechEvent] = field(default_factory=asyncio.Queue)
    _writing: tuple[str | None, SpeechParameters, str] | None = None
    _failed: bool = False

    async def send(self, message: ClientMessage) -> None:
        if self.away:
            raise SpeechUnavailable("away")
        if isinstance(message, Cancel):
            self._writing = None
            return
        assert len(message.to_json()) <= MAX_MESSAGE_BYTES
        if self._writing is None or self._writing[0] != message.reply:
            self._writing = (message.reply, message.parameters, "")
            fault = self._fault(message)
            self._failed = fault is not None
            if fault is not None:
                self._events.put_nowait(fault)
        reply, parameters, text = self._writing
        self._writing = (reply, parameters, text + message.token)
        if message.flush:
            if not self._failed:
                self.spoken.append(self._writing)
                self._events.put_nowait(Flushed(1.0, 1.0, reply))
            self._writing = None

    def _fault(self, message: Speak) -> Failure | None:
        asked = message.parameters
        if asked.voice is not None and asked.voice not in self.voices:
            return Failure("there is no such voice", "unknown_voice", message.reply)
        if asked.preset is not None and asked.preset not in self.presets:
            return Failure("there is no such preset", "bad_parameter", message.reply)
        return None

    def say(self, event: SpeechEvent) -> None:
        self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while True:
            yield await self._events.get()


@dataclass
class FallbackHarness:
    """A server, the fallback that speaks through it, and what people were told."""

    server: Server
    voice: FallbackSpeech
    told: list[str]

    async def next(self) -> SpeechEvent:
        async with asyncio.timeout(30):
            return await anext(self.events)

    def __post_init__(self) -> None:
        self.events = self.voice.events()


def make_harness(**server: object) -> FallbackHarness:
    told: list[str] = []
    built = Server(**server)  # type: ignore[arg-type]
    return FallbackHarness(built, FallbackSpeech(built, RecordingNoticeWriter(told)), told)


async def say(harness: FallbackHarness, reply: str, *tokens: str, flush: bool = True) -> None:
    for token in tokens:
        await harness.voice.send(Speak(token, reply=reply, parameters=ROBIN))
    if flush:
        await harness.voice.send(Speak(flush=True, reply=reply))


async def test_the_first_message_of_each_reply_has_the_parameters() -> None:
    harness = make_harness()
    await say(harness, "r1", "Hello ", "there.")
    await say(harness, "r2", "And again.")
    assert harness.server.spoken == [("r1", ROBIN, "Hello there."), ("r2", ROBIN, "And again.")]


@pytest.mark.parametrize("written_before", [True, False])
async def test_a_missing_voice_loses_no_word_and_no_preset_and_is_reported_once(written_before: bool) -> None:
    harness = make_harness(voices=())
    for reply in ("r1", "r2"):
        await say(harness, reply, "Hello ", flush=False)
        if written_before:
            await say(harness, reply, "there, ", "you.")
        hearing = asyncio.create_task(harness.next())
        if not written_before:
            while not harness.server._events.empty():
                await asyncio.sleep(0)
            await say(harness, reply, "there, ", "you.")
        assert await hearing == Flushed(1.0, 1.0, reply), "the failure is not passed on"
    plain = replace(ROBIN, voice=None)
    assert harness.server.spoken == [("r1", plain, "Hello there, you."), ("r2", plain, "Hello there, you.")]
    assert harness.voice.parameters == plain
    assert harness.told == ["⚠️ The speech server no longer has the voice `robin`, so I speak with my usual one."]


async def test_without_voice_and_preset_the_reply_has_no_parameters() -> None:
    harness = make_harness(voices=(), presets=())
    await say(harness, "r1", "Hello.")
    assert await harness.next() == Flushed(1.0, 1.0, "r1")
    assert harness.server.spoken == [("r1", SpeechParameters(), "Hello.")]
    assert len(harness.told) == 2


async def test_losing_a_voice_in_the_middle_of_a_reply_repeats_nothing() -> None:
    harness = make_harness()
    await say(harness, "r1", "One. ", "Two. ", "Three.", flush=False)
    for event in (
        SegmentStart(0, "One. ", "r1"),
        SegmentEnd(0, 100, "r1"),
        Failure("it has just been deleted", "unknown_voice", "r1"),
    ):
        harness.server.say(event)
    harness.server._failed = True
    await harness.next()
    await harness.next()
    hearing = asyncio.create_task(harness.next())
    while not harness.told:
        await asyncio.sleep(0)
    await say(harness, "r1")
    await hearing
    assert [text for _, _, text in harness.server.spoken] == ["Two. Three."]


async def test_a_long_reply_is_sent_again_in_messages_that_are_not_too_long() -> None:
    harness = make_harness(voices=())
    text = "😀" * 12_000
    await say(harness, "r1", *(text[start : start + 100] for start in range(0, len(text), 100)))
    assert await harness.next() == Flushed(1.0, 1.0, "r1")
    assert harness.server.spoken == [("r1", replace(ROBIN, voice=None), text)]


async def test_other_failures_and_those_of_replies_that_are_over_are_passed_on() -> None:
    harness = make_harness()
    await say(harness, "r1", "Hello.", flush=False)
    failure = Failure("it broke", "engine_failed", "r1")
    harness.server.say(failure)
    assert await harness.next() == failure
    await harness.voice.send(Cancel("r1"))
    late = Failure("there is no such voice", "unknown_voice", "r1")
    harness.server.say(late)
    assert await harness.next() == late
    assert harness.told == []
    assert harness.server.spoken == []


async def test_a_retry_fails_if_the_server_goes_away_meanwhile() -> None:
    harness = make_harness(voices=())
    await say(harness, "r1", "Hello.", flush=False)
    harness.server.away = True
    assert isinstance(await harness.next(), Failure)
