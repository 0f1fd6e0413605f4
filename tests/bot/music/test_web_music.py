"""Music from the web over real sockets: only the operator's hosts, within bounds, and people are told why not.

Here 127.0.0.1 stands for the public internet, and 127.0.0.2 for the operator's network.
"""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF16_BE
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from bot.fetching.addresses import IPAddress
from bot.fetching.fetcher import Fetcher
from bot.music import web_music
from bot.music.decoding import MusicError
from bot.music.live import source_decoding
from bot.music.web_music import WebMusic, WebPiece, is_address, lacks_scheme
from tests.bot.fetching.hostile_server import HostileServer, plain, redirect
from tests.bot.music.pieces import wav

pytestmark = pytest.mark.usefixtures("forked_decoders")

HOSTS = frozenset({"music.test", "cdn.test", "inside.test", "both.test", "xn--mnchen-3ya.test"})
PUBLIC, PRIVATE = ip_address("127.0.0.1"), ip_address("127.0.0.2")
SHORT = 0.3
TONE = wav(0.5, 0.2)


async def resolve(host: str) -> list[IPAddress]:
    return {"inside.test": [PRIVATE], "both.test": [PUBLIC, PRIVATE]}.get(host, [PUBLIC])


@pytest.fixture
def web() -> WebMusic:
    return WebMusic(HOSTS, Fetcher(resolve, may_reach=lambda address: address == PUBLIC))


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer() as server:
        server.answers["/tone.wav"] = plain(TONE, "Content-Type: audio/wav")
        yield server


async def fetched(piece: WebPiece) -> bytes:
    async with piece.source.open() as content:
        assert isinstance(content, bytes), "it is no stream"
        return content


async def seconds_of(piece: WebPiece, folder: Path) -> float:
    """Decode a piece as a call does. Returns its length."""
    async with source_decoding(piece.source, folder) as music:
        return music.seconds


async def refusal(piece: WebPiece) -> str:
    with pytest.raises(MusicError) as caught:
        await fetched(piece)
    return str(caught.value)


@pytest.mark.parametrize("host", ["music.test", "MUSIC.Test", "music.test.", "münchen.test", "MÜNCHEN.test"])
async def test_a_sound_file_of_an_allowed_host_is_played(
    web: WebMusic, server: HostileServer, tmp_path: Path, host: str
) -> None:
    piece = web.piece(server.url("/tone.wav", host=host))
    assert piece.title == "tone"
    assert server.asked == [], "nothing is fetched before its turn"
    assert await seconds_of(piece, tmp_path) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://other.test/a.mp3", "other.test"),
        ("HTTPS://Other.Test:8443/a.mp3", "other.test"),
        ("http://music.test.other.test/a.mp3", "music.test.other.test"),
        ("http://sub.music.test/a.mp3", "sub.music.test"),
        ("http://other.test#music.test", "other.test"),
        ("http://other.test/?http://music.test/", "other.test"),
        ("http://127.0.0.1:8765/", "127.0.0.1"),
        ("http://[::1]/a.mp3", "::1"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("http://localhost/a.mp3", "localhost"),
        ("http://a_b_c.test/", "a\\_b\\_c.test"),
    ],
)
def test_other_hosts_are_refused_at_once(web: WebMusic, address: str, host: str) -> None:
    for written in (address, f"<{address}>", f"`{address}`"):
        assert is_address(written)
        with pytest.raises(MusicError) as caught:
            web.piece(written)
        assert str(caught.value) == f"I may not fetch from {host}."


def test_without_the_setting_no_host_is_allowed() -> None:
    with pytest.raises(MusicError, match=r"^I may not fetch from music\.test\.$"):
        WebMusic().piece("http://music.test/tone.wav")


