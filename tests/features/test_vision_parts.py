"""Decoding within bounds, and downloads that come from nowhere else and are never longer than agreed."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.features.vision.download import DownloadError, TooLongError, download
from bot.features.vision.frames import BrokenPictureError, DecodingBudget, decode
from bot.features.vision.kinds import Kind, kind_of
from tests.features.moving_pictures import make, png_bomb, size_and_grey

KINDS = {
    "png": Kind.PNG,
    "jpg": Kind.JPEG,
    "gif": Kind.GIF,
    "webp": Kind.WEBP,
    "animated.webp": Kind.ANIMATED_WEBP,
    "apng": Kind.APNG,
    "mp4": Kind.MP4,
    "webm": Kind.WEBM,
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_file_is_known_by_its_bytes_and_decoded(name: str, kind: Kind) -> None:
    moving = name not in ("png", "jpg", "webp")
    data = make(name, frames=9 if moving else 1, width=1600, height=200)
    assert kind_of(data) is kind
    greys = [size_and_grey(jpeg) for jpeg in decode(data, kind, 3, DecodingBudget())]
    assert [grey[:2] for grey in greys] == [(768, 96)] * (3 if moving else 1)
    assert sorted(greys) == greys


@pytest.mark.parametrize("data", [b"", b"GIF", b"RIFF\0\0\0\0WAVE", b"<svg>", b"PK\3\4", b"\0" * 64])
def test_anything_else_is_nothing_we_know(data: bytes) -> None:
    assert kind_of(data) is None


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_file_cut_off_anywhere_is_decoded_as_far_as_it_goes_or_refused(name: str, kind: Kind) -> None:
    data = make(name, frames=4 if name not in ("png", "jpg", "webp") else 1)
    for length in range(12, len(data), max(1, len(data) // 40)):
        if (found := kind_of(data[:length])) is None:
            continue
        with contextlib.suppress(BrokenPictureError):
            assert decode(data[:length], found, 3, DecodingBudget())


def test_a_long_video_is_seen_from_beginning_to_end() -> None:
    data = make("mp4", frames=900, rate=30)
    greys = [size_and_grey(jpeg)[2] for jpeg in decode(data, Kind.MP4, 4, DecodingBudget())]
    assert len(greys) == 4
    assert greys == sorted(greys)
    assert greys[-1] - greys[0] > 100


def test_decoding_ends_when_the_time_is_up_or_nobody_waits() -> None:
    data = make("gif", frames=50)
    seconds = itertools.count()
    assert (
        size_and_grey(decode(data, Kind.GIF, 1, DecodingBudget(lambda: float(next(seconds)), seconds=3.0))[0])[2] < 60
    )
    budget = DecodingBudget()
    budget.stop.set()
    assert len(decode(data, Kind.GIF, 6, budget)) == 1


@pytest.mark.parametrize("claim", ["width", "canvas"])
def test_what_would_grow_too_large_is_refused_before_it_is_decoded(claim: str) -> None:
    if claim == "width":
        data, kind = png_bomb(9000), Kind.PNG
    else:
        small, kind = make("animated.webp", frames=3), Kind.ANIMATED_WEBP
        data = small[:24] + b"\xff\xff\0\xff\xff\0" + small[30:]
    with pytest.raises(BrokenPictureError):
        decode(data, kind, 3, DecodingBudget())


@pytest.fixture
async def cdn() -> AsyncIterator[str]:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(bytes(1000))
        return response

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/file")

    async def zipped(_request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b not unpacked", headers={"Content-Encoding": "gzip"})

    async def file(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(500))

    app = web.Application()
    for handler in (endless, elsewhere, zipped, file):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_download_is_bounded_and_goes_nowhere_else(cdn: str) -> None:
    async with aiohttp.ClientSession() as http:
        assert await download(http, f"{cdn}/file", 500) == bytes(500)
        assert await download(http, f"{cdn}/zipped", 500) == b"\x1f\x8b not unpacked"
        for path in ("file", "endless"):
            with pytest.raises(TooLongError):
                await download(http, f"{cdn}/{path}", 499)
        with pytest.raises(DownloadError, match="302"):
            await download(http, f"{cdn}/elsewhere", 500)
        with pytest.raises(DownloadError, match="404"):
            await download(http, f"{cdn}/nowhere", 500)
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/a", "//host/a", "http://127.0.0.1:1/"):
            with pytest.raises(DownloadError):
                await download(http, url, 500)
