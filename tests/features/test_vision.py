"""Tests of vision on the sandbox, with a fake vision model: which pictures it gets, and which files are refused."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from discord.ext import commands
from PIL import ExifTags, Image
from pydantic import SecretStr

from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.vision import feature
from bot.features.vision.feature import Vision
from bot.features.vision.media import VisionError
from bot.features.vision.vision_model import VisionModel
from config.feature_sections import VisionSettings
from sandbox.world.entities import Upload
from tests.features.moving_pictures import make, png_bomb, size_and_grey, turned
from tests.features.stage import FeatureStage, feature_stage
from tests.features.vision_server import VisionServer
from tests.timing import LIMIT

HELD = "🎤 I can't look at images or videos right now, I'm talking in voice chat! Send it again after I leave."
NOTHING = "There is nothing to see."
CAT = Upload("cat.png", make("png"), "image/png", width=64, height=48)


class Onlooker(commands.Cog):
    """Answers every message with the description of its pictures."""

    def __init__(self, vision: Vision) -> None:
        self._vision = vision

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot:
            return
        try:
            await message.reply(await self._vision.describe(message) or NOTHING)
        except VisionError as error:
            await message.reply("\n".join(filter(None, (str(error), error.seen))))


@dataclass(slots=True)
class Gallery:
    """A bot with vision, Ada, and the fake vision model."""

    stage: FeatureStage
    model: VisionServer
    vision: Vision

    async def show(self, *uploads: Upload, words: str = "") -> str:
        """Ada sends files. Returns the answer."""
        general = self.stage.sandbox.home.general
        await self.stage.ada.say(general, words, attachments=uploads)
        return (await self.stage.told()).content


@pytest.fixture
def options() -> dict[str, Any]:
    """``max_mb``, and options of :class:`Vision`, if a test changes them."""
    return {}


@pytest.fixture
def unloading() -> str:
    return "POST /api/models/unload/seer"


@pytest.fixture
async def gallery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], unloading: str
) -> AsyncIterator[Gallery]:
    async with VisionServer(unloading) as model, aiohttp.ClientSession() as http:
        max_mb = options.pop("max_mb", VisionSettings().max_mb)
        settings = VisionSettings(llm_model="seer", llm_api_key=SecretStr("secret"), max_mb=max_mb)
        vision = Vision(VisionModel(model.url, settings, http, timeout=3.0), settings, http, **options)

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            return [Onlooker(vision)]

        async with feature_stage(tmp_path, monkeypatch, cogs) as stage:
            yield Gallery(stage, model, vision)


async def test_the_model_gets_a_picture_together_with_the_words_of_its_message(gallery: Gallery) -> None:
    assert await gallery.show(CAT, words="Who is this?") == "A red cat."
    (look,) = gallery.model.looks
    assert look.model == "seer"
    assert "cat.png:" in look.text
    assert "Who is this?" in look.text
    assert size_and_grey(look.jpegs[0])[:2] == (64, 48)


async def test_a_message_without_pictures_causes_no_request(gallery: Gallery) -> None:
    assert await gallery.show(words="hello") == NOTHING
    assert await gallery.show(Upload("notes.txt", b"words", "text/plain")) == NOTHING
    assert gallery.model.looks == []


@pytest.mark.parametrize(
    ("kind", "mime"), [("gif", "image/gif"), ("animated.webp", "image/webp"), ("mp4", "video/mp4"), ("webm", None)]
)
async def test_the_model_sees_a_few_moments_of_a_video_or_an_animation(
    gallery: Gallery, kind: str, mime: str | None
) -> None:
    assert await gallery.show(Upload(f"film.{kind}", make(kind, frames=30), mime)) == "A red cat."
    greys = [size_and_grey(jpeg)[2] for jpeg in gallery.model.looks[0].jpegs]
    assert len(greys) == 6
    assert greys == sorted(greys)
    assert greys[0] < 60
    assert greys[-1] > 200
    assert "6 moments" in gallery.model.looks[0].text


async def test_the_number_of_frames_is_shared_among_several_pictures(gallery: Gallery) -> None:
    film = Upload("film.gif", make("gif", frames=30), "image/gif")
    await gallery.show(film, CAT, film)
    assert len(gallery.model.looks[0].jpegs) == 2 + 1 + 2


async def test_the_picture_of_a_link_is_fetched_only_from_discord(gallery: Gallery) -> None:
    asked_elsewhere: list[str] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_elsewhere.append("asked")
        writer.close()

    async with await asyncio.start_server(elsewhere, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cat.png"
        await gallery.stage.ada.share_link(gallery.stage.sandbox.home.general, url, CAT)
        assert (await gallery.stage.told()).content == "A red cat."
    assert asked_elsewhere == []
    broken = Upload("cat.png", b"no picture", "image/png", width=10, height=10)
    await gallery.stage.ada.share_link(gallery.stage.sandbox.home.general, "http://example.com/cat.png", broken)
    assert (await gallery.stage.told()).content == NOTHING, "a broken picture of a link is not reported"


@pytest.mark.parametrize("options", [{"max_mb": 1.0}])
async def test_files_that_the_model_cannot_see_are_refused_before_they_are_fetched(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    async def note(_http: aiohttp.ClientSession, url: str, _limit: int) -> bytes:
        fetched.append(url)
        return CAT.data

    monkeypatch.setattr(feature, "download", note)
    assert "up to 1 MB" in await gallery.show(Upload("big.png", CAT.data + bytes(1 << 20), "image/png"))
    assert "I don't know svg+xml files" in await gallery.show(Upload("a.svg", b"<svg/>", "image/svg+xml"))
    assert "9000 by 9000 pixels" in await gallery.show(Upload("w.png", CAT.data, "image/png", width=9000, height=9000))
    assert fetched == []
    assert gallery.model.looks == []


async def test_files_with_a_false_type_are_refused(gallery: Gallery) -> None:
    assert "is not the kind of picture or video" in await gallery.show(Upload("a.png", b"MZ" + bytes(100), "image/png"))
    assert "can't make out" in await gallery.show(Upload("a.png", CAT.data[:40], "image/png"))
    assert "can't make out" in await gallery.show(Upload("bomb.png", png_bomb(9000), "image/png", width=9, height=9))
    assert "can't make out" in await gallery.show(Upload("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(60), "video/mp4"))
    assert gallery.model.looks == []
    assert await gallery.show(Upload("a.jpg", CAT.data, "image/jpeg")) == "A red cat.", (
        "a wrong file extension does not matter"
    )


async def test_a_failing_model_is_reported(gallery: Gallery) -> None:
    gallery.model.status = 500
    assert "the vision model failed (500)" in await gallery.show(CAT)
    gallery.model.status = 307
    assert "redirects me elsewhere" in await gallery.show(CAT)
    gallery.model.status, gallery.model.answer = 200, "<think>hm</think>"
    assert "had nothing to say" in await gallery.show(CAT)
    gallery.model.answer = 5
    assert "can't use the vision model's answer" in await gallery.show(CAT)
    gallery.model.seeing.clear()
    assert "too slow" in await gallery.show(CAT)
    await gallery.model.stop()
    assert "does not answer" in await gallery.show(CAT)


async def test_while_vision_is_held_nothing_is_requested_and_afterwards_it_works_again(gallery: Gallery) -> None:
    assert await gallery.show(CAT) == "A red cat."
    await gallery.vision.hold("a call")
    assert gallery.model.unloaded == [("POST /api/models/unload/seer", None)]
    assert await gallery.show(CAT) == HELD
    assert await gallery.show(Upload("a.svg", b"<svg/>", "image/svg+xml")) == HELD
    assert await gallery.show(words="hello") == NOTHING
    assert len(gallery.model.looks) == 1
    await gallery.vision.release()
    assert await gallery.show(CAT) == "A red cat."
    assert len(gallery.model.looks) == 2


@pytest.mark.parametrize("options", [{"in_flight_limit": 0.1}])
async def test_a_hold_stops_a_description_that_takes_too_long_and_reports_it(gallery: Gallery) -> None:
    gallery.model.seeing.clear()
    general = gallery.stage.sandbox.home.general
    await gallery.stage.ada.say(general, "", attachments=[CAT])
    async with asyncio.timeout(LIMIT):
        await gallery.model.asked.wait()
        await gallery.vision.hold("a call")
    assert (await gallery.stage.told()).content == HELD


@pytest.mark.parametrize(
    ("unloading", "body"),
    [
        ("POST /api/models/unload/seer", None),
        ("POST /models/unload", {"model": "seer"}),
        ("POST /api/generate", {"model": "seer", "keep_alive": 0}),
        ("GET /unload", None),
        ("nothing", "nothing"),
    ],
    ids=["llama-swap", "llama-server", "Ollama", "old llama-swap", "none"],
)
async def test_the_model_is_unloaded_by_the_request_that_its_server_knows(
    gallery: Gallery, unloading: str, body: object
) -> None:
    await gallery.vision.unload()
    assert gallery.model.unloaded == ([] if body == "nothing" else [(unloading, body)])


async def test_a_server_that_is_down_does_not_hinder_a_call(gallery: Gallery) -> None:
    await gallery.model.stop()
    async with asyncio.timeout(LIMIT):
        await gallery.vision.hold("a call")
    assert await gallery.show(CAT) == HELD


def photograph(width: int, height: int, orientation: int = 1) -> Upload:
    """A phone's photograph: the rotation is in its EXIF data, and Discord reports the size without rotation."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (width, height), (90, 90, 90)).save(file, "JPEG", exif=exif)
    return Upload("photo.jpg", file.getvalue(), "image/jpeg", width=width, height=height)


