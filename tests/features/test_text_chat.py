"""Written answers: guests write to the bot in channels and in private, and read what the model says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands.chat import ChatCommands
from bot.commands.managers import MANAGERS_ONLY
from bot.database import Database
from bot.features.text_chat.options import ChatOptions
from bot.features.text_chat.service import TextChat
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.options import ModelOptions
from bot.llm.personas import PERSONAS_DIR
from bot.llm.stream import ModelClient
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.features.stage import LIMIT, FeatureStage, feature_stage
from tests.features.talk import let_manage

OPTIONS = ChatOptions(edit_interval=0.05, queue_pause=0.0, hold_limit=0.5)


class Router(commands.Cog):
    """Hands the chat what is meant for it."""

    def __init__(self, chat: TextChat) -> None:
        self._chat = chat
        self.seen: str | None = None

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot and not message.content.startswith("!") and self._chat.is_meant(message):
            await self._chat.answer(message, clean_prompt(message.content, DiscordNames()), self.seen)


@dataclass(slots=True)
class ChatStage:
    """The bot, its chat, and the model server behind it."""

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
        return await (who or self.ada).say(self.sandbox.home.general, f"<@{self.sandbox.bot_id}> {text}")

    async def ask(self, text: str, who: Guest | None = None) -> Message:
        """Mention the bot; returns its reply."""
        return await self.reply_to(await self.mention(text, who))

    async def reply_to(self, question: Message) -> Message:
        channel = next(c for c in (self.sandbox.home.general, self.sandbox.home.side) if c.id == question.channel_id)
        return await self.ada.wait_for_message(channel, lambda m: m.reference_id == question.id, LIMIT, after=question)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                await asyncio.sleep(0.01)

    def last_asked(self) -> list[tuple[str, str]]:
        """The newest request, without its system prompt."""
        return [(message["role"], message["content"]) for message in self.model.asked[-1][1:]]


@asynccontextmanager
async def chat_stage(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    options: ChatOptions = OPTIONS,
    sandbox: Sandbox | None = None,
) -> AsyncIterator[ChatStage]:
    async with (
        ScriptedModel(lambda line: Answer(f"You said: {line}")) as model,
        ModelClient(ModelOptions(model.url, stall_timeout=5.0, first_token_timeout=5.0)) as client,
    ):
        built: list[tuple[TextChat, Router]] = []

        async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            chat = await TextChat.open(bot, database, client, PERSONAS_DIR, options)
            built.append((chat, Router(chat)))
            return [built[0][1], ChatCommands(chat, "!")]

        async with feature_stage(folder, monkeypatch, make_cogs, sandbox=sandbox) as stage:
            chat, router = built[0]
            try:
                yield ChatStage(stage, chat, router, model)
            finally:
                await chat.close()


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatStage]:
    async with chat_stage(tmp_path, monkeypatch) as made:
        yield made


async def test_who_mentions_it_or_replies_to_it_is_answered_and_nobody_else(stage: ChatStage) -> None:
    answer = await stage.ask("hello")
    assert answer.content == "You said: Ada: someone hello"
    assert answer.mentions == ()
    await stage.ada.say(stage.sandbox.home.general, "just talking")
    follow_up = await stage.ada.say(stage.sandbox.home.general, "and now?", reply_to=answer)
    assert (await stage.reply_to(follow_up)).content == "You said: Ada: and now?"
    assert len(stage.model.asked) == 2


async def test_it_remembers_what_was_said_in_a_channel_until_told_to_forget(stage: ChatStage) -> None:
    await stage.ask("one")
    await stage.ask("two")
    assert stage.last_asked() == [
        ("user", "Ada: someone one"),
        ("assistant", "You said: Ada: someone one"),
        ("user", "Ada: someone two"),
    ]
    assert await stage.stage.ask("!forget", starts="❌") == MANAGERS_ONLY
    let_manage(stage.sandbox, stage.ada.id)
    assert "forgotten the 4 messages" in await stage.stage.ask("!forget", starts="🧹")
    assert "remember nothing" in await stage.stage.ask("!forget", starts="🧹")
    await stage.ask("three")
    assert stage.last_asked() == [("user", "Ada: someone three")]


async def test_private_talk_has_a_memory_and_a_mood_of_its_own(stage: ChatStage) -> None:
    await stage.ask("in public")

    async def dm(text: str, starts: str = "") -> str:
        await stage.ada.dm(text)
        private = stage.ada.dm_channel
        return (await stage.ada.wait_for_message(private, lambda m: m.content.startswith(starts), LIMIT)).content

    assert await dm("hello") == "You said: Ada: hello"
    assert stage.last_asked() == [("user", "Ada: hello")]
    assert await dm("!mood sleepy", "💭") == "💭 Seiyuu is sleepy now."
    assert "Seiyuu is cheerful" in await stage.stage.ask("!mood", starts="💭")
    await dm("and now?")
    assert "mood now: drowsy" in stage.model.asked[-1][0]["content"]
    assert "forgotten the 4" in await dm("!forget", "🧹")


async def test_what_pictures_show_is_told_to_the_model(stage: ChatStage) -> None:
    stage.router.seen = "A cat on a keyboard."
    await stage.ask("look")
    assert stage.last_asked() == [("user", "Ada: someone look [A cat on a keyboard.]")]


async def test_a_fault_of_the_model_is_told_and_not_remembered(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer(fault=Fault.STATUS_500)
    failed = await stage.ask("one")
    assert failed.content.startswith("❌ The model server at 127.0.0.1")
    stage.model.script = lambda _line: Answer("Half an answer", Fault.HANG_UP)
    broken = await stage.mention("two")
    told = await stage.ada.wait_for_message(
        stage.sandbox.home.general, lambda m: m.reference_id == broken.id and "❌" in m.content, LIMIT
    )
    assert told.content.startswith("Half an answer\n\n❌ ")
    stage.model.script = lambda _line: Answer("Back again.")
    assert (await stage.ask("three")).content == "Back again."
    assert stage.last_asked() == [("user", "Ada: someone three")]


async def test_nobody_is_notified_by_what_the_model_writes(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer(f"@everyone <@{stage.ada.id}> <@&{stage.sandbox.guild.id}>")
    answer = await stage.ask("shout")
    assert (answer.mentions, answer.mention_roles, answer.mention_everyone) == ((), (), False)


async def test_managers_choose_who_answers_and_the_twin_has_a_model_of_its_own(stage: ChatStage) -> None:
    assert "`evil_seiyuu`, `helper`" in await stage.stage.ask("!persona", starts="🎭")
    assert await stage.stage.ask("!persona evil_seiyuu", starts="❌") == MANAGERS_ONLY
    let_manage(stage.sandbox, stage.ada.id)
    assert "There are: " in await stage.stage.ask("!persona ../../secret", starts="❌")
    assert await stage.stage.ask("!persona evil_seiyuu", starts="🎭") == "🎭 From now on I am Evil Seiyuu, and smug."
    await stage.ask("who are you?")
    assert stage.model.asked[-1][0]["content"].startswith("You are Evil Seiyuu.")
    assert "never in that mood" in await stage.stage.ask("!mood cheerful", starts="❌")
    names = await stage.ada.suggestions(stage.sandbox.home.general, "persona", "name", "help", timeout=LIMIT)
    assert [name["value"] for name in names] == ["helper"]


async def test_in_an_open_channel_everything_is_answered(stage: ChatStage) -> None:
    assert "who mentions me" in await stage.stage.ask("!chat", starts="💬")
    assert await stage.stage.ask("!chat on", starts="❌") == MANAGERS_ONLY
    let_manage(stage.sandbox, stage.ada.id)
    assert "every message" in await stage.stage.ask("!chat on", starts="💬")
    talking = await stage.ada.say(stage.sandbox.home.general, "just talking")
    assert (await stage.reply_to(talking)).content == "You said: Ada: just talking"
    assert "who mentions me" in await stage.stage.ask("!chat off", starts="💬")


async def test_a_long_answer_comes_as_several_replies(stage: ChatStage) -> None:
    sentences = [f"This is sentence number {number} of a long story." for number in range(100)]
    stage.model.script = lambda _line: Answer(" ".join(sentences))
    question = await stage.mention("tell me a story")
    await stage.ada.wait_for_message(stage.sandbox.home.general, lambda m: "number 99 of" in m.content, LIMIT)
    pages = [m.content for m in stage.ada.messages(stage.sandbox.home.general) if m.reference_id == question.id]
    assert len(pages) > 2
    assert all(page.endswith("story.") and len(page) <= 2000 for page in pages)
    assert " ".join(pages) == " ".join(sentences)


async def test_during_a_call_messages_wait_and_are_answered_in_order_afterwards(stage: ChatStage) -> None:
    bob = await stage.sandbox.add_guest("Bob")
    await stage.ask("before")
    await stage.chat.hold("a call")
    questions = [await stage.mention("one"), await stage.mention("two", bob), await stage.mention("three")]
    for question in questions:
        await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
    assert len(stage.model.asked) == 1
    await stage.chat.release()
    answers = [await stage.reply_to(question) for question in questions]
    assert [answer.id for answer in answers] == sorted(answer.id for answer in answers)
    assert [answer.content for answer in answers][1] == "You said: Bob: someone two"
    assert answers[1].mentions == (bob.user,)
    assert (await stage.ask("after")).content == "You said: Ada: someone after"
