"""Hostile streams of the web over real sockets: each is bounded, people are told, and nothing is left of it.

Here 127.0.0.1 stands for the public internet, and 127.0.0.2 for the operator's network.
"""

from __future__ import annotations

import asyncio
import gzip
import math
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme

from audio.pcm import from_pcm16
from audio.samples import SPEAKING_FRAME, SPEAKING_RATE
from bot.music import decoding, live, web_music
from bot.voice.mixing.limiter import CEILING
from tests.bot.fetching.hostile_server import HostileServer, redirect
from tests.bot.music.hostile_files import encoded
from tests.bot.music.test_live import SECOND, Radio, again, on_air, once, song
from tests.timing import LIMIT

pytestmark = pytest.mark.usefixtures("forked_decoders")

PART_SECONDS = 3.0
PITCHES = (440, 660, 880)
"""The tones of the three parts of a stream that changes, in hertz."""


@pytest.fixture
async def radio(tmp_path: Path) -> AsyncIterator[Radio]:
    async with on_air(tmp_path) as radio:
        yield radio


@cache
def part(container: str, codec: str, rate: int = 48_000, layout: str = "stereo", *, pitch: float = PITCHES[0]) -> bytes:
    return encoded(container, codec, PART_SECONDS, rate=rate, layout=layout, pitch=pitch)


MP3, AAC, OGG, FLAC = ("mp3", "libmp3lame"), ("adts", "aac"), ("ogg", "libopus"), ("flac", "flac")
ALL, WITHOUT_SECOND, FIRST = PITCHES, (PITCHES[0], PITCHES[2]), PITCHES[:1]
ENDED, BROKEN_OFF = "⏹️ Radio: its server has ended it.", f"❌ Radio: {decoding.BROKEN_OFF}"
CHANGES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...], tuple[int, ...], str]] = {
    "MP3, then AAC": (MP3, AAC, WITHOUT_SECOND, ENDED),
    "MP3, then Ogg": (MP3, OGG, WITHOUT_SECOND, ENDED),
    "MP3, then a quarter of the rate, mono": (MP3, (*MP3, 12_000, "mono"), ALL, ENDED),
    "AAC, then MP3": (AAC, MP3, FIRST, BROKEN_OFF),
    "AAC, then six channels": (AAC, (*AAC, 44_100, "5.1"), ALL, ENDED),
    "AAC, then a sixth of the rate, mono": (AAC, (*AAC, 8_000, "mono"), ALL, ENDED),
    "Ogg, then MP3": (OGG, MP3, WITHOUT_SECOND, ENDED),
    "FLAC, then twice the rate": (FLAC, (*FLAC, 96_000), WITHOUT_SECOND, ENDED),
    "FLAC, then mono": (FLAC, (*FLAC, 22_050, "mono"), ALL, ENDED),
}
"""The kind of the first and the third part of a stream, the kind of the second part, the tones that are heard, and what
people are told.
"""


@pytest.mark.parametrize(("outer", "inner", "heard", "told"), CHANGES.values(), ids=CHANGES)
async def test_when_a_stream_changes_its_format_every_part_that_can_be_decoded_is_heard_whole(
    radio: Radio, outer: tuple[Any, ...], inner: tuple[Any, ...], heard: tuple[int, ...], told: str
) -> None:
    parts = zip((outer, inner, outer), PITCHES, strict=True)
    first, second, third = (part(*each, pitch=pitch) for each, pitch in parts)
    kind = {b"OggS": "application/ogg", b"fLaC": "audio/flac"}.get(first[:4], "audio/mpeg")
    radio.sends(once(radio.server, first, second, third, stays=False), f"Content-Type: {kind}")
    radio.play()
    await radio.until_over()
    assert radio.news == ["▶️ Radio", told]
    tones = [tone for tone in map(tone_of, radio.frames) if tone is not None]
    assert tuple(dict.fromkeys(tones)) == heard
    for tone in heard:
        # After a change, FFmpeg's parser of FLAC gives the first sound twice.
        assert PART_SECONDS - 0.1 <= tones.count(tone) / SECOND <= PART_SECONDS + 1.0
    assert np.abs(from_pcm16(b"".join(radio.frames), channels=2)).max() <= CEILING + 0.001


def tone_of(frame: bytes) -> int | None:
    """Which of the tones a frame has, however quiet it is; ``None`` if it has none of them."""
    sound = from_pcm16(frame, channels=2) * np.hanning(SPEAKING_FRAME)
    waves = np.exp(-2j * np.pi * np.outer(PITCHES, np.arange(SPEAKING_FRAME)) / SPEAKING_RATE)
    likeness = np.abs(waves @ sound) / (np.linalg.norm(sound) * math.sqrt(SPEAKING_FRAME) + 1e-9)
    return PITCHES[likeness.argmax()] if likeness.max() > 0.4 else None


CHAINS = {
    "another codec": part("ogg", "flac"),
    "six channels": part("ogg", "libopus", layout="5.1"),
    "another rate": part("ogg", "flac", rate=22_050),
    "the same": part("ogg", "libopus"),
}


@pytest.mark.parametrize("second", CHAINS.values(), ids=CHAINS)
async def test_each_link_of_a_chain_is_heard(radio: Radio, second: bytes) -> None:
    radio.sends(
        once(radio.server, part("ogg", "libopus"), second, song("opus"), stays=False), "Content-Type: audio/ogg"
    )
    radio.play()
    await radio.until_over()
    assert radio.news == ["▶️ Radio", "⏹️ Radio: its server has ended it."]
    assert len(radio.frames) == pytest.approx((2 * PART_SECONDS + 4) * SECOND, abs=15)