async def test_photographs_and_videos_of_phones_are_upright_and_50_megapixels_are_scaled(gallery: Gallery) -> None:
    assert await gallery.show(photograph(400, 300, orientation=6)) == "A red cat."
    assert await gallery.show(photograph(8192, 6144)) == "A red cat."
    film = Upload("film.mp4", turned(make("mp4", frames=2), 90), "video/mp4", width=64, height=48)
    assert await gallery.show(film) == "A red cat."
    sizes = [size_and_grey(look.jpegs[0])[:2] for look in gallery.model.looks]
    assert sizes == [(300, 400), (768, 576), (48, 64)]


async def test_a_broken_picture_is_refused_and_the_others_are_seen(gallery: Gallery) -> None:
    broken = Upload("broken.png", CAT.data[:40], "image/png", width=9, height=9)
    bomb = Upload("bomb.png", png_bomb(9000), "image/png", width=9, height=9)
    await gallery.stage.ada.say(gallery.stage.sandbox.home.general, "", attachments=[broken, CAT, bomb])
    told = (await gallery.stage.told()).content
    assert "can't make out broken.png" in told
    assert "can't make out bomb.png" in told
    assert told.endswith("\nA red cat.")
    assert [len(look.jpegs) for look in gallery.model.looks] == [1]
