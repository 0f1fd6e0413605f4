"""A bot with message router, text chat and vision, on the sandbox, with scripted servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import aiohttp
import pytest
from discord.ext import commands

from bot.access import RateLimit
from bot.characters import Characters
from bot.client import SeiyuuBot
from bot.commands.message_router import MessageRouter
from bot.consent import ListeningConsent
from bot.database import Database
from bot.feature import Feature, FeatureSet
from bot.features.autonomous_talk.feature import AutonomousTalk
from bot.features.autonomous_talk.records import ChannelRecords
from bot.features.image_generation.feature import ImageGeneration
from bot.features.text_chat.commands import ChatCommands
from bot.features.text_chat.service import TextChat
from bot.features.vision.feature import Vision
from bot.features.vision.vision_model import VisionModel
from bot.llm.client import ModelClient
from bot.llm.personas import PERSONAS_DIR
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.spoken_messages.listener import SpokenMessages
from bot.store import Store
from config.feature_sections import AutonomousSettings, ChatSettings, VisionSettings
from config.sections import ListeningPolicy
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Channel, Message
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.features.chat_stage import NOW, PACE
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import written_by_bots
from tests.features.vision_server import VisionServer
from tests.timing import LIMIT
from tests.voice.transcribe.scripted_transcriber import ScriptedTranscriber

CANT_DRAW = "❌ Drawing is not set up here (COMFYUI_URL)."


@dataclass(slots=True)
class MessageStage:
    """The bot, and the requests to its models."""

    stage: FeatureStage
    chat: TextChat
    model: ScriptedModel
    seer: VisionServer
    transcriber: ScriptedTranscriber
    consent: ListeningConsent

    @property
    def sandbox(self) -> Sandbox:
        return self.stage.sandbox

    @property
    def ada(self) -> Guest:
        return self.stage.ada

    @property
    def general(self) -> Channel:
        return self.sandbox.home.general

    @property
    def me(self) -> str:
        """The text of a mention of the bot."""
        return f"<@{self.sandbox.bot_id}>"

    async def answer_to(self, message: Message, starts: str = "") -> str:
        """After ``message``, the bot's first message that begins with ``starts``."""
        channel = self.sandbox.world.directory.channel(message.channel_id)
        told = await self.ada.wait_for_message(
            channel, lambda m: m.author.bot and m.content.startswith(starts), LIMIT, after=message
        )
        return told.content

    async def line_for(self, message: Message) -> str:
        """The line for this message in the model's request. Waits for the answer."""
        await self.answer_to(message)
        return str(self.model.asked[-1][-1]["content"])

    def written(self, channel: Channel | None = None) -> list[str]:
        """All messages of the bot in a channel (default: general), oldest first."""
        return [message.content for message in written_by_bots(self.sandbox, channel or self.general)]

    async def nothing_is_asked(self) -> None:
        """Wait a moment, and check that the chat's model was not asked meanwhile."""
        asked = len(self.model.asked)
        await asyncio.sleep(0.3)
        assert len(self.model.asked) == asked


@asynccontextmanager
async def message_stage(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: ListeningPolicy = ListeningPolicy.OPT_OUT,
    images: ImageGeneration | None = None,
    *,
    sees: bool = True,
) -> AsyncIterator[MessageStage]:
    """Start the bot. It has a vision model if ``sees`` is true, and draws if ``images`` is given."""
    async with (
        ScriptedModel(lambda _line: Answer("I see.")) as model,
        VisionServer() as seer,
        aiohttp.ClientSession() as http,
        ModelClient(ModelOptions(model.url, stall_timeout=30.0, first_token_timeout=30.0)) as client,
    ):
        chats: list[TextChat] = []
        consents: list[ListeningConsent] = []
        transcriber = ScriptedTranscriber(["What time is it?"])
        seeing = VisionSettings(llm_model="seer")
        vision = Vision(VisionModel(seer.url, seeing, http, timeout=30.0), seeing, http) if sees else None

        async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            consents.append(await ListeningConsent.load(Store(database), policy))
            spoken = SpokenMessages(FileTranscriber(transcriber, lambda: False, ("Seiyuu",)), consents[0], http, "!")
            characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
            chat = await TextChat.open(
                bot,
                database,
                client,
                characters,
                ChatSettings(),
                clock=lambda: NOW,
                small_prompts=load_small_prompts(),
                pace=PACE,
                hear=spoken.hear,
            )
            chats.append(chat)
            records = ChannelRecords(database)
            talk = AutonomousTalk(bot, records, client, characters, AutonomousSettings(60.0, ""), UTC)
            built = [Feature(each) for each in (chat, vision, images) if each is not None]
            features = FeatureSet((*built, Feature(talk, observe=talk.observe)), {"draw": CANT_DRAW})
            return [
                MessageRouter(bot, features, spoken, RateLimit("100/60"), "!", lambda _: False),
                ChatCommands(chat, "!"),
            ]

        async with feature_stage(folder, monkeypatch, make_cogs) as stage:
            try:
                yield MessageStage(stage, chats[0], model, seer, transcriber, consents[0])
            finally:
                await chats[0].close()