async def test_a_chain_of_links_without_sound_is_given_up(radio: Radio) -> None:
    first = b"OggS\0\2" + bytes(20) + b"\1\1x"
    other = b"OggS\0\0" + bytes(20) + b"\1\1x"
    radio.sends(again((first + other) * 1_000), "Content-Type: audio/ogg")
    radio.play()
    await radio.until_over()
    assert radio.news == ["❌ Radio: It is not a sound file that I can play."]


INSIDE = ["127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0x7f.1", "inside.test"]


@pytest.mark.parametrize("hops", range(5))
async def test_no_redirect_of_a_stream_leads_into_the_operators_network(radio: Radio, hops: int) -> None:
    async with HostileServer("127.0.0.2") as inside:
        for host in INSIDE:
            del radio.server.asked[:], radio.told[:]
            for hop in range(hops):
                radio.server.answers[f"/{hop}"] = redirect(f"/{hop + 1}")
            radio.server.answers[f"/{hops}"] = redirect(inside.url("/live", host=host))
            radio.play("/0")
            await radio.until_over()
            assert len(radio.news) == 1
            assert radio.news[0].startswith(("❌ Radio: I may not fetch from", "❌ Radio: I can't fetch it:"))
            assert [head.split()[1] for head in radio.server.asked] == [f"/{hop}" for hop in range(hops + 1)]
        assert inside.asked == []


async def test_a_server_that_begins_tls_and_falls_silent_is_given_up(
    radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_music, "LIMITS", replace(web_music.LIMITS, idle_seconds=1.0))
    connected = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        radio.play_address(f"https://radio.test:{port}/live")
        await radio.until_over()
    await asyncio.wait_for(connected.wait(), LIMIT)
    assert radio.news == ["❌ live: I can't fetch it: its server was silent for 1 s."]


async def test_a_server_without_a_trusted_certificate_is_reported(radio: Radio) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("radio.test").configure_cert(context)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        radio.play_address(f"https://radio.test:{server.sockets[0].getsockname()[1]}/live")
        await radio.until_over()
    assert radio.news == [
        "❌ live: I can't fetch it: its server can't be used: the certificate of radio.test is not trusted."
    ]


async def test_a_server_that_speaks_no_tls_is_reported(radio: Radio) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        radio.play_address(f"https://radio.test:{port}/live")
        await radio.until_over()
        assert radio.news == [
            f"❌ live: I can't fetch it: its server can't be used: radio.test:{port} does not speak TLS (https)."
        ]


TITLES = "StreamTitle='@everyone <@1> \u202e**x** `y` [a](http://evil.test)';"


@pytest.mark.parametrize("every", ["4096", "0", "-1", "1", "9" * 40, "4096, 8192", "x"])
async def test_titles_of_a_station_are_shown_to_nobody(radio: Radio, every: str) -> None:
    block = TITLES.encode().ljust(255 * 16, b"\0")
    data = song()

    async def send(_: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        for at in range(0, len(data), 4_096):
            sound = data[at : at + 4_096]
            yield sound
            if len(sound) == 4_096 and every == "4096":
                yield b"\xff" + block

    radio.sends(send, "Content-Type: audio/mpeg", f"icy-metaint: {every}", "icy-name: @everyone <@1>", "icy-url: x")
    radio.play()
    await radio.until_over()
    assert radio.news == ["▶️ Radio", "⏹️ Radio: its server has ended it."]
    assert len(radio.frames) == pytest.approx(4 * SECOND, abs=30)


async def test_unpacking_a_stream_stops_at_the_maximum_size_of_a_file(radio: Radio) -> None:
    bomb = gzip.compress(bytes(64 * 1024**2))
    radio.sends(
        once(radio.server, bomb, stays=False), "Content-Type: audio/mpeg", "Content-Encoding: gzip", "icy-name: x"
    )
    radio.play()
    await radio.until_over()
    assert radio.news == ["❌ Radio: I can't fetch it: it has more than 25 MB."]


async def test_a_head_with_an_endless_line_is_given_up(radio: Radio) -> None:
    radio.sends(again(b"icy-x: y\r\n" * 1_000), "Content-Type: audio/mpeg", "icy-x: " + "y" * 100_000)
    radio.play()
    await radio.until_over()
    assert radio.news == ["❌ Radio: I can't fetch it: its server can't be used: what it answers is not HTTP."]


async def test_a_stream_that_goes_on_with_more_overhead_than_sound_is_given_up(radio: Radio) -> None:
    async def wrapped(writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        data = song()
        yield f"{len(data):x}\r\n".encode() + data + b"\r\n"
        while True:
            yield b"1;" + b"x" * 60 + b"\r\n\0\r\n"

    radio.sends(wrapped, "Content-Type: audio/mpeg", "Transfer-Encoding: chunked")
    radio.play()
    await radio.until_over()
    told = "❌ Radio: I can't fetch it: its server sends more overhead than content."
    assert radio.news == ["▶️ Radio", told]


async def test_an_endless_page_is_given_up_at_the_maximum_size_of_a_file(radio: Radio) -> None:
    radio.sends(again(b"<p>Listen!</p>" * 1_000), "Content-Type: text/html")
    radio.play()
    await radio.until_over()
    assert radio.news == ["❌ Radio: I can't fetch it: it has more than 25 MB."]


async def test_a_station_whose_format_never_becomes_clear_is_given_up(
    radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "OPENING_SECONDS", 2.0)
    radio.sends(again(b"OggS" + bytes(23)), "Content-Type: audio/ogg")
    radio.play()
    await radio.until_over()
    assert radio.news[0] in (f"❌ Radio: {live.TOO_SLOW}", "❌ Radio: It is not a sound file that I can play.")
