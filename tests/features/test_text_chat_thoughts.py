"""Tests of thoughts, names and halves of characters in a model's text: in the end, no post and no history has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.world.bus import Dispatch, Event
from tests.e2e.scripted_model import Answer
from tests.features.chat_stage import ChatStage, chat_stage


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatStage]:
    async with chat_stage(tmp_path, monkeypatch) as stage:
        yield stage


async def test_a_thought_without_an_opening_mark_is_overwritten_and_later_thoughts_never_appear(
    stage: ChatStage,
) -> None:
    stage.model.script = lambda line: Answer("She greets me. </think> Hello Ada.")
    first = await stage.mention("hi")
    await stage.until(lambda: stage.replies_to(first) == ["Hello Ada."])
    await stage.until(lambda: first.id in stage.router.done)

    shown: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Dispatch) and event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            shown.append(event.data["content"])

    stop_watching = stage.sandbox.world.directory.bus.subscribe(watch)
    await stage.ask("and now?")
    stop_watching()
    assert not [content for content in shown if "greets" in content]
    assert stage.last_asked()[1] == ("assistant", "Hello Ada.")


async def test_names_before_lines_are_left_out(stage: ChatStage) -> None:
    stage.model.script = lambda line: Answer("Seiyuu: Hello Ada.\nAda: Hi!\nSeiyuu: How are you?")
    assert (await stage.ask("hi")).content == "Hello Ada."
    await stage.ask("and now?")
    assert stage.last_asked()[1] == ("assistant", "Hello Ada.")


async def test_half_an_emoji_is_replaced_by_a_sign_in_the_post_and_in_the_history(stage: ChatStage) -> None:
    stage.model.script = lambda line: Answer("Hello \ud83d one")
    assert (await stage.ask("hi")).content == "Hello \ufffd one"
    await stage.ask("and now?")
    assert stage.last_asked()[1] == ("assistant", "Hello \ufffd one")
