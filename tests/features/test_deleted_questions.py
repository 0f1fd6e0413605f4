"""Tests of messages and channels that are deleted before the answer is posted: nothing gets stuck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.world.entities import Message
from sandbox.world.permissions import Permission
from tests.features.chat_stage import ChatStage, chat_stage
from tests.timing import LIMIT

POSTING = "POST /channels/*/messages"


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatStage]:
    async with chat_stage(tmp_path, monkeypatch) as made:
        yield made


async def answer_after(stage: ChatStage, question: Message) -> Message:
    return await stage.ada.wait_for_message(
        stage.sandbox.home.general, lambda m: m.author.bot and m.content.startswith("You said"), LIMIT, after=question
    )


async def test_an_answer_to_a_deleted_message_is_posted_without_the_reference(stage: ChatStage) -> None:
    stage.sandbox.faults.rest.slow(POSTING, times=1, seconds=0.5)
    question = await stage.mention("hello")
    await stage.until(lambda: stage.model.asked)
    await stage.ada.delete(question)
    answer = await answer_after(stage, question)
    assert (answer.content, answer.reference_id) == ("You said: Ada: someone hello", None)
    await stage.ask("and now?")
    assert stage.last_asked()[:2] == [("user", "Ada: someone hello"), ("assistant", "You said: Ada: someone hello")]


async def test_a_channel_that_is_deleted_in_the_middle_of_an_answer_leaves_nothing_stuck(
    stage: ChatStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.sandbox.faults.rest.slow(POSTING, times=1, seconds=0.5)
    side = stage.sandbox.home.side
    question = await stage.ada.say(side, f"<@{stage.sandbox.bot_id}> hello")
    await stage.until(lambda: stage.model.asked)
    await stage.sandbox.faults.delete_channel(side)
    await stage.until(lambda: question.id in stage.router.done)
    assert f"Message {question.id} could not be answered" in caplog.text
    assert stage.model.open_streams == 0
    assert (await stage.ask("still there?")).content == "You said: Ada: someone still there?"
    await stage.chat.hold("a call")


async def test_an_answer_comes_without_the_reference_if_the_bot_may_not_read_the_history(stage: ChatStage) -> None:
    stage.sandbox.faults.deny(stage.sandbox.bot, stage.sandbox.home.general, Permission.READ_MESSAGE_HISTORY)
    question = await stage.mention("hello")
    answer = await answer_after(stage, question)
    assert (answer.content, answer.reference_id) == ("You said: Ada: someone hello", None)