@pytest.mark.parametrize(
    "address",
    [
        *("file:///etc/passwd", "ftp://music.test/a", "concat://a|b", "rtsp://music.test/", "gopher://music.test/"),
        *("http://ada:secret@music.test/a.mp3", "http://music.test@other.test/", "http://", "http://music.test:99999/"),
        "http://music.test/" + "a" * 2_000,
    ],
)
def test_addresses_that_are_no_web_addresses_are_refused_without_repeating_a_password(
    web: WebMusic, address: str
) -> None:
    assert is_address(address)
    with pytest.raises(MusicError, match=r"^I can't fetch it: it") as caught:
        web.piece(address)
    assert "secret" not in str(caught.value)


def test_names_of_pieces_are_no_addresses() -> None:
    assert not any(
        map(is_address, ("Blue Danube", "AC/DC: Thunderstruck", "http", "what is http://", "music.test/a.mp3"))
    )


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/a/Blue%20Danube.MP3?token=1", "Blue Danube"),
        ("/live", "live"),
        ("/mix.2026", "mix.2026"),
        ("/;", "music.test"),
        ("/;?icy=http", "music.test"),
        ("/;stream.mp3", "stream"),
        ("/-", "music.test"),
        ("/", "music.test"),
        ("", "music.test"),
        ("/**bold**%0A@everyone.ogg", "\\*\\*bold\\*\\* \\@everyone"),
        ("/" + "x" * 300 + ".ogg", "x" * 79 + "…"),
    ],
)
def test_the_title_is_the_last_part_of_the_address(web: WebMusic, path: str, title: str) -> None:
    assert web.piece(f"http://music.test{path}").title == title


async def test_a_redirect_leads_only_to_allowed_hosts(web: WebMusic, server: HostileServer) -> None:
    server.answers["/good"] = redirect(server.url("/tone.wav", host="cdn.test"))
    server.answers["/bad"] = redirect(server.url("/tone.wav", host="other.test"))
    server.answers["/worse"] = redirect(server.url("/tone.wav", host="127.0.0.1"))
    server.answers["/file"] = redirect("file:///etc/passwd")
    server.answers["/round"] = redirect("/round")
    assert await fetched(web.piece(server.url("/good", host="music.test"))) == TONE
    told = [await refusal(web.piece(server.url(path, host="music.test"))) for path in ("/bad", "/worse", "/file")]
    assert told[:2] == ["I may not fetch from other.test.", "I may not fetch from 127.0.0.1."]
    assert told[2].startswith("I can't fetch it: ")
    assert "without an end" in await refusal(web.piece(server.url("/round", host="music.test")))
    assert sum("/tone.wav" in head for head in server.asked) == 1


async def test_an_allowed_host_may_be_in_the_operators_network(web: WebMusic) -> None:
    async with HostileServer("127.0.0.2") as inside:
        inside.answers["/tone.wav"] = plain(TONE)
        assert await fetched(web.piece(inside.url("/tone.wav", host="inside.test"))) == TONE


@pytest.mark.parametrize("host", ["inside.test", "both.test"])
async def test_no_other_server_can_redirect_into_the_operators_network(
    web: WebMusic, server: HostileServer, host: str
) -> None:
    async with HostileServer("127.0.0.2") as inside:
        server.answers["/in"] = redirect(inside.url("/tone.wav", host=host))
        told = await refusal(web.piece(server.url("/in", host="music.test")))
        assert told == f"I can't fetch it: {host} is not on the public internet."
        assert inside.asked == []


@pytest.mark.parametrize("port", [1, 22, 25, 1023])
def test_ports_of_other_services_are_not_asked(web: WebMusic, port: int) -> None:
    with pytest.raises(MusicError, match=rf"^I may not fetch from music\.test:{port}\.$"):
        web.piece(f"http://music.test:{port}/a.mp3")


PLAYLISTS = {
    "/a.m3u": b"#EXTM3U\nfile:///etc/passwd\n{trap}\n",
    "/a.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{trap}\n#EXT-X-ENDLIST\n",
    "/a.pls": b"[playlist]\nNumberOfEntries=1\nFile1={trap}\n",
    "/a.ffconcat": b"ffconcat version 1.0\nfile '{trap}'\n",
    "/a.mpd": b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{trap}</BaseURL></Period></MPD>',
    "/a.asx": b'<asx version="3.0"><entry><ref href="{trap}"/></entry></asx>',
    "/a.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "/page.mp3": b"<!doctype html><p>There is no music here.",
    "/empty.mp3": b"",
}


