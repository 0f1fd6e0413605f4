"""The browser transport: sound and messages to a client that comes, goes, and comes back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from audio.pcm import from_pcm16
from bot.voice.browser.audio_output import BrowserFrames, SoundForm, SoundOutlet
from bot.voice.browser.client_messages import Hello
from bot.voice.browser.people import BrowserPeople
from bot.voice.browser.played import PlayedReports
from bot.voice.browser.server_messages import (
    AudioEnd,
    AudioResponse,
    Background,
    LlmToken,
    Notice,
    State,
    Transcription,
)
from bot.voice.browser.transport import RESUME_SECONDS, BrowserTransport
from bot.voice.events import ReplyEnded, SpeechStarted, SpeechStopped, UtteranceHeard, WordsSoFar, WordsSpoken
from bot.voice.metrics import ReplyTrace
from bot.voice.mixing.mixer import Mixer
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.playback.sender import FrameSender
from bot.voice.transport import EndCause
from bot.voice.turn import Outcome, TurnId
from tests.timing import Clock, let_run, wait_until
from tests.tones import tone
from tests.voice.browser.clients import MemoryClient
from tests.voice.mixing.sounds import stream_of
from tests.voice.mixing.sounds import tone as mixer_tone

TURN = TurnId(1, 1)


class Speaker:
    """Plays replies into a transport, and tells it of their segments as a conversation does."""

    def __init__(self, transport: BrowserTransport, playback: ReplyPlayback) -> None:
        self.playback = playback
        self.ended: list[str] = []
        self._transport = transport
        playback.listener = self

    def say(self, reply: str, *seconds: float) -> None:
        self.playback.begin(reply)
        for number, length in enumerate(seconds):
            self.playback.mark(reply, number)
            self.playback.write(reply, tone(length))
        self.playback.finish(reply)

    def first_frame(self, reply: str, at: float) -> None: ...

    def marked(self, reply: str, number: int, at: float) -> None:
        self._transport.report(WordsSpoken(reply, f"part {number}"))

    def drained(self, reply: str, at: float, samples: int, underruns: int) -> None:
        self._transport.report(ReplyEnded(ReplyTrace(reply, Outcome.SPOKEN, 0.0)))
        self.ended.append(reply)


@asynccontextmanager
async def playing(transport: BrowserTransport) -> AsyncIterator[Speaker]:
    playback = ReplyPlayback(asyncio.get_running_loop())
    transport.play(Mixer(playback), lambda *_: None)
    try:
        yield Speaker(transport, playback)
    finally:
        await transport.close()


def made(hello: Hello | None = None) -> BrowserTransport:
    return BrowserTransport(BrowserPeople("Ada"), hello or Hello("Ada", True))


def speaks(transport: BrowserTransport) -> bool:
    return transport.report.somebody_speaks


@pytest.fixture
def client() -> MemoryClient:
    return MemoryClient()


@pytest.fixture
def transport(client: MemoryClient) -> Iterator[BrowserTransport]:
    transport = made()
    transport.attach(client, Hello("Ada"))
    yield transport


@pytest.mark.parametrize("rate", [24_000, 48_000])
async def test_a_reply_arrives_whole_at_the_agreed_rate_and_each_segments_text_before_its_sound(
    client: MemoryClient, rate: int
) -> None:
    transport = made(Hello(down=rate))
    transport.attach(client, Hello(down=rate))
    async with playing(transport) as speaker:
        speaker.say("r1", 0.1, 0.06)
        await wait_until(lambda: speaker.ended)
    kinds = [type(each) for each in client.got if not isinstance(each, State)]
    first, second = [bytes] * 5, [bytes] * 3
    assert kinds == [LlmToken, AudioResponse, *first, LlmToken, AudioResponse, *second, AudioEnd]
    assert {len(each) for each in client.got if isinstance(each, bytes)} == {rate // 50 * 2}
    assert client.all(AudioResponse) == [AudioResponse("r1", 0, "part 0"), AudioResponse("r1", 1, "part 1")]
    assert client.all(AudioEnd) == [AudioEnd("r1", "done")]
    assert [state.state for state in client.all(State)] == ["connecting", "speaking", "listening"]
    assert np.abs(from_pcm16(client.sound)).max() == pytest.approx(0.3, abs=0.02)


async def test_the_client_gets_the_first_100_ms_of_a_reply_at_once() -> None:
    clock, loop, client = Clock(), asyncio.get_running_loop(), MemoryClient()
    playback, outlet = ReplyPlayback(loop, clock=clock), SoundOutlet(24_000)
    outlet.attach(client)
    outlet.begin(AudioResponse("r1", 0, "part 0"))
    frames = BrowserFrames(Mixer(playback), outlet, loop, 24_000)
    frames.connected = True
    sender = FrameSender(frames, frames, clock=clock)
    playback.begin("r1")
    playback.write("r1", tone(0.5))
    while (sender.step() or 0.0) < 0.001:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(client.sound) == 5 * 480 * 2


async def test_the_end_of_an_interrupted_reply_is_not_played_before_the_next(
    client: MemoryClient, transport: BrowserTransport
) -> None:
    async with playing(transport) as speaker:
        speaker.say("r1", 5.0)
        await wait_until(lambda: client.sound)
        speaker.playback.drop("r1")
        transport.report(ReplyEnded(ReplyTrace("r1", Outcome.INTERRUPTED, 0.0), "part"))
        ended = len(client.got)
        await asyncio.sleep(0.05)
        assert client.got[ended:] == []
        speaker.say("r2", 0.04)
        await wait_until(lambda: speaker.ended)
    assert client.all(AudioEnd) == [AudioEnd("r1", "interrupted", "part"), AudioEnd("r2", "done")]


async def test_music_goes_to_the_client_between_replies_and_beneath_them() -> None:
    client, outlet = MemoryClient(), SoundOutlet(24_000)
    outlet.attach(client)
    outlet.deliver(b"lost")
    outlet.deliver_background(b"m1")
    outlet.deliver_background(b"m2")
    outlet.begin(AudioResponse("r1", 0, "Hello."))
    outlet.deliver_background(b"r1 and m3")
    outlet.end(interrupted=True)
    outlet.deliver(b"the rest of r1")
    outlet.deliver_background(b"m4")
    outlet.end_background()
    outlet.end_background()
    outlet.begin(AudioResponse("r2", 0, "Bye."))
    outlet.deliver(b"r2")
    on, off = Background(True), Background(False)
    first, second = AudioResponse("r1", 0, "Hello."), AudioResponse("r2", 0, "Bye.")
    assert client.got == [on, b"m1", b"m2", first, b"r1 and m3", on, b"m4", off, second, b"r2"]


async def test_music_is_sent_to_a_client_that_comes_back_and_never_as_base64_or_to_a_client_without_sound() -> None:
    client, outlet = MemoryClient(), SoundOutlet(24_000)
    outlet.attach(MemoryClient())
    outlet.deliver_background(b"m1")
    outlet.attach(None)
    outlet.deliver_background(b"m2")
    outlet.end_background()
    outlet.attach(client)
    outlet.deliver_background(b"m3")
    for form in (SoundForm.BASE64, SoundForm.NONE):
        outlet.form = form
        outlet.deliver_background(b"m4")
    assert client.got == [Background(True), b"m3"]


async def test_music_of_the_mixer_arrives_and_its_end_is_reported(
    client: MemoryClient, transport: BrowserTransport
) -> None:
    mixer = Mixer(ReplyPlayback(asyncio.get_running_loop()))
    transport.play(mixer, lambda *_: None)
    try:
        mixer.add(stream_of(mixer_tone(40, 0.5)))
        await wait_until(lambda: len(client.all(Background)) == 2)
    finally:
        await transport.close()
    assert client.all(Background) == [Background(True), Background(False)]
    assert len(client.sound) == 40 * 480 * 2
    assert client.all(AudioResponse) == []
    assert np.abs(from_pcm16(client.sound)).max() == pytest.approx(0.5, abs=0.05)


async def test_a_client_that_sent_base64_gets_base64_and_the_words_once(client: MemoryClient) -> None:
    transport = made(Hello())
    transport.attach(client, Hello(), form=SoundForm.BASE64)
    async with playing(transport) as speaker:
        speaker.say("r1", 0.5)
        await wait_until(lambda: speaker.ended)
    pieces = client.all(AudioResponse)
    assert client.sound == b""
    assert [piece.text for piece in pieces] == ["part 0", "", ""]
    sound = b"".join(base64.b64decode(piece.audio or "") for piece in pieces)
    assert len(sound) == 0.5 * 24_000 * 2


async def test_the_reply_waits_while_the_client_is_gone_and_goes_on_with_the_next_client(
    client: MemoryClient, transport: BrowserTransport
) -> None:
    async with playing(transport) as speaker:
        speaker.say("r1", 0.5)
        await wait_until(lambda: client.sound)
        transport.detach(client)
        await let_run(0.05)
        so_far = len(client.sound)
        await let_run(0.6)
        assert len(client.sound) == so_far
        assert not speaker.ended
        transport.send(Notice("Something happened."))
        back = MemoryClient()
        transport.attach(back, Hello())
        await wait_until(lambda: speaker.ended)
    assert back.got[:3] == [State("speaking"), Notice("Something happened."), AudioResponse("r1", 0, "part 0")]
    frames = (len(client.sound) + len(back.sound)) // 960
    assert frames in (24, 25)  # One frame may have been on its way when the client went.


async def test_messages_for_a_client_that_is_gone_are_bounded(transport: BrowserTransport) -> None:
    first = transport.client
    assert first is not None
    transport.detach(first)
    for number in range(1_000):
        transport.send(Notice(str(number)))
    back = MemoryClient()
    transport.attach(back, Hello())
    assert [notice.text for notice in back.all(Notice)] == [str(number) for number in range(900, 1_000)]


async def test_a_client_that_comes_back_in_time_goes_on(client: MemoryClient) -> None:
    asked: list[float] = []
    away = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        await away.wait()

    async def slept(times: int) -> None:
        await wait_until(lambda: len(asked) == times)

    transport = BrowserTransport(BrowserPeople("Ada"), Hello(), sleep=sleep)
    transport.attach(client, Hello())
    waiting = asyncio.create_task(transport.wait_lost())
    for round_ in range(1, 4):
        transport.detach(client)
        await slept(round_)
        transport.attach(client, Hello())
        await asyncio.sleep(0)
        transport.detach(client)
        transport.attach(client, Hello())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    transport.detach(client)
    await slept(4)
    away.set()
    assert await waiting is EndCause.CONNECTION_LOST
    assert set(asked) == {RESUME_SECONDS} == {30.0}


async def test_the_end_of_a_client_that_was_replaced_does_not_affect_the_newer_client(
    client: MemoryClient, transport: BrowserTransport
) -> None:
    newer = MemoryClient()
    transport.attach(newer, Hello())
    transport.detach(client)
    assert transport.client is newer


async def test_words_and_states_come_as_messages(client: MemoryClient, transport: BrowserTransport) -> None:
    transport.report(SpeechStarted(TURN))
    assert speaks(transport)
    transport.report(WordsSoFar(TURN, "Ada", "hello th", "hello"))
    transport.report(SpeechStopped(TURN))
    transport.report(UtteranceHeard(1, "Ada", "Hello there.", True))
    assert not speaks(transport)
    await transport.prompts.tell("👂 I listen.")
    assert client.all(Transcription) == [
        Transcription("hello th", False, "web:Ada"),
        Transcription("Hello there.", True, "web:Ada"),
    ]
    assert client.all(Notice) == [Notice("👂 I listen.")]


def test_sound_of_a_client_that_sends_no_reports_counts_as_heard_only_when_it_is_due() -> None:
    clock = Clock()
    played = PlayedReports(clock)
    played.began("r1")
    assert played.heard("r1", 4_800) == 0, "the first 100 ms were sent at once, and none of them is due yet"
    clock.pass_by(0.04)
    assert played.heard("r1", 6_720) == pytest.approx(1_920, abs=1)
    clock.pass_by(60.0)
    assert played.heard("r1", 48_000) == 48_000, "all that was sent is due, and no more was heard"


def test_sound_that_was_not_played_was_not_heard() -> None:
    clock = Clock()
    played = PlayedReports(clock)
    played.began("r1")
    played.report("r1", 200)
    assert played.heard("r1", 48_000) == 9_600
    clock.pass_by(0.1)
    assert played.heard("r1", 48_000) == 14_400
    assert played.heard("r1", 10_000) == 10_000
    clock.pass_by(60.0)
    assert played.heard("r1", 480_000) == 33_600, "without a new report, at most half a second more counts"
    played.report("r0", 90_000)
    assert played.heard("r1", 480_000) == 33_600
    played.began("r2")
    assert played.heard("r2", 48_000) == 0
