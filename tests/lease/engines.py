"""Test servers for all engines of the features, and the settings that make a bot use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.speech_server_process import SpeechServerOptions, SpeechServerProcess
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.features.comfyui_server import ComfyUiServer
from tests.features.feed_server import FeedServer
from tests.features.studio import WORKFLOW
from tests.features.vision_server import VisionServer
from tests.sandbox.test_profile import GIF
from tests.sandbox.test_rest import PNG

SHOP = "shop"


@dataclass(frozen=True, slots=True)
class Engines:
    """The servers, and the folders of the operator's files."""

    model: ScriptedModel
    comfyui: ComfyUiServer
    vision: VisionServer
    feeds: FeedServer
    folder: Path

    @property
    def used(self) -> tuple[int, int, int, int]:
        """The number of requests to each engine."""
        looked = len(self.feeds.source(SHOP).answered)
        return len(self.model.asked), len(self.comfyui.graphs), len(self.vision.looks), looked

    @property
    def settings(self) -> dict[str, Any]:
        """The settings, by field name."""
        return {
            "llm_url": self.model.url,
            "comfyui_url": self.comfyui.url,
            "comfyui_workflow": self.folder / "workflow.json",
            "vision_llm_url": self.vision.url,
            "avatar_folder": self.folder / "avatars",
            "avatar_hours": 1000.0,
            "bipolar_twin": "evil_seiyuu",
            "bipolar_turns": 2,
            "quiet_hours": "",
            "figurine_feeds": (self.feeds.address(SHOP),),
            "chat_rate": "1000/1",
            "draw_rate": "1000/1",
        }


def _echo(line: str) -> Answer:
    """Repeat the question in the answer, so that each answer shows its question."""
    return Answer(f"You said {line.rsplit(':', 1)[-1].strip()}.")


@asynccontextmanager
async def running_engines(folder: Path) -> AsyncIterator[Engines]:
    """Start the servers, with a workflow and two pictures."""
    (folder / "workflow.json").write_text(WORKFLOW, encoding="utf-8")
    (folder / "avatars").mkdir()
    (folder / "avatars" / "a.png").write_bytes(PNG)
    (folder / "avatars" / "b.gif").write_bytes(GIF)
    async with (
        ScriptedModel(_echo) as model,
        ComfyUiServer() as comfyui,
        VisionServer() as vision,
        FeedServer() as feeds,
    ):
        feeds.source(SHOP).rss([])
        yield Engines(model, comfyui, vision, feeds, folder)


@asynccontextmanager
async def running_speech_server() -> AsyncIterator[SpeechServerProcess]:
    """A speech server that a test may damage."""
    server = SpeechServerProcess(SpeechServerOptions("127.0.0.1:0"))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
