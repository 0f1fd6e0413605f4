"""A bot with image generation on the sandbox, with a fake ComfyUI."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from discord.ext import commands

from bot.access import Permit, RateLimit
from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.image_generation import job
from bot.features.image_generation.commands import DrawingCommands
from bot.features.image_generation.feature import ImageGeneration
from bot.features.image_generation.workflow import Workflow
from config.feature_sections import DrawSettings
from sandbox.guest import Guest
from sandbox.world.entities import Message
from tests.features.comfyui_server import ComfyUiServer
from tests.features.stage import FeatureStage, feature_stage
from tests.timing import LIMIT

WORKFLOW = json.dumps(
    {
        "3": {
            "class_type": "KSampler",
            "inputs": {"seed": "{{seed}}", "steps": 4, "positive": ["6", 0], "negative": ["7", 0]},
        },
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": "{{width}}", "height": "{{height}}"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "masterpiece, {{prompt}}"}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{negative}}"}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
    }
)


@dataclass(slots=True)
class Studio:
    """The bot, Ada, and the fake ComfyUI."""

    stage: FeatureStage
    comfyui: ComfyUiServer
    images: ImageGeneration

    async def ask(self, text: str, who: Guest | None = None) -> None:
        """A guest (default: Ada) writes in the general channel."""
        await (who or self.stage.ada).say(self.stage.sandbox.home.general, text)

    async def read(self, words: str, who: Guest | None = None) -> Message:
        """The bot's message with these words that was posted or edited after the guest's last message."""
        guest = who or self.stage.ada
        return await guest.wait_for_message(
            self.stage.sandbox.home.general, lambda m: m.author.bot and words in m.content, LIMIT
        )

    async def picture(self, who: Guest | None = None) -> Message:
        """The bot's message with a file."""
        guest = who or self.stage.ada
        return await guest.wait_for_message(
            self.stage.sandbox.home.general, lambda m: m.author.bot and bool(m.attachments), LIMIT
        )

    async def quiet(self) -> None:
        """Wait until ComfyUI has nothing to do."""
        async with asyncio.timeout(LIMIT):
            while not self.comfyui.idle:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def open_studio(
    folder: Path, monkeypatch: pytest.MonkeyPatch, permit: Permit, options: dict[str, Any]
) -> AsyncIterator[Studio]:
    """Start the bot, with shorter time limits than usual. ``options``: ``timeout`` and ``in_flight_limit``."""
    monkeypatch.setattr(job, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(job, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(job, "UNREACHABLE_SECONDS", 0.5)
    async with ComfyUiServer() as comfyui, aiohttp.ClientSession() as http:
        timeout = options.pop("timeout", DrawSettings().timeout)
        workflow, rate, rng = Workflow.parse(WORKFLOW), RateLimit("4/600"), random.Random(7)
        images = ImageGeneration(comfyui.url, workflow, timeout, http, permit, rate, rng=rng, **options)

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            return [DrawingCommands(images)]

        async with feature_stage(folder, monkeypatch, cogs) as stage:
            yield Studio(stage, comfyui, images)