@pytest.mark.parametrize("path", PLAYLISTS)
async def test_a_playlist_leads_nowhere(web: WebMusic, server: HostileServer, tmp_path: Path, path: str) -> None:
    trap = server.url("/tone.wav")
    server.answers[path] = plain(PLAYLISTS[path].replace(b"{trap}", trap.encode()), "Content-Type: audio/mpeg")
    with pytest.raises(MusicError, match="not a sound file that I can play"):
        await seconds_of(web.piece(server.url(path, host="music.test")), tmp_path)
    assert [head.split()[1] for head in server.asked] == [path]


NO_MUSIC = {
    "page": (b"\n<!DOCTYPE html>\n<html><title>Radio</title>", web_music.PAGE),
    "page of XML": (b'<?xml version="1.0"?><!-- hello --><html xmlns="x">', web_music.PAGE),
    "m3u": (b"#EXTM3U\r\n#EXTINF:-1,Jazz\r\nhttp://music.test/live\r\n", web_music.PLAYLIST),
    "m3u without a head": (b"http://music.test/live\n", web_music.PLAYLIST),
    "pls": (b"[Playlist]\nFile1=http://music.test/live\n", web_music.PLAYLIST),
    "hls": (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\na.ts\n", web_music.HLS),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be with a mark"])
@pytest.mark.parametrize(("body", "told"), NO_MUSIC.values(), ids=NO_MUSIC)
async def test_pages_and_playlists_that_people_take_for_music_are_named_as_such(
    web: WebMusic, server: HostileServer, body: bytes, told: str, encoding: str
) -> None:
    text = body.decode()
    body = BOM_UTF16_BE + text.encode("utf-16-be") if "with a mark" in encoding else text.encode(encoding)
    server.answers["/live"] = plain(body, "Content-Type: text/plain")
    assert await refusal(web.piece(server.url("/live", host="music.test"))) == told


@pytest.mark.parametrize(
    "text",
    [
        "music.test/a.mp3",
        "www.music.test",
        "localhost:8000",
        "music.test:8000/live",
        "http:/music.test/a",
        "`10.0.0.1:8000/;`",
    ],
)
def test_an_address_without_a_scheme_is_recognised(text: str) -> None:
    assert lacks_scheme(text)


@pytest.mark.parametrize(
    "text", ["AC/DC", "Blue Danube", "mix.2026", "song.mp3", "12:30", "a/b.c d", "No. 5/2", "http", ""]
)
def test_a_name_of_music_is_not_taken_for_an_address_without_a_scheme(text: str) -> None:
    assert not lacks_scheme(text)


async def huge(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    await writer.drain()


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


def slow(server: HostileServer) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.ended:
            writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(0.02)

    return answer


async def test_huge_endless_and_slow_files_are_bounded(
    web: WebMusic, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await server.until_ended()

    server.answers |= {"/huge": huge, "/endless": endless, "/slow": slow(server), "/silent": silent}
    server.answers["/teapot"] = plain(b"", status="418 I'm a teapot")
    assert (
        await refusal(web.piece(server.url("/huge", host="music.test"))) == "I can't fetch it: it has more than 25 MB."
    )
    assert "status 418" in await refusal(web.piece(server.url("/teapot", host="music.test")))
    monkeypatch.setattr(web_music, "LIMITS", replace(web_music.LIMITS, size=1024**2))
    assert "more than 1 MB" in await refusal(web.piece(server.url("/endless", host="music.test")))
    monkeypatch.setattr(web_music, "LIMITS", replace(web_music.LIMITS, seconds=SHORT))
    assert "did not come within 0.3 s" in await refusal(web.piece(server.url("/slow", host="music.test")))
    assert "did not come within 0.3 s" in await refusal(web.piece(server.url("/silent", host="music.test")))
