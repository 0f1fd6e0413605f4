"""Tests of a model server that is not ready, or finds the history too long: the chat waits and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.scripted_model import Answer, Fault
from tests.features.chat_stage import ChatStage, chat_stage


@pytest.fixture
async def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatStage]:
    async with chat_stage(tmp_path, monkeypatch) as stage:
        yield stage


async def test_a_channel_whose_history_grew_too_long_goes_on(talk: ChatStage) -> None:
    talk.model.context = 2_048
    for _ in range(5):
        reply = await talk.ask("日本語の長い話。" * 100)
        assert not reply.content.startswith("❌")
    assert talk.model.refused == 1
    assert talk.model.asked[-1][0]["role"] == "system"
    assert len(talk.model.asked[-1]) < 5


async def test_one_message_that_is_too_long_is_answered(talk: ChatStage) -> None:
    talk.model.context = 2_048
    reply = await talk.ask("これは何? " + "長い話。" * 480 + "教えて。")
    assert not reply.content.startswith("❌")
    newest = talk.model.asked[-1][-1]["content"]
    assert "これは何?" in newest
    assert newest.endswith("教えて。")


async def test_the_bot_waits_silently_for_a_model_that_is_loading(talk: ChatStage) -> None:
    looked: list[str] = []

    def sleepy(line: str) -> Answer:
        looked.append(line)
        return Answer("", Fault.LOADING) if len(looked) < 4 else Answer("All is well.")

    talk.model.script = sleepy
    question = await talk.mention("what's up?")
    await talk.until(lambda: question.id in talk.router.done)
    assert talk.replies_to(question) == ["All is well."]
    assert len(looked) == 4
