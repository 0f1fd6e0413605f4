"""The command ``memory`` and the question of ``MEMORY=ask``: people decide what the bot remembers of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands import memory_list
from bot.commands.memory import (
    CORRECTED,
    NO_SUCH_WORDS,
    NO_TEXT,
    ON,
    SWITCHED_OFF,
    MemoryCommands,
)
from bot.commands.memory_list import FORGOTTEN, MAX_LISTED, NO_FACTS, NOT_YOURS, STAYS, TOO_LATE
from bot.commands.memory_question import AGREED, NOT_ASKED, MemoryQuestions
from bot.commands.private_answer import SENT
from bot.conversations.records import ConversationPlace, ConversationRecords
from bot.conversations.writer import ConversationWriter
from bot.database import FILE, Database
from bot.llm.history import Turn
from bot.memory.memory import Memory
from bot.memory.records import Fact
from config.sections import MemoryPolicy
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.features.stage import FeatureStage, feature_stage
from tests.timing import LIMIT

SAID_AT = 1_790_000_000.0


@dataclass
class Mind:
    """The bot with its memory, Ada, and Ben."""

    stage: FeatureStage
    memory: Memory
    questions: MemoryQuestions
    ben: Guest

    async def learn(self, of: Guest, text: str, *, heard: Iterable[Guest] = (), server: bool = True) -> Fact:
        """Store a fact that a guest has told of themselves."""
        place = self.stage.sandbox.home.guild.id if server else None
        witnesses = {of.id, *(each.id for each in heard)}
        name, audience = of.user.name, self.memory.audiences.of(place, witnesses)
        return await self.memory.facts.add(
            Fact(0, place, None, None, of.id, name, of.id, name, text, f"Well, {text}.", SAID_AT, audience)
        )

    async def private(self, starts: str, who: Guest | None = None) -> Message:
        guest = who or self.stage.ada
        return await guest.wait_for_message(
            guest.dm_channel, lambda m: m.author.bot and m.content.startswith(starts), LIMIT
        )

    async def listed(self) -> Message:
        await self.stage.ask("!memory")
        ada = self.stage.ada
        return await ada.wait_for_message(ada.dm_channel, lambda m: bool(m.author.bot and m.components), LIMIT)


@asynccontextmanager
async def minded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, policy: MemoryPolicy, sandbox: Sandbox | None = None
) -> AsyncIterator[Mind]:
    made: list[tuple[Memory, MemoryQuestions]] = []
    async with AsyncExitStack() as stack:

        async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            writer = ConversationWriter(ConversationRecords(database))
            memory = await stack.enter_async_context(
                Memory.opened(database, folder / FILE, policy, "forever", writer, UTC)
            )
            questions = MemoryQuestions(bot, bot.guard, memory, database, "!")
            questions.open()
            stack.push_async_callback(questions.close)
            made.append((memory, questions))
            return [MemoryCommands(bot, bot.guard, memory, "!")]

        async with feature_stage(folder, monkeypatch, make_cogs, sandbox=sandbox) as stage:
            yield Mind(stage, *made[0], await stage.sandbox.add_guest("Ben"))
            await stack.aclose()


@pytest.fixture
async def mind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mind]:
    async with minded(tmp_path, monkeypatch, MemoryPolicy.ON) as made:
        yield made


async def test_people_are_shown_their_own_facts_in_private_and_facts_about_others_only_if_they_heard_them(
    mind: Mind,
) -> None:
    stage, ada, ben = mind.stage, mind.stage.ada, mind.ben
    tea = await mind.learn(ada, "likes *tea*", heard=[ben])
    await mind.learn(ada, "is afraid of <@5>")
    await mind.learn(ada, "has a secret", server=False)
    await mind.learn(ben, "plays chess", heard=[ada])
    assert await stage.ask("!memory") == SENT
    shown = (await mind.private("🧠 **What I remember of you here** (2)")).content
    assert f"`{tea.id}` likes \\*tea\\* (you, <t:1790000000:D>: “Well, likes \\*tea\\*.”)" in shown
    assert "afraid of \\<\\@5\\>" in shown
    assert "secret" not in shown, "it was said in private"
    assert "chess" not in shown
    await ada.dm("!memory")
    assert "has a secret" in (await mind.private("🧠 **What I remember of you here** (3)")).content

    await stage.ask(f"!memory about <@{ada.id}>", who=ben)
    told = (await mind.private("🧠 **What I remember of Ada", ben)).content
    assert f"`{tea.id}` likes \\*tea\\* (Ada, <t:1790000000:D>" in told, "Ben reads who said it; he is not that person"
    assert "afraid" not in told
    assert "secret" not in told
    pressed = await ben.press(stage.sandbox.home.general, "memory me")
    shown_to_ben = await pressed.response(LIMIT)
    assert shown_to_ben.is_ephemeral
    assert "chess" in shown_to_ben.content
    await ben.dm(f"!memory about <@{ada.id}>")
    assert "tea" in (await mind.private("🧠 **What I remember of Ada", ben)).content


async def test_people_correct_and_delete_facts_of_their_own_and_no_others(mind: Mind) -> None:
    stage, ada, ben = mind.stage, mind.stage.ada, mind.ben
    tea = await mind.learn(ada, "likes Zanzibar", heard=[ben])
    other = await mind.learn(ben, "plays chess", heard=[ada])
    for attack in (f"correct {other.id} cheats", f"forget {other.id}", "forget 999999", "correct 999999 x"):
        number = attack.split()[1]
        assert await stage.ask(f"!memory {attack}") == NOT_YOURS.format(number=number, prefix="!")
    assert await stage.ask(f"!memory correct {tea.id} \u200b") == NO_TEXT.format(prefix="!", number=tea.id)
    assert await stage.ask(f"!memory correct {tea.id} likes Quito") == CORRECTED
    assert [fact.text for fact in await mind.memory.export(ada.id)] == ["likes Quito", "likes Zanzibar"]
    assert await stage.ask("!memory forget chess") == NO_SUCH_WORDS
    assert await stage.ask("!memory forget quito") == FORGOTTEN.format(count=1)
    assert await mind.memory.export(ada.id) == []
    assert [fact.text for fact in await mind.memory.export(ben.id)] == ["plays chess"]


async def test_buttons_work_after_a_restart_and_forget_only_the_facts_of_their_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox() as sandbox:
        async with minded(tmp_path, monkeypatch, MemoryPolicy.ON, sandbox) as mind:
            ada = mind.stage.ada
            for number in range(MAX_LISTED + 5):
                await mind.learn(ada, f"likes number {number}" + "x" * 120)
            other = await mind.learn(mind.ben, "plays chess")
            listed = await mind.listed()
            assert "Page 1 of 2: `!memory me 2`" in listed.content
            await mind.stage.ask("!memory me 2")
            page = await ada.wait_for_message(
                ada.dm_channel, lambda m: "Page 2 of 2: `!memory me 1`" in m.content, LIMIT
            )
            assert [f"number {number}x" in page.content for number in range(MAX_LISTED + 5)] == (
                [True] * 5 + [False] * MAX_LISTED
            )
            assert len(page.components[0]["components"][0]["options"]) == 5
        async with minded(tmp_path, monkeypatch, MemoryPolicy.ON, sandbox) as mind:
            before = len(await mind.memory.export(ada.id))
            pressed = await ada.click(listed, "memory:export")
            (file,) = (await pressed.response(LIMIT)).attachments
            assert len(json.loads(file.upload.data)["facts"]) == before

            asked = await (await ada.click(listed, "memory:all")).response(LIMIT)
            assert asked.is_ephemeral
            await ada.click(asked, "memory:all-no")
            await ada.wait_for_message(ada.dm_channel, lambda m: m.content == STAYS, LIMIT)
            assert len(await mind.memory.export(ada.id)) == before

            late = await (await ada.click(listed, "memory:all")).response(LIMIT)
            monkeypatch.setattr(memory_list, "CONFIRM_SECONDS", -1.0)
            await ada.click(late, "memory:all-yes")
            await ada.wait_for_message(ada.dm_channel, lambda m: m.content == TOO_LATE, LIMIT)
            assert len(await mind.memory.export(ada.id)) == before

            monkeypatch.setattr(memory_list, "CONFIRM_SECONDS", 60.0)
            sure = await (await ada.click(listed, "memory:all")).response(LIMIT)
            await ada.click(sure, "memory:all-yes")
            await ada.wait_for_message(ada.dm_channel, lambda m: "forgotten everything" in m.content, LIMIT)
            assert await mind.memory.export(ada.id) == []
            assert [fact.id for fact in await mind.memory.export(other.speaker)] == [other.id]


async def test_memory_off_deletes_the_facts_of_a_person_until_memory_on_allows_new_ones(mind: Mind) -> None:
    ada = mind.stage.ada
    await mind.learn(ada, "likes tea")
    assert (await mind.stage.ask("!memory off")).startswith("🧠 I remember nothing of you from now on")
    assert await mind.memory.export(ada.id) == []
    assert not mind.memory.consent.allows(ada.id)
    await mind.stage.ask("!memory")
    assert (await mind.private(NO_FACTS)).content.endswith("`!memory on` undoes it.")
    assert await mind.stage.ask("!memory on") == ON.format(prefix="!")
    assert mind.memory.consent.allows(ada.id)


async def test_a_person_is_asked_once_where_they_have_talked_and_only_they_can_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox() as sandbox:
        async with minded(tmp_path, monkeypatch, MemoryPolicy.ASK, sandbox) as mind:
            ada, general = mind.stage.ada, sandbox.home.general
            records = ConversationRecords(mind.stage.database)
            place = ConversationPlace("discord", "lounge", sandbox.home.guild.id, general.id)
            await records.add(await records.begin(place, SAID_AT), Turn.of_person("Ada", "I like tea", ada.id), SAID_AT)
            await mind.memory.consent.ask_once(ada.id)
            asked = await ada.wait_for_message(general, lambda m: "may I remember what you tell me" in m.content, LIMIT)
            assert [user.id for user in asked.mentions] == [ada.id]
            pressed = await mind.ben.click(asked, "memory:may")
            assert (await pressed.response(LIMIT)).content == NOT_ASKED
            assert mind.memory.choice(ada.id) is None
            assert mind.memory.choice(mind.ben.id) is None

            # A person who has talked nowhere is asked in private.
            await mind.memory.consent.ask_once(mind.ben.id)
            await mind.private(f"🧠 <@{mind.ben.id}>, may I remember", mind.ben)
        async with minded(tmp_path, monkeypatch, MemoryPolicy.ASK, sandbox) as mind:
            await mind.memory.consent.ask_once(ada.id)
            await ada.click(asked, "memory:may")
            await ada.wait_for_message(general, lambda m: m.content == AGREED.format(name="Ada", prefix="!"), LIMIT)
            assert mind.memory.choice(ada.id) is True
            questions = [m for m in ada.messages(general) if "may I remember" in m.content]
            assert questions == [], "asked once, and the question has been answered"


async def test_where_the_memory_is_off_its_commands_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with minded(tmp_path, monkeypatch, MemoryPolicy.OFF) as mind:
        for command in ("!memory", "!memory on", f"!memory about <@{mind.ben.id}>"):
            assert await mind.stage.ask(command) == SWITCHED_OFF
        assert (await mind.stage.ask("!memory forget 1")) == NOT_YOURS.format(number=1, prefix="!")


async def test_the_menu_forgets_one_fact_of_whoever_uses_it(mind: Mind) -> None:
    ada, ben = mind.stage.ada, mind.ben
    await mind.learn(ada, "likes tea")
    coffee = await mind.learn(ada, "likes coffee")
    listed = await mind.listed()
    menu: Any = listed.components[0]["components"][0]
    assert menu["options"][0]["value"] == str(coffee.id)
    for guest, value, answer in (
        (ben, str(coffee.id), NOT_YOURS.format(number=coffee.id, prefix="!")),
        (ada, "nonsense", NOT_YOURS.format(number=0, prefix="!")),
        (ada, str(coffee.id), FORGOTTEN.format(count=1)),
    ):
        pressed = await guest.click(listed, "memory:forget", [value])
        assert (await pressed.response(LIMIT)).content == answer
    assert [fact.text for fact in await mind.memory.export(ada.id)] == ["likes tea"]
