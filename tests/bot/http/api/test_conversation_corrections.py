"""Words that were misheard are corrected in stored conversations over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.operator_files import CORRECTIONS_FILE
from bot.voice.events import CallEnded, PromptTaken, UtteranceHeard
from tests.bot.conversations.archives import ADA, answer
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.bot.http.web_stage import Answer

TURN = "/api/conversations/1/turns/1"


async def say(stage: ApiStage, words: str = "Hello sea you") -> None:
    """A call in which Ada says something, and the bot answers."""
    watch, _ = stage.archive.call()
    watch(UtteranceHeard(ADA, "Ada", words, True))
    watch(answer("Hello Ada"))
    watch(CallEnded("Lounge", "command"))
    await stage.archive.turns()


async def texts(stage: ApiStage) -> list[str]:
    return [turn["text"] for turn in (await stage.web.ask("/api/conversations/1")).json["turns"]]


async def correct(stage: ApiStage, text: Any, path: str = TURN, **fields: Any) -> Answer:
    return await stage.web.ask(path, "PATCH", json={"text": text, **fields})


async def test_a_transcript_is_corrected(stage: ApiStage) -> None:
    await say(stage)
    corrected = await correct(stage, " Hello Seiyuu ")
    assert corrected.status == 200
    assert (corrected.json["number"], corrected.json["who"], corrected.json["text"]) == (1, "Ada", "Hello Seiyuu")
    assert await texts(stage) == ["Hello Seiyuu", "Hello Ada"]
    found = await stage.web.ask("/api/conversations?q=seiyuu")
    assert len(found.json["conversations"]) == 1, "the search knows the new words"


async def test_what_was_misheard_is_nowhere_on_disk_after_its_correction(stage: ApiStage) -> None:
    """SQLite moves rows between pages when they grow. Copies that stay behind must go too."""
    for number in range(240):
        stage.archive.write(ADA, "Ada", f"zebrafish {number}", "an answer " * (number % 20 + 1))
    await stage.archive.turns()
    for number in range(1, 480, 2):
        # Written as the server writes, but without its cleaning, so that SQLite moves many rows in a short time.
        await stage.archive.database.write(
            "UPDATE turns SET text = ? WHERE conversation = 1 AND number = ?", "kudu " * (number % 30 + 1), number
        )
    await say(stage, "zebrafish again")
    path = f"/api/conversations/{(await stage.web.ask('/api/conversations')).json['conversations'][0]['id']}/turns/1"
    assert (await correct(stage, "okapi again", path)).status == 200
    files = await asyncio.to_thread(lambda: list(stage.database_file.parent.glob(f"{stage.database_file.name}*")))
    data = b"".join([await asyncio.to_thread(file.read_bytes) for file in files])
    assert b"okapi" in data
    assert b"zebrafish" not in data


async def test_what_the_bot_said_stays(stage: ApiStage) -> None:
    await say(stage)
    refused = await correct(stage, "Something else", "/api/conversations/1/turns/2")
    assert (refused.status, refused.code) == (403, "not_correctable")
    assert await texts(stage) == ["Hello sea you", "Hello Ada"]


async def test_words_of_a_person_who_opted_out_can_not_be_corrected(stage: ApiStage) -> None:
    await say(stage)
    stage.archive.unwanted.add(ADA)
    assert (await correct(stage, "Something else")).code == "no_turn"


@pytest.mark.parametrize("path", ["1/turns/3", "1/turns/0", "1/turns/x", "1/turns/01", "2/turns/1", "x/turns/1"])
async def test_only_existing_turns_can_be_corrected(stage: ApiStage, path: str) -> None:
    await say(stage)
    assert (await correct(stage, "Something else", f"/api/conversations/{path}")).status == 404
    assert await texts(stage) == ["Hello sea you", "Hello Ada"]


@pytest.mark.parametrize("text", [None, "", "  ", 5, ["x"], "a\x00b", 4_001 * "x"])
async def test_bad_corrections_are_refused_in_words(stage: ApiStage, text: Any) -> None:
    await say(stage)
    refused = await correct(stage, text)
    assert (refused.status, refused.code) in ((400, "bad_parameter"), (413, "too_long"))
    assert await texts(stage) == ["Hello sea you", "Hello Ada"]


async def test_a_correction_is_learned_if_the_request_asks_for_that(tmp_path: Path) -> None:
    file = tmp_path / CORRECTIONS_FILE
    file.write_text("# my own\njason: Jaison", encoding="utf-8")
    async with api_stage(tmp_path) as stage:
        await say(stage)
        assert (await correct(stage, "Hello say you")).json["learned"] == {}
        corrected = (await correct(stage, "Hello Seiyuu", learn=True)).json
    assert (corrected["learned"], corrected["not_learned"]) == ({"say you": "Seiyuu"}, None)
    written = file.read_text(encoding="utf-8")
    assert written.startswith("# my own\n")
    assert yaml.safe_load(written) == {"jason": "Jaison", "say you": "Seiyuu"}


async def test_if_the_file_of_corrections_is_unusable_the_transcript_is_corrected_and_nothing_is_learned(
    stage: ApiStage, tmp_path: Path
) -> None:
    (tmp_path / CORRECTIONS_FILE).mkdir()
    await say(stage)
    corrected = (await correct(stage, "Hello Seiyuu", learn=True)).json
    assert corrected["learned"] == {}
    assert "STT_CORRECTIONS" in corrected["not_learned"]
    assert (await texts(stage))[0] == "Hello Seiyuu"


async def test_nothing_is_learned_from_what_was_typed(stage: ApiStage, tmp_path: Path) -> None:
    watch, _ = stage.archive.call()
    watch(PromptTaken("1", "Ada", "Hello sea you", person=ADA))
    stage.archive.write(ADA, "Ada", "Hello sea you", "Hello Ada")
    for listed in (await stage.web.ask("/api/conversations")).json["conversations"]:
        path = f"/api/conversations/{listed['id']}"
        first, *answers = (await stage.web.ask(path)).json["turns"]
        assert first["typed"]
        assert not any(each["typed"] for each in answers)
        corrected = (await correct(stage, "Hello Seiyuu", f"{path}/turns/1", learn=True)).json
        assert (corrected["text"], corrected["learned"]) == ("Hello Seiyuu", {})
        assert corrected["not_learned"] == "It was typed, so nobody has misheard it."
    assert not (tmp_path / CORRECTIONS_FILE).exists()
