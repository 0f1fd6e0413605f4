"""`!play` with a web address in a call: what the operator has allowed is heard, everything else is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

import pytest

from bot.fetching.addresses import IPAddress
from bot.fetching.fetcher import Fetcher
from bot.music import web_music
from tests.bot.fetching.hostile_server import HostileServer, plain, redirect
from tests.bot.music.pieces import wav
from tests.e2e.conftest import StageMaker
from tests.e2e.test_music import MUSIC_HZ, hear, levels

PUBLIC = ip_address("127.0.0.1")
"""The address of this machine, which counts as an address on the public internet here."""


async def resolve(_: str) -> Sequence[IPAddress]:
    return [PUBLIC]


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer() as server:
        server.answers["/Long%20Tone.wav"] = plain(wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
        server.answers["/away.wav"] = redirect(server.url("/Long%20Tone.wav", host="other.test"))
        server.answers["/list.m3u8"] = plain(b"#EXTM3U\n#EXTINF:5,\n" + server.url("/trap.wav").encode() + b"\n")
        yield server


async def test_music_of_allowed_hosts_is_heard_and_nothing_else_is_fetched(
    make_stage: StageMaker, speech_server: str, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_music, "Fetcher", lambda: Fetcher(resolve, may_reach=lambda address: address == PUBLIC))
    async with make_stage(
        tts_websocket_url=speech_server, music_urls=("music.test",), music_volume=100, answer_to="name"
    ) as stage:
        await stage.join()
        other = server.url("/Long%20Tone.wav", host="other.test")
        assert await stage.answer_to(f"!play {other}", starts="❌") == "❌ I may not fetch from other.test."
        away = server.url("/away.wav", host="music.test")
        assert await stage.answer_to(f"!play {away}", starts="❌ away") == "❌ away: I may not fetch from other.test."
        playlist = server.url("/list.m3u8", host="music.test")
        assert await stage.answer_to(f"!play {playlist}", starts="❌ list") == (
            "❌ list.m3u8: It is not a sound file that I can play, but a list of addresses. Play one of those."
        )
        before = stage.ada.voice.receiver.count(stage.bot)
        tone = server.url("/Long%20Tone.wav", host="MUSIC.test")
        assert await stage.answer_to(f"!play <{tone}>", starts="▶️") == "▶️ Long Tone"
        await hear(stage, 60)
        assert levels(stage, MUSIC_HZ, before).max() > -40, "the tone is heard"
        assert [head.split()[1] for head in server.asked] == ["/away.wav", "/list.m3u8", "/Long%20Tone.wav"]


async def test_an_allowed_host_may_be_in_the_operators_network(
    make_stage: StageMaker, speech_server: str, server: HostileServer
) -> None:
    async with make_stage(tts_websocket_url=speech_server, music_urls=("localhost",)) as stage:
        await stage.join()
        address = server.url("/Long%20Tone.wav", host="localhost")
        assert await stage.answer_to(f"!play {address}", starts="▶️") == "▶️ Long Tone"
