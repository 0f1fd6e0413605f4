"""A bot with only the text chat and its commands, on the sandbox, with a scripted model server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import discord
import pytest
from discord.ext import commands

from bot.characters import Characters
from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.text_chat.commands import ChatCommands
from bot.features.text_chat.service import ChatPace, TextChat
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.client import ModelClient
from bot.llm.personas import PERSONAS_DIR
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.llm.text_model import ToolModel
from bot.llm.tools import Toolboxes
from config.feature_sections import ChatSettings
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.features.stage import FeatureStage, feature_stage
from tests.timing import LIMIT, wait_until

NOW = datetime(2026, 11, 26, 18, 5, tzinfo=ZoneInfo("Europe/Berlin"))
PACE = ChatPace(edit_interval=0.05, queue_pause=0.0, hold_limit=0.5)


class Router(commands.Cog):
    """Passes messages to the chat if they are for the bot.

    ``seen`` is the description of their pictures, and ``done`` has the ids of messages with which the chat is done.
    """

    def __init__(self, chat: TextChat) -> None:
        self._chat = chat
        self.seen: str | None = None
        self.done: set[int] = set()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot and not message.content.startswith("!") and self._chat.is_for_bot(message):
            await self._chat.answer(message, clean_prompt(message.content, DiscordNames()), self.seen)
            self.done.add(message.id)


@dataclass(slots=True)
class ChatStage:
    """The bot, its chat, and the scripted model server, which records its requests."""

    stage: FeatureStage
    chat: TextChat
    router: Router
    model: ScriptedModel

    @property
    def sandbox(self) -> Sandbox:
        return self.stage.sandbox

    @property
    def ada(self) -> Guest:
        return self.stage.ada

    async def mention(self, text: str, who: Guest | None = None) -> Message:
        """A guest (default: Ada) writes to the bot in the general channel."""
        return await (who or self.ada).say(self.sandbox.home.general, f"<@{self.sandbox.bot_id}> {text}")

    async def ask(self, text: str, who: Guest | None = None) -> Message:
        """A guest writes to the bot. Returns the bot's reply after it was stored."""
        question = await self.mention(text, who)
        await self.until(lambda: question.id in self.router.done)
        return await self.reply_to(question)

    async def reply_to(self, question: Message) -> Message:
        """Wait for the bot's reply to a message."""
        channel = self.sandbox.world.directory.channel(question.channel_id)
        return await self.ada.wait_for_message(channel, lambda m: m.reference_id == question.id, LIMIT, after=question)

    def replies_to(self, question: Message) -> list[str]:
        """All replies to a message so far."""
        channel = self.sandbox.world.directory.channel(question.channel_id)
        return [m.content for m in self.ada.messages(channel) if m.reference_id == question.id]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition is true."""
        await wait_until(condition)

    def last_asked(self) -> list[tuple[str, str]]:
        """The last request to the model, without its system prompt."""
        return [(message["role"], message["content"]) for message in self.model.asked[-1][1:]]


@asynccontextmanager
async def chat_stage(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    pace: ChatPace = PACE,
    sandbox: Sandbox | None = None,
    text_model: ToolModel | None = None,
    tools: Toolboxes | None = None,
    follow_model: bool = False,
) -> AsyncIterator[ChatStage]:
    """Start the bot. A given ``sandbox`` is not stopped at the end; ``text_model`` replaces the model server.

    With ``follow_model``, the bot's mood follows the moods that the model names.
    """
    async with (
        ScriptedModel(lambda line: Answer(f"You said: {line}")) as model,
        ModelClient(ModelOptions(model.url, stall_timeout=30.0, first_token_timeout=30.0)) as client,
    ):
        built: list[tuple[TextChat, Router]] = []

        async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            characters = await Characters.open(database, PERSONAS_DIR, "seiyuu", follow_model=follow_model)
            written_by, settings = text_model or client, ChatSettings()
            prompts = load_small_prompts()
            chat = await TextChat.open(
                bot,
                database,
                written_by,
                characters,
                settings,
                clock=lambda: NOW,
                small_prompts=prompts,
                pace=pace,
                tools=tools,
            )
            built.append((chat, Router(chat)))
            return [built[0][1], ChatCommands(chat, "!")]

        async with feature_stage(folder, monkeypatch, make_cogs, sandbox=sandbox) as stage:
            chat, router = built[0]
            try:
                yield ChatStage(stage, chat, router, model)
            finally:
                await chat.close()
