"""Streams of the web over real sockets: they are played while they come, equally loud and within bounds.

At their end, they leave no process, task or file behind.

Here 127.0.0.1 stands for the public internet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache, partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from audio.loudness import LoudnessMeter
from audio.pcm import from_pcm16
from bot.fetching.addresses import IPAddress
from bot.fetching.fetcher import Fetcher
from bot.music import decoding, live, web_music
from bot.music.decoding_process import NO_SOUND, TARGET_LUFS
from bot.music.live import source_decoding
from bot.music.live_process import MAX_HOURS, TOO_LONG
from bot.music.player import MusicPlayer, Track
from bot.music.typed import playing_text
from bot.music.web_music import WebMusic
from bot.voice.mixing.limiter import CEILING
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import StreamState
from tests.bot.fetching.hostile_server import HostileServer, redirect
from tests.bot.music.hostile_files import encoded
from tests.bot.music.stations import Station
from tests.process_state import children_running
from tests.timing import LIMIT
from tests.voice.mixing.sounds import ScriptedReply

HOSTS = frozenset({"radio.test"})
PUBLIC = ip_address("127.0.0.1")
SECOND = 50
"""Number of frames in a second."""
KINDS = {
    "mp3": ("mp3", "libmp3lame", "Content-Type: audio/mpeg"),
    "aac": ("adts", "aac", "Content-Type: audio/aacp; charset=x"),
    "opus": ("ogg", "libopus", "Content-Type: application/ogg"),
    "station": ("mp3", "libmp3lame", "Content-Type: application/octet-stream\r\nicy-name: Jazz"),
}


async def resolve(_: str) -> list[IPAddress]:
    return [PUBLIC]


class Radio:
    """A station at ``/live``, a player of a call, and the people who listen.

    Attributes:
        told: what people were told.
        frames: what they heard.
        gone: set when the station sends no more, because nobody listens any more or because it has sent everything.
    """

    def __init__(self, server: HostileServer, folder: Path) -> None:
        self.server = server
        self.told: list[str] = []
        self.frames: list[bytes] = []
        self.gone = asyncio.Event()
        self._mixer = Mixer(ScriptedReply())
        self.player = MusicPlayer(self._mixer, partial(source_decoding, store=folder), self.told.append)
        self._web = WebMusic(HOSTS, Fetcher(resolve, may_reach=lambda address: address == PUBLIC))

    def sends(self, send: Callable[[asyncio.StreamWriter], AsyncIterator[bytes]], *headers: str) -> None:
        """Let the station send these pieces after a head that names no length."""

        async def answer(writer: asyncio.StreamWriter) -> None:
            head = "\r\n".join(["HTTP/1.1 200 OK", *(headers or ("Content-Type: audio/mpeg",)), "", ""])
            writer.write(head.encode())
            try:
                async for piece in send(writer):
                    writer.write(piece)
                    await writer.drain()
            finally:
                self.gone.set()

        self.server.answers["/live"] = answer

    def play(self, path: str = "/live") -> None:
        piece = self._web.piece(self.server.url(path, host="radio.test"))
        self.player.add(Track("Radio", piece.source))

    def play_address(self, address: str) -> None:
        piece = self._web.piece(address)
        self.player.add(Track(piece.title, piece.source))

    async def listen(self, until: Callable[[], bool]) -> None:
        """Take the frames as fast as they come."""
        async with asyncio.timeout(LIMIT):
            while not until():
                frame = self._mixer.take()
                if frame is not None:
                    self.frames.append(frame)
                await asyncio.sleep(0 if frame is not None else 0.002)

    async def until_over(self) -> None:
        await self.listen(lambda: self.player.playing is None and not self.player.waiting)

    @property
    def news(self) -> list[str]:
        """What people were told, except about stalls, which can happen because a test takes frames too fast."""
        return [text for text in self.told if not text.startswith("⏳")]

    @property
    def state(self) -> StreamState | None:
        playing = self.player.playing
        return playing.stream.state if playing is not None and playing.stream is not None else None


def decoders() -> list[psutil.Process]:
    """The decoding processes of streams."""
    return children_running("bot.music.live_process")


@asynccontextmanager
async def on_air(folder: Path) -> AsyncIterator[Radio]:
    """A radio for a test. When the test is over, no process, task or file of the radio may be left."""
    before = set(decoders())
    async with HostileServer() as server:
        radio = Radio(server, folder)
        yield radio
        await radio.player.close()
        assert set(decoders()) <= before, "no process is left"
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("music")], "nor a task"
    assert not await asyncio.to_thread(lambda: list(folder.iterdir())), "nothing of a stream is kept"


@pytest.fixture
async def radio(tmp_path: Path) -> AsyncIterator[Radio]:
    async with on_air(tmp_path) as radio:
        yield radio


@cache
def song(kind: str = "mp3", seconds: float = 4.0) -> bytes:
    container, codec, _ = KINDS[kind]
    return encoded(container, codec, seconds)


def again(data: bytes) -> Callable[[asyncio.StreamWriter], AsyncIterator[bytes]]:
    """A station that sends this over and over."""

    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        while True:
            yield data

    return send


def once(
    server: HostileServer, *data: bytes, stays: bool = True
) -> Callable[[asyncio.StreamWriter], AsyncIterator[bytes]]:
    """A station that sends this, and then nothing more. It keeps the connection open only if it ``stays``."""

    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        for each in data:
            yield each
        if stays:
            await server.until_ended()

    return send


@pytest.mark.parametrize("kind", KINDS)
async def test_a_station_without_an_end_is_played_while_it_comes_and_skipped_at_once(radio: Radio, kind: str) -> None:
    radio.sends(again(song(kind)), *KINDS[kind][2].split("\r\n"))
    radio.play()
    await radio.listen(lambda: len(radio.frames) > 8 * SECOND)
    playing = radio.player.playing
    assert playing is not None
    assert playing.live
    assert playing_text(playing) == "▶️ Radio\n🔴 0:08"
    (child,) = decoders()
    assert child.memory_info().rss < 300 * 1024**2
    assert radio.player.skip()
    await radio.until_over()
    await asyncio.wait_for(radio.gone.wait(), LIMIT)
    assert radio.news == ["▶️ Radio"]
    sound = from_pcm16(b"".join(radio.frames[SECOND : 7 * SECOND]), channels=2)
    assert np.abs(sound).max() <= CEILING + 0.001
    meter = LoudnessMeter()
    meter.add(sound.reshape(-1))
    assert meter.lufs == pytest.approx(TARGET_LUFS, abs=1.5)


@pytest.mark.parametrize(
    "station",
    [{}, {"greets": "ICY 200 OK"}, {"always_titles": True}, {"greets": "ICY 200 OK", "always_titles": True}],
    ids=["icecast", "shoutcast", "titles", "shoutcast with titles"],
)
async def test_stations_of_every_kind_are_heard_without_a_click(radio: Radio, station: dict[str, Any]) -> None:
    async with Station(440.0, **station) as on_air:
        radio.play_address(on_air.url("radio.test"))
        await radio.listen(lambda: len(radio.frames) > 6 * SECOND)
        radio.player.skip()
        await radio.until_over()
    assert radio.news == ["▶️ Jazz"]
    sound = from_pcm16(b"".join(radio.frames[SECOND : 6 * SECOND]), channels=2).reshape(-1, 960)
    wave = np.exp(-2j * np.pi * 440.0 * np.arange(960) / 48_000) * np.hanning(960)
    others = np.fft.rfft(sound * np.hanning(960))
    assert (np.abs(others[:, 20:]).max(axis=1) < 0.001 * np.abs(sound @ wave)).all(), "nothing but the tone is heard"


async def test_when_the_call_ends_the_connection_and_the_process_are_gone(radio: Radio) -> None:
    radio.sends(again(song()))
    radio.play()
    await radio.listen(lambda: len(radio.frames) > SECOND)
    await radio.player.close()
    assert decoders() == []
    await asyncio.wait_for(radio.gone.wait(), LIMIT)


async def test_a_station_that_is_skipped_before_its_first_sound_leaves_no_process_and_no_connection(
    radio: Radio,
) -> None:
    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        while True:
            yield b"\0"
            await asyncio.sleep(0.05)

    radio.sends(send)
    radio.play()
    await radio.listen(lambda: decoders() != [])
    radio.player.skip()
    await radio.until_over()
    await asyncio.wait_for(radio.gone.wait(), LIMIT)
    assert radio.news == []


async def test_at_a_stall_the_sound_fades_out_and_people_are_told_and_later_the_station_goes_on(radio: Radio) -> None:
    more = asyncio.Event()

    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        yield song()
        await more.wait()
        while True:
            yield song()

    radio.sends(send)
    radio.play()
    await radio.listen(lambda: radio.state is StreamState.STALLED)
    stalled = len(radio.frames)
    end = from_pcm16(radio.frames[-1], channels=2)
    assert np.abs(end[-48:]).max() < 0.01, "it has faded out"
    await radio.listen(lambda: len(radio.told) == 2)
    assert radio.told == ["▶️ Radio", "⏳ Radio has stalled. It goes on when there is more of it."]
    more.set()
    await radio.listen(lambda: len(radio.frames) > stalled + 2 * SECOND)
    assert radio.state is StreamState.PLAYING


async def test_during_a_pause_a_station_goes_on_without_being_heard(radio: Radio) -> None:
    sent = 0
    data = song()

    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            yield data
            sent += 1

    radio.sends(send)
    radio.play()
    await radio.listen(lambda: len(radio.frames) > SECOND)
    radio.player.pause()
    await radio.listen(lambda: not radio._mixer.plays() and radio.player.playing is not None)
    before = sent
    await radio.listen(lambda: sent > before + 20)
    radio.player.pause()
    heard = len(radio.frames)
    await radio.listen(lambda: len(radio.frames) > heard + SECOND)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<!doctype html><p>There is no music here." * 20, f"❌ Radio: {NO_SOUND}"),
        (b"#EXTM3U\nfile:///etc/passwd\n", f"❌ Radio: {NO_SOUND}"),
        (b"", f"❌ Radio: {NO_SOUND}"),
    ],
)
async def test_a_stream_that_is_no_sound_is_reported(radio: Radio, data: bytes, told: str) -> None:
    radio.sends(once(radio.server, data, stays=False))
    radio.play()
    await radio.until_over()
    assert radio.news == [told]


async def test_endless_zeros_are_given_up(radio: Radio) -> None:
    radio.sends(again(bytes(65_536)))
    radio.play()
    await radio.until_over()
    assert radio.news == [f"❌ Radio: {NO_SOUND}"]
    await asyncio.wait_for(radio.gone.wait(), LIMIT)


@pytest.mark.parametrize("junk", [bytes(65_536), b"<p>no music</p>" * 5_000, np.random.default_rng(1).bytes(65_536)])
async def test_a_station_that_turns_to_junk_is_given_up(
    radio: Radio, junk: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        yield song()
        while True:
            yield junk

    radio.sends(send)
    radio.play()
    await radio.listen(lambda: len(radio.frames) > 2 * SECOND)
    monkeypatch.setattr(decoding, "SOUND_SECONDS", 2.0)
    await radio.until_over()
    assert radio.news[0] == "▶️ Radio"
    assert radio.news[-1] in (f"❌ Radio: {live.TOO_SLOW}", f"❌ Radio: {decoding.BROKEN_OFF}")


async def test_a_station_that_sends_one_byte_at_a_time_is_given_up(
    radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "OPENING_SECONDS", 2.0)
    data = song()

    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        for at in range(len(data)):
            yield data[at : at + 1]
            await asyncio.sleep(0.05)

    radio.sends(send)
    radio.play()
    await radio.until_over()
    assert radio.news == [f"❌ Radio: {live.TOO_SLOW}"]


async def test_a_silent_station_is_given_up(radio: Radio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_music, "LIMITS", replace(web_music.LIMITS, idle_seconds=2.0))
    radio.sends(once(radio.server, song()))
    radio.play()
    await radio.until_over()
    assert radio.news[-1] == "❌ Radio: I can't fetch it: its server was silent for 2 s."
    assert len(radio.frames) == pytest.approx(4 * SECOND, abs=5), "all that it has sent is heard"


async def test_the_end_of_a_station_is_reported_and_the_next_piece_begins(radio: Radio) -> None:
    radio.sends(once(radio.server, song(), stays=False))
    radio.play()
    radio.play()
    await radio.until_over()
    assert radio.news == ["▶️ Radio", "⏹️ Radio: its server has ended it."] * 2


async def test_redirects_without_an_end_and_to_other_hosts_are_refused(radio: Radio) -> None:
    for number in range(100):
        radio.server.answers[f"/{number}"] = redirect(f"/{number + 1}")
    radio.server.answers["/away"] = redirect(radio.server.url("/live", host="127.0.0.1"))
    radio.play("/0")
    radio.play("/away")
    await radio.until_over()
    assert radio.news == [
        "❌ Radio: I can't fetch it: it leads from one address to the next without an end.",
        "❌ Radio: I may not fetch from 127.0.0.1.",
    ]
    assert len(radio.server.asked) < 10


async def test_a_radio_may_change_its_rate_between_two_pieces(radio: Radio) -> None:
    pieces = (song(), encoded("mp3", "libmp3lame", 4.0, rate=22_050, layout="mono"), song())
    radio.sends(once(radio.server, *pieces, stays=False))
    radio.play()
    await radio.until_over()
    assert len(radio.frames) == pytest.approx(12 * SECOND, abs=25)


def test_the_end_of_a_stream_at_the_limit_of_hours_is_explained() -> None:
    assert {TOO_LONG: f"It has played for {MAX_HOURS} hours, which is the limit."} == live.STATUSES
