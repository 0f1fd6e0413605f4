"""Tests of stored conversations of calls and the text chat, and of their deletion."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from bot.commands.prompt_listener import NOT_ANSWERED
from tests.e2e.barging_in import ANSWER, interrupt, story_or_answer
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, bot_speaks, join_people, talk, voiced
from tests.e2e.test_talk_consent import type_in
from tests.features.talk import let_manage
from tests.file_contents import files_with

PIZZA, KEYBOARD, TRAIN = UTTERANCES[:3]
Row = tuple[Any, ...]


async def kept(stage: Stage, count: int) -> list[Row]:
    """The stored turns (speaker, text, interrupted). Waits until there are this many."""
    query = "SELECT who, text, interrupted FROM turns ORDER BY conversation, number"
    async with asyncio.timeout(LIMIT):
        while len(rows := await stage.app.database.rows(query)) != count:
            await asyncio.sleep(0.05)
    return rows


async def test_what_people_heard_in_calls_and_read_in_chats_is_stored_until_they_delete_it(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with (
        ScriptedModel(story_or_answer) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, answer_to="always") as stage,
    ):
        general = stage.sandbox.home.general
        await stage.join()
        ben, cleo = await join_people(stage, "Ben", "Cleo")
        let_manage(stage.sandbox, stage.ada.id)
        await stage.answer_to(f"!ignore <@{cleo.id}>", starts="🔇")
        typed = await cleo.say(general, "Cleo has typed this")
        await cleo.wait_for_reaction(typed, NOT_ANSWERED, LIMIT)
        await talk(cleo, KEYBOARD)
        await stage.until(lambda: stage.heard_from(cleo.id), "Cleo's words")

        await voiced("Ben", PIZZA)
        await stage.ask("A story!")
        await bot_speaks(stage, stage.ada, after=0.9)
        interruption = await interrupt(stage, ben, PIZZA)
        assert await kept(stage, 4) == [
            ("Ada", "A story!", 0),
            ("Seiyuu", interruption.heard, 1),
            ("Ben", PIZZA, 0),
            ("Seiyuu", ANSWER, 0),
        ]

        await stage.answer_to("!leave", starts="👋")
        (call,) = await stage.app.database.rows("SELECT transport, place, people, ended FROM conversations")
        async with asyncio.timeout(LIMIT):
            while call[3] is None:
                await asyncio.sleep(0.05)
                (call,) = await stage.app.database.rows("SELECT transport, place, people, ended FROM conversations")
        assert call[:2] == ("discord", stage.sandbox.home.lounge.name)
        assert json.loads(call[2]) == ["Ada", "Ben"]

        await stage.ask(f"<@{stage.bot}> {TRAIN}")
        assert (await kept(stage, 6))[-2:] == [("Ada", TRAIN, 0), ("Seiyuu", ANSWER, 0)]

        await type_in(stage, ben, "!optout", "🙉")
        left = [("Ada", "A story!"), ("Seiyuu", interruption.heard), ("Ada", TRAIN), ("Seiyuu", ANSWER)]
        assert [row[:2] for row in await kept(stage, 4)] == left, "the answer to Ben went with his words"
        await stage.answer_to("!forget", starts="🧹 I have forgotten")
        await kept(stage, 0)


async def test_after_forget_no_file_of_the_bot_has_the_words_of_the_chat_and_the_recorded_call(
    make_stage: StageMaker, speech_server: str, tmp_path: Path
) -> None:
    settings = {"tts_websocket_url": speech_server, "who_may_record": "everyone", "answer_to": "always"}
    async with (
        ScriptedModel(lambda _: Answer("Zebrafish, you say?")) as model,
        make_stage(llm_url=model.url, **settings) as stage,
    ):
        let_manage(stage.sandbox, stage.ada.id)
        await stage.answer_to(f"<@{stage.bot}> Where do zebrafish live?", starts="Zebrafish")
        await stage.join()
        await stage.answer_to("!record on", starts="🔴 I'm recording.")
        await stage.ask("And what do zebrafish eat?")
        await kept(stage, 4)
        await talk(stage.ada, PIZZA)
        await kept(stage, 6)
        await stage.answer_to("!leave", starts="👋")
        assert await asyncio.to_thread(files_with, tmp_path, "zebrafish") == {"seiyuu.sqlite3-wal"}
        assert await asyncio.to_thread(files_with, tmp_path, PIZZA) == {"seiyuu.sqlite3-wal"}
        await stage.answer_to("!forget", starts="🧹 I have forgotten")
        await stage.answer_to("!forget", starts="🧹 I don't remember anything")
        written = await asyncio.to_thread(lambda: {file.name for file in tmp_path.rglob("*") if file.is_file()})
        assert written >= {"seiyuu.sqlite3", "seiyuu.sqlite3-wal", "traces.jsonl", "bot.wav", f"Ada-{stage.ada.id}.wav"}
        for words in ("zebrafish", PIZZA):
            assert await asyncio.to_thread(files_with, tmp_path, words) == set()
    for words in ("zebrafish", PIZZA):
        assert await asyncio.to_thread(files_with, tmp_path, words) == set(), (
            "the words are in no file after the bot's end either"
        )
