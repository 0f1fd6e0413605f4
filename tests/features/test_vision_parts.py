"""Tests of the parts of vision: how files are decoded, the limits of decoding and downloads, and the vision model.

Downloads follow no redirects, and never take more bytes than allowed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from PIL import ExifTags, Image
from pydantic import SecretStr

from bot.discord_files import DownloadError, FileTooLargeError, download
from bot.features.vision.budget import DecodingBudget, UnknownFileError
from bot.features.vision.frames import decode_frames
from bot.features.vision.media import VisionError
from bot.features.vision.vision_model import PICTURE_TOKENS, MediaFrames, VisionModel
from bot.llm.messages import estimated_tokens
from bot.metering import Account
from bot.pictures import BrokenPictureError
from config import hosts
from config.feature_sections import VisionSettings
from tests.features.moving_pictures import make, png_bomb, size_and_grey, turned
from tests.features.vision_server import VisionServer
from tests.http_server import LocalServer
from tests.meters import NotingMeter

STILL, MOVING = ("png", "jpg", "webp"), ("gif", "animated.webp", "apng", "mp4", "webm")


@pytest.mark.parametrize("name", [*STILL, *MOVING])
def test_a_file_is_decoded_regardless_of_its_name(name: str) -> None:
    data = make(name, frames=9 if name in MOVING else 1, width=1600, height=200)
    greys = [size_and_grey(jpeg) for jpeg in decode_frames(data, 3, DecodingBudget())]
    assert [grey[:2] for grey in greys] == [(768, 96)] * (3 if name in MOVING else 1)
    assert sorted(greys) == greys


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(orientation: int) -> None:
    upright = Image.new("L", (200, 300))
    upright.paste(255, (0, 0, 200, 100))
    upright.paste(128, (0, 200, 100, 300))
    # The picture as a rotated camera stores it: the inverse of the viewer's operation.
    ways = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(ways[orientation])) if orientation > 1 else upright
    exif, file = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(file, "JPEG", exif=exif)
    (jpeg,) = decode_frames(file.getvalue(), 1, DecodingBudget())
    with Image.open(io.BytesIO(jpeg)) as seen:
        assert seen.size == (200, 300)
        corners = [seen.convert("L").getpixel(at) for at in ((100, 50), (50, 250), (150, 250))]
        assert corners == [pytest.approx(grey, abs=8) for grey in (255, 128, 0)]
        assert ExifTags.Base.Orientation not in seen.getexif(), (
            "with its orientation left in, the picture would be turned twice"
        )


def test_a_picture_with_broken_exif_data_is_decoded() -> None:
    file = io.BytesIO()
    Image.new("L", (40, 30), 200).save(file, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(20))
    (jpeg,) = decode_frames(file.getvalue(), 1, DecodingBudget())
    assert size_and_grey(jpeg)[:2] == (40, 30)


def test_a_photograph_of_50_megapixels_is_scaled_down() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8192, 6144), (90, 90, 90)).save(file, "JPEG")
    (jpeg,) = decode_frames(file.getvalue(), 1, DecodingBudget())
    assert size_and_grey(jpeg)[:2] == (768, 576)


@pytest.mark.parametrize(("degrees", "size"), [(0, (64, 48)), (90, (48, 64)), (180, (64, 48)), (270, (48, 64))])
def test_a_video_is_rotated_as_the_phone_was_held(degrees: int, size: tuple[int, int]) -> None:
    data = turned(make("mp4", frames=3, left=0), degrees)
    for jpeg in decode_frames(data, 3, DecodingBudget()):
        with Image.open(io.BytesIO(jpeg)) as seen:
            assert seen.size == size
            middle = {0: (8, 24), 90: (24, 8), 180: (56, 24), 270: (24, 56)}[degrees]
            dark = [at for at in ((8, 24), (24, 8), (56, 24), (24, 56)) if at[0] < size[0] and at[1] < size[1]]
            assert min(dark, key=lambda at: float(str(seen.convert("L").getpixel(at)))) == middle


def test_transparency_palettes_and_16_bit_grey_are_decoded_as_a_browser_shows_them() -> None:
    for image, grey in (
        (Image.new("RGBA", (20, 20), (0, 0, 0, 0)), 255),
        (Image.new("I;16", (20, 20), 128 * 256), 128),
        (Image.new("P", (20, 20), 0), 0),
        (Image.new("LA", (20, 20), (0, 127)), 128),
        (Image.new("1", (20, 20), 1), 255),
        (Image.new("CMYK", (20, 20), (0, 0, 0, 127)), 128),
    ):
        file = io.BytesIO()
        image.save(file, "JPEG" if image.mode == "CMYK" else "PNG")
        (jpeg,) = decode_frames(file.getvalue(), 1, DecodingBudget())
        assert size_and_grey(jpeg)[2] == pytest.approx(grey, abs=3), image.mode


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF", b"RIFF\0\0\0\0WAVE", b"<svg>", b"PK\3\4", b"\0" * 64, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"],
)
def test_data_of_an_unknown_type_are_refused(data: bytes) -> None:
    with pytest.raises(UnknownFileError):
        decode_frames(data, 1, DecodingBudget())


@pytest.mark.parametrize("name", [*STILL, *MOVING])
def test_a_file_cut_off_anywhere_is_decoded_as_far_as_it_goes_or_refused(name: str) -> None:
    data = make(name, frames=4 if name in MOVING else 1)
    for length in range(12, len(data), max(1, len(data) // 40)):
        with contextlib.suppress(BrokenPictureError):
            assert decode_frames(data[:length], 3, DecodingBudget())


@pytest.mark.parametrize("name", [*STILL, *MOVING])
def test_a_file_with_any_of_its_bytes_changed_is_decoded_or_refused(name: str) -> None:
    data = make(name, frames=3 if name in MOVING else 1)
    rng = random.Random(name)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(4):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        with contextlib.suppress(BrokenPictureError):
            assert decode_frames(bytes(broken), 3, DecodingBudget(seconds=2.0))


def test_the_frames_of_a_long_video_are_spread_over_its_whole_length() -> None:
    data = make("mp4", frames=900, rate=30)
    greys = [size_and_grey(jpeg)[2] for jpeg in decode_frames(data, 4, DecodingBudget())]
    assert len(greys) == 4
    assert greys == sorted(greys)
    assert greys[-1] - greys[0] > 100


def test_decoding_ends_when_the_time_is_up_or_nobody_waits() -> None:
    data = make("gif", frames=50)
    seconds = itertools.count()
    assert size_and_grey(decode_frames(data, 1, DecodingBudget(lambda: float(next(seconds)), seconds=3.0))[0])[2] < 60
    budget = DecodingBudget()
    budget.stop.set()
    assert len(decode_frames(data, 6, budget)) == 1


@pytest.mark.parametrize("claim", ["width", "canvas"])
def test_a_file_that_would_become_too_large_is_refused_before_it_is_decoded(claim: str) -> None:
    if claim == "width":
        data = png_bomb(9000)
    else:
        small = make("animated.webp", frames=3)
        data = small[:24] + b"\xff\xff\0\xff\xff\0" + small[30:]
    with pytest.raises(BrokenPictureError):
        decode_frames(data, 3, DecodingBudget())


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
    async with LocalServer(app) as server:
        yield server.url


async def test_a_download_is_bounded_and_follows_no_redirects(cdn: str) -> None:
    async with aiohttp.ClientSession() as http:
        assert await download(http, f"{cdn}/file", 500) == bytes(500)
        assert await download(http, f"{cdn}/zipped", 500) == b"\x1f\x8b not unpacked"
        for path in ("file", "endless"):
            with pytest.raises(FileTooLargeError):
                await download(http, f"{cdn}/{path}", 499)
        with pytest.raises(DownloadError, match="302"):
            await download(http, f"{cdn}/elsewhere", 500)
        with pytest.raises(DownloadError, match="404"):
            await download(http, f"{cdn}/nowhere", 500)
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/a", "//host/a", "http://127.0.0.1:1/"):
            with pytest.raises(DownloadError):
                await download(http, url, 500)


async def test_a_vision_model_that_refuses_a_field_is_asked_without_it(caplog: pytest.LogCaptureFixture) -> None:
    async with VisionServer() as server, aiohttp.ClientSession() as http:
        server.refusing = "max_tokens"
        model = VisionModel(server.url, VisionSettings(), http)
        shown = [MediaFrames("cat.jpg", [b"jpeg"])]
        assert await model.describe(shown, "") == "A red cat."
        assert await model.describe(shown, "") == "A red cat."
    assert caplog.text.count("The model server refuses max_tokens; left out from now on.") == 1


async def test_the_tokens_of_a_description_count_for_whoever_showed_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    meter, ada = NotingMeter(), Account(100, 11)
    settings = VisionSettings(llm_api_key=SecretStr("sk-1"))
    async with VisionServer() as server, aiohttp.ClientSession() as http:
        model = VisionModel(server.url, settings, http, meter)
        shown = [MediaFrames("cat.jpg", [b"jpeg"])]
        await model.describe(shown, "look", ada)
        ((account, name, prompt, answer, paid),) = meter.asked
        assert (account, name, paid) == (ada, server.url.split("/")[2], True)
        assert (prompt > PICTURE_TOKENS, answer) == (True, estimated_tokens("A red cat."))
        meter.used = 1.0
        with pytest.raises(VisionError, match="limit is reached"):
            await model.describe(shown, "look", ada)
        assert len(server.looks) == 1


async def test_a_false_report_of_a_vision_models_tokens_is_replaced_by_an_estimate() -> None:
    meter = NotingMeter()
    shown = [MediaFrames("cat.jpg", [b"jpeg"])]
    async with VisionServer() as server, aiohttp.ClientSession() as http:
        model = VisionModel(server.url, VisionSettings(), http, meter)
        for prompt in (40_000, 100_000_000):
            server.usage = {"prompt_tokens": prompt, "completion_tokens": 5}
            await model.describe(shown, "look")
    # Some servers do count tens of thousands of tokens for a picture.
    assert meter.asked[0][2:4] == (40_000, 5)
    assert PICTURE_TOKENS < meter.asked[1][2] < 2 * PICTURE_TOKENS
