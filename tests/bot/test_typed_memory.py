"""Typed requests about the memory, outside of calls: the bot carries them out as in calls. It uses a fact only with
people who take part in the conversation in which it was told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.characters import Characters
from bot.llm.personas import PERSONAS_DIR
from bot.memory.records import Fact
from bot.memory_answers import MemoryAnswers
from bot.typed_memory import TypedMemory, Writer
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import MemoryPolicy
from tests.bot.memory.brain import ADA, BEN, CLEO, HOME, NAMES, Brain, brain
from tests.bot.test_memory_answers import Buttons

WORDS = load_word_lists().memory


@asynccontextmanager
async def typing(folder: Path, policy: MemoryPolicy = MemoryPolicy.ON) -> AsyncIterator[tuple[Brain, TypedMemory]]:
    async with brain(folder, policy=policy) as mind:
        answers = MemoryAnswers(
            mind.memory,
            mind.conversations.writer,
            WORDS,
            lambda: Buttons(answer=True),
            lambda server, person: True,
            lambda place: True,
            "!",
            clock=lambda: mind.now,
        )
        characters = await Characters.open(mind.database, PERSONAS_DIR, "seiyuu")
        writer = mind.conversations.writer
        yield mind, TypedMemory(mind.database, answers, characters, writer, clock=lambda: mind.now)


async def write(typed: TypedMemory, text: str, person: int = ADA, server: int | None = HOME) -> str | None:
    """Write to the bot; returns its answer, or ``None`` if the text is no request."""
    channel = 100 + (server or person)
    request = typed.request(text, channel if server is None else server)
    if request is None:
        return None
    return await typed.carry_out(request, Writer(person, NAMES[person], server, channel))


@pytest.mark.parametrize(
    ("language", "text", "kept"),
    [
        ("en", "Seiyuu, please remember that my sister is called Mira.", "my sister is called Mira"),
        ("de", "Merk dir, dass meine Schwester Mira heißt!", "meine Schwester Mira heißt"),
        ("fr", "Souviens-toi que ma sœur s'appelle Mira", "ma sœur s'appelle Mira"),
        ("es", "Recuerda que mi hermana se llama Mira", "mi hermana se llama Mira"),
        ("it", "Ricordati che mia sorella si chiama Mira", "mia sorella si chiama Mira"),
        ("pt", "Lembra que a minha irmã se chama Mira", "a minha irmã se chama Mira"),
        ("nl", "Onthoud dat mijn zus Mira heet", "mijn zus Mira heet"),
        ("pl", "Zapamiętaj, że moja siostra ma na imię Mira", "moja siostra ma na imię Mira"),
        ("ru", "Запомни, что мою сестру зовут Мира", "мою сестру зовут Мира"),
        ("tr", "Unutma ki kız kardeşimin adı Mira", "kız kardeşimin adı Mira"),
        ("ja", "妹の名前はミラだと覚えておいて", "妹の名前はミラだ"),
        ("ko", "내 여동생 이름은 미라라고 기억해 줘", "내 여동생 이름은 미라"),
        ("zh", "请记住我妹妹叫米拉。", "我妹妹叫米拉"),
    ],
)
async def test_what_is_to_be_remembered_is_kept_in_each_language(
    tmp_path: Path, language: str, text: str, kept: str
) -> None:
    async with typing(tmp_path) as (mind, typed):
        assert await write(typed, text) == WORDS.lines(language).remembered
        assert [fact.text for fact in await mind.memory.export(ADA)] == [kept]


async def test_only_those_who_take_part_in_the_conversation_know_what_is_remembered(tmp_path: Path) -> None:
    async with typing(tmp_path) as (mind, typed):
        await mind.written(BEN, "Hello.")
        assert await write(typed, "Remember that my sister is called Mira") == "I'll remember that."
        assert "Mira" in await mind.recalled(BEN, "What is Ada's sister called?")
        assert await mind.recalled(CLEO, "What is Ada's sister called?") == ""
        assert await write(typed, "What do you know about me?") == "You told me: my sister is called Mira."
        assert await write(typed, "What is my sister called?") is None
        # What is written in private stays private.
        assert await write(typed, "Remember that I fear Quillmoths", server=None) == "I'll remember that."
        assert "Quillmoths" not in await mind.recalled(ADA, "What do I fear?")
        assert "Quillmoths" in await mind.recalled(ADA, "What do I fear?", None)


async def test_that_in_a_request_means_the_message_before_it(tmp_path: Path) -> None:
    async with typing(tmp_path) as (mind, typed):
        for role, text in (("user", "My cat is called Tomkin."), ("assistant", "Tomkin, how nice.")):
            await mind.database.write(
                "INSERT INTO chat_memory (channel, role, speaker, text, person) VALUES (107, ?, 'Ada', ?, ?)",
                *(role, text, str(ADA)),
            )
        await mind.written(ADA, "My cat is called Tomkin.", "Tomkin, how nice.")
        assert await write(typed, "Remember that") == "I'll remember that."
        assert "Tomkin" in await mind.recalled(ADA, "What is my cat called?")
        assert await write(typed, "Forget that") == "I've forgotten it."
        assert await write(typed, "Forget that") in ("I've forgotten it.", "There is nothing that I could forget.")
        assert b"omkin" not in mind.bytes_of_all_files()
        assert await write(typed, "Forget that") == "There is nothing that I could forget."


async def test_nothing_is_noted_about_somebody_in_the_conversation_who_has_not_agreed(tmp_path: Path) -> None:
    async with typing(tmp_path, MemoryPolicy.ASK) as (mind, typed):
        await mind.written(BEN, "Hello.")
        refused = await write(typed, "Remember that Ben is allergic to nuts")
        assert refused == "Ben has not agreed to that, so I won't remember it."
        assert await mind.memory.export(ADA) == []
        await mind.memory.set_choice(BEN, True)
        assert await write(typed, "Remember that Ben is allergic to nuts") == "I'll remember that."


async def test_after_an_opt_out_forget_that_finds_nothing(tmp_path: Path) -> None:
    async with typing(tmp_path) as (_, typed):
        for opts_out, answer in ((False, "I've forgotten it."), (True, "There is nothing that I could forget.")):
            assert await write(typed, "Remember that my sister is called Mira") == "I'll remember that."
            if opts_out:
                typed.forget(ADA)
            assert await write(typed, "Forget that") == answer


async def test_what_somebody_asks_for_is_not_kept_if_they_opt_out_while_it_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with typing(tmp_path) as (mind, typed):
        add = mind.memory.facts.add

        async def add_and_opt_out(fact: Fact, instead_of: Sequence[int]) -> Fact:
            typed.forget(ADA)
            return await add(fact, instead_of)

        monkeypatch.setattr(mind.memory.facts, "add", add_and_opt_out)
        assert await write(typed, "Remember that my sister is called Mira") == "I'll remember that."
        assert await write(typed, "Forget that") == "There is nothing that I could forget."


async def test_all_is_forgotten_after_a_confirmation(tmp_path: Path) -> None:
    async with typing(tmp_path) as (mind, typed):
        await write(typed, "Remember that my sister is called Mira")
        assert await write(typed, "Forget everything about me") == "I've forgotten everything about you."
        assert await mind.memory.export(ADA) == []
