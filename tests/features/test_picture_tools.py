"""The tools for pictures on the sandbox: looking at the newest one, and drawing after the call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from discord.ext import commands
from pydantic import SecretStr

from bot.access import Permit
from bot.client import SeiyuuBot
from bot.commands.picture_tools import ChannelDrawings, ChannelPictures
from bot.database import Database
from bot.features.vision.build import _is_beside_calls
from bot.features.vision.feature import Vision
from bot.features.vision.vision_model import VisionModel
from bot.tools.builtin.drawing import DrawPicture
from bot.tools.builtin.last_picture import LookAtPicture
from bot.tools.tool import Asker, Tool
from config.feature_sections import VisionSettings
from config.settings import Settings
from sandbox.world.entities import Upload
from tests.features.moving_pictures import make
from tests.features.stage import FeatureStage, feature_stage
from tests.features.studio import Studio, open_studio
from tests.features.vision_server import VisionServer
from tests.tools.builtin.asking import ask

CAT = Upload("cat.png", make("png"), "image/png", width=64, height=48)
DOG = Upload("dog.png", make("png"), "image/png", width=64, height=48)


@dataclass
class Gallery:
    """A bot with vision, Ada, and the fake vision model."""

    stage: FeatureStage
    model: VisionServer
    vision: Vision
    tool: Tool

    async def post(self, *uploads: Upload, words: str = "") -> None:
        await self.stage.ada.say(self.stage.sandbox.home.general, words, attachments=uploads)

    @property
    def asker(self) -> Asker:
        home = self.stage.sandbox.home
        return Asker(self.stage.ada.id, "Ada", "what do you see?", home.guild.id, home.general.id)


@pytest.fixture
def beside_calls() -> bool:
    return False


@pytest.fixture
async def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside_calls: bool) -> AsyncIterator[Gallery]:
    async with VisionServer() as model, aiohttp.ClientSession() as http:
        settings = VisionSettings(llm_model="seer", llm_api_key=SecretStr("secret"))
        vision = Vision(VisionModel(model.url, settings, http), settings, http, beside_calls=beside_calls)
        tools: list[Tool] = []

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            tools.append(LookAtPicture(ChannelPictures(bot, vision)))
            return []

        async with feature_stage(tmp_path, monkeypatch, cogs) as stage:
            yield Gallery(stage, model, vision, tools[0])


async def test_the_newest_picture_is_looked_at_with_the_question(gallery: Gallery) -> None:
    await gallery.post(CAT)
    await gallery.post(DOG, words="mine")
    await gallery.post(words="nice weather")
    told = await ask(gallery.tool, gallery.asker, question="Is it a dog?")
    assert "A red cat." in told
    assert "Others wrote it" in told
    (look,) = gallery.model.looks
    assert "dog.png:" in look.text
    assert "Is it a dog?" in look.text


async def test_without_a_picture_the_tool_says_so(gallery: Gallery) -> None:
    await gallery.post(words="hello")
    assert (await ask(gallery.tool, gallery.asker)).startswith("There is no picture among the newest messages")
    assert gallery.model.looks == []


async def test_during_a_call_a_model_that_does_not_run_beside_calls_is_not_asked(gallery: Gallery) -> None:
    await gallery.post(CAT)
    await gallery.vision.hold("a call")
    assert "I'm talking in voice chat" in await ask(gallery.tool, gallery.asker)
    assert gallery.model.looks == []
    await gallery.vision.release()
    assert "A red cat." in await ask(gallery.tool, gallery.asker)


@pytest.mark.parametrize("beside_calls", [True])
async def test_during_a_call_a_model_that_runs_beside_calls_is_asked(gallery: Gallery) -> None:
    await gallery.post(CAT)
    await gallery.vision.hold("a call")
    assert "A red cat." in await ask(gallery.tool, gallery.asker)


@pytest.mark.parametrize(
    ("vision", "mind", "beside"),
    [
        ("http://127.0.0.1:8090/v1", "http://127.0.0.1:8080/v1", False),
        ("http://localhost:8090/v1", None, False),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1", True),
        ("http://gpu-box:8090/v1", "http://127.0.0.1:8080/v1", True),
        (None, "http://127.0.0.1:8080/v1", False),
    ],
)
def test_a_model_is_beside_calls_if_it_is_the_calls_own_or_on_another_machine(
    vision: str | None, mind: str | None, beside: bool
) -> None:
    settings = Settings.read(llm_url=mind, vision_llm_url=vision)
    assert _is_beside_calls(settings) is beside


@pytest.fixture
def permit() -> Permit:
    return Permit(everyone=True)


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, permit: Permit) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path, monkeypatch, permit, {}) as studio:
        yield studio
        await studio.images.close()


def drawing(studio: Studio) -> tuple[Tool, Asker]:
    home = studio.stage.sandbox.home
    asker = Asker(studio.stage.ada.id, "Ada", "draw a cat", home.guild.id, home.general.id)
    return DrawPicture(ChannelDrawings(studio.stage.bot, studio.images)), asker


async def test_a_drawing_that_is_asked_for_in_a_call_is_made_after_the_call(studio: Studio) -> None:
    tool, asker = drawing(studio)
    await studio.images.hold("a call")
    told = await ask(tool, asker, description="a red  cat")
    assert told.startswith("It will be drawn and posted in the channel when the call has ended")
    assert studio.comfyui.graphs == []
    assert await ask(tool, asker, description="a dog") == (
        "one drawing of this person waits for the end of the call already"
    )
    await studio.images.release()
    posted = await studio.picture()
    assert posted.content == f"<@{studio.stage.ada.id}> 🎨 a red cat"
    assert len(studio.comfyui.graphs) == 1


async def test_without_a_call_a_drawing_is_made_at_once(studio: Studio) -> None:
    tool, asker = drawing(studio)
    assert (await ask(tool, asker, description="a cat")).startswith("It is being drawn")
    assert len((await studio.picture()).attachments) == 1


async def test_a_drawing_is_not_lost_if_the_next_call_begins_before_it_is_made(studio: Studio) -> None:
    tool, asker = drawing(studio)
    await studio.images.hold("a call")
    await ask(tool, asker, description="a cat")
    await studio.images.release()
    await studio.images.hold("the next call")
    await studio.images.release()
    assert len((await studio.picture()).attachments) == 1


async def test_whoever_waits_for_a_drawing_when_the_bot_is_restarted_is_told_that_it_is_not_drawn(
    studio: Studio,
) -> None:
    tool, asker = drawing(studio)
    await studio.images.hold("a call")
    await ask(tool, asker, description="a *red* cat")
    await studio.images.begin_restart()
    told = await studio.read("I did not draw this: “a \\*red\\* cat” Ask me again when I am back.")
    assert told.content.startswith(f"<@{studio.stage.ada.id}> 👋 I'm restarting")
    await studio.images.begin_restart()
    await studio.images.release()
    assert studio.comfyui.graphs == []


@pytest.mark.parametrize("permit", [Permit(role_names=frozenset({"artists"}))])
async def test_whoever_may_not_draw_gets_no_drawing_from_the_tool_either(studio: Studio) -> None:
    tool, asker = drawing(studio)
    assert await ask(tool, asker, description="a cat") == "❌ You are not allowed to let me draw here."
    assert await ask(tool, asker, description=" ") == "❌ Tell me what to draw."
    assert studio.comfyui.graphs == []
