"""Moods that the model names in its answers: when they change the mood of a place, and that this mood is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.characters import Characters, moods_text
from bot.database import Database
from bot.llm.history import Turn
from bot.llm.personas import PERSONAS_DIR, Character
from bot.llm.prompts import SPOKEN, ConversationMessages, mood_rule
from bot.llm.small_model import ModelSize, load_small_prompts
from tests.llm.test_prompts import PERSONA

NOW = datetime(2026, 11, 26, tzinfo=UTC)

HERE, ELSEWHERE = 1, 2


async def opened(database: Database, *, follow: bool = True) -> Characters:
    return await Characters.open(database, PERSONAS_DIR, "seiyuu", follow_model=follow)


@pytest.fixture
async def characters(tmp_path: Path) -> AsyncIterator[Characters]:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        yield await opened(database)


@pytest.mark.parametrize(
    ("answers", "mood"),
    [
        (["sad"], "cheerful"),
        (["sad", "sad"], "sad"),
        (["Sad", " SAD "], "sad"),
        (["sad", "calm", "sad", "calm"], "cheerful"),
        (["sad", None, "sad"], "cheerful"),
        (["sad", "cheerful", "sad"], "cheerful"),
        (["no such mood", "no such mood"], "cheerful"),
        (["sad", "no such mood", "sad"], "cheerful"),
        (["sad", "sad", "calm"], "sad"),
        (["sad", "sad", "calm", "calm"], "calm"),
    ],
)
async def test_the_mood_moves_when_two_answers_in_a_row_name_it(
    characters: Characters, answers: list[str | None], mood: str
) -> None:
    for named in answers:
        await characters.answered(HERE, named)
    assert characters.at(HERE).mood == mood
    assert characters.at(ELSEWHERE).mood == "cheerful"


async def test_each_place_counts_its_own_answers(characters: Characters) -> None:
    await characters.answered(HERE, "sad")
    await characters.answered(ELSEWHERE, "sad")
    assert (characters.at(HERE).mood, characters.at(ELSEWHERE).mood) == ("cheerful", "cheerful")


async def test_a_mood_that_people_choose_begins_the_count_anew(characters: Characters) -> None:
    await characters.answered(HERE, "sad")
    await characters.choose_mood(HERE, "calm")
    await characters.answered(HERE, "sad")
    assert characters.at(HERE).mood == "calm"
    await characters.choose_persona(HERE, "evil_seiyuu")
    await characters.answered(HERE, "furious")
    assert characters.at(HERE).mood == characters.at(HERE).persona.default_mood


async def test_the_mood_after_an_answer_is_known_before_the_answer_counts(characters: Characters) -> None:
    assert characters.mood_after(HERE, "sad") is None
    await characters.answered(HERE, "sad")
    assert (characters.mood_after(HERE, "SAD"), characters.mood_after(HERE, "calm")) == ("sad", None)
    assert characters.at(HERE).mood == "cheerful", "one answer has named it, and asking does not count as a second one"


async def test_the_moved_mood_survives_a_restart_and_listeners_hear_of_it(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        characters, seen = await opened(database), list[str]()
        characters.watch(lambda _, character: seen.append(character.mood))
        await characters.answered(HERE, "sad")
        await characters.answered(HERE, "sad")
        assert seen == ["sad"]
        assert (await opened(database)).at(HERE).mood == "sad"


async def test_a_mood_that_cannot_be_stored_lasts_only_until_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        characters = await opened(database)
        await database.write("DROP TABLE chat_character")
        await characters.answered(HERE, "sad")
        await characters.answered(HERE, "sad")
        assert characters.at(HERE).mood == "sad"
    assert "lasts only until the next start" in caplog.text


async def test_the_mood_moves_before_it_is_stored(tmp_path: Path) -> None:
    """The next answer begins in the new mood, however slow the disk is."""
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        characters = await opened(database)
        await characters.answered(HERE, "sad")
        storing = asyncio.create_task(characters.answered(HERE, "sad"))
        await asyncio.sleep(0)
        assert (characters.at(HERE).mood, storing.done()) == ("sad", False)
        await storing


async def test_without_the_setting_the_model_moves_no_mood_and_is_told_of_no_marks(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        characters = await opened(database, follow=False)
        for _ in range(3):
            assert characters.mood_after(HERE, "sad") is None
            await characters.answered(HERE, "sad")
        assert characters.at(HERE).mood == "cheerful"
        assert "may move it" not in moods_text(characters.at(HERE))
        assert "[mood:" not in await system_prompt(characters.at(HERE), 8_000_000_000)


async def test_the_state_says_that_answers_may_move_the_mood(characters: Characters) -> None:
    assert moods_text(characters.at(HERE)).endswith("My answers may move it, too.")


class Model:
    """A model of a known size."""

    def __init__(self, parameters: int) -> None:
        self._size = ModelSize(None)
        self._size.learn(parameters)

    def size_of(self, *, model: str | None = None) -> ModelSize:
        return self._size


async def system_prompt(character: Character, parameters: int) -> str:
    prompts = ConversationMessages(SPOKEN, Model(parameters), lambda: NOW, load_small_prompts())
    return (await prompts.write(character, (), Turn.of_person("Ada", "hi"), ""))[0].content


async def test_the_model_is_told_the_marks_of_all_moods_and_the_head_of_the_prompt_stays_the_same(
    characters: Characters,
) -> None:
    cheerful = await system_prompt(characters.at(HERE), 8_000_000_000)
    assert all(f"[mood: {mood}]" in cheerful for mood in characters.at(HERE).persona.moods)
    await characters.choose_mood(HERE, "sad")
    sad = await system_prompt(characters.at(HERE), 8_000_000_000)
    assert cheerful.partition("Seiyuu's mood now")[0] == sad.partition("Seiyuu's mood now")[0]


@pytest.mark.parametrize("parameters", [135_000_000, 1_500_000_000])
async def test_a_small_model_is_told_of_no_marks(characters: Characters, parameters: int) -> None:
    assert "[mood:" not in await system_prompt(characters.at(HERE), parameters)


def test_only_moods_that_fit_a_mark_are_offered_and_a_single_mood_is_not() -> None:
    odd = PERSONA.model_copy(update={"moods": {**PERSONA.moods, "a]b": "x"}})
    assert "a]b" not in mood_rule(odd)
    assert mood_rule(PERSONA.model_copy(update={"moods": {"calm": "x"}})) == ""
