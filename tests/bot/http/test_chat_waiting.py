"""A client that gives its typed texts ids is told which of them wait for their answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bot.voice.browser.waiting_texts import MAX_SHOWN
from bot.voice.dialogue.prompt_queue import MAX_WAITING
from tests.bot.http.chat_house import ChatPage, SlowVoice, chat_house
from tests.voice.doubles import ThinkingMind


async def type_all(page: ChatPage, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        await page.send(type="text", text=text, id=name)


def waiting(page: ChatPage) -> list[list[str]]:
    """What the client was told, in order."""
    return [each["texts"] for each in page.all("waiting")]


async def test_texts_that_wait_are_listed_until_their_answers_begin(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        await type_all(page, {"a": "What is a frog?", "b": "And a toad?", "c": "And a newt?"})
        await page.count("audio_end", 3, reason="done")
        assert waiting(page) == [[], ["b"], ["b", "c"], ["c"], []]
        begun = page.got.index({"type": "waiting", "texts": ["c"]})
        assert [each["type"] for each in page.got[:begun]].count("audio_end") == 1, "not before the answer before it"


async def test_texts_that_get_no_answer_are_listed_no_longer(tmp_path: Path) -> None:
    async with chat_house(tmp_path, mind=ThinkingMind()) as house:
        page = await house.talking()
        await type_all(page, {"a": "What is a frog?", "b": "And a toad?"})
        await page.until("waiting", texts=["b"])
        await page.send(type="interrupt")
        await page.wait(lambda: waiting(page)[-1] == [], "the waiting text is dropped")
        await type_all(page, {"d": "What is a frog?", "e": "And a toad?", "f": "!stop"})
        await page.wait(lambda: len(waiting(page)) > 5 and waiting(page)[-1] == [], "!stop drops it, too")


async def test_a_text_that_is_refused_waits_for_nothing(tmp_path: Path) -> None:
    async with chat_house(tmp_path, mind=ThinkingMind()) as house:
        page = await house.talking()
        count = MAX_WAITING + 2
        await type_all(page, {str(number): f"Question {number}" for number in range(count)})
        await page.count("waiting", count)
        assert waiting(page)[-1] == [str(number) for number in range(1, MAX_WAITING + 1)]
        assert count <= MAX_SHOWN


async def test_texts_that_come_before_the_call_has_begun_wait_for_it(tmp_path: Path) -> None:
    go = asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: SlowVoice(go)) as house:
        page = await house.open()
        await page.send(type="hello", audio={})
        await type_all(page, {"a": "What is a frog?", "b": "!volume"})
        await page.until("waiting", texts=["a", "b"])
        go.set()
        await page.until("audio_end", reason="done")
        assert waiting(page)[-1] == []


async def test_commands_wait_for_nothing_and_a_client_without_ids_is_told_nothing(tmp_path: Path) -> None:
    async with chat_house(tmp_path, mind=ThinkingMind()) as house:
        page = await house.talking()
        await type_all(page, {"a": "!volume"})
        await page.until("waiting", texts=[])
        before = len(page.all("waiting"))
        for text in ("What is a frog?", "And a toad?"):
            await page.send(type="text", text=text)
        await page.send(type="text", text="Hello", id=1)
        refused: dict[str, Any] = await page.until("error", code="bad_parameter")
        assert '"id"' in refused["message"]
        assert len(page.all("waiting")) == before
