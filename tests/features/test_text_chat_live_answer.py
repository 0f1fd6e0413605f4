"""Tests of streamed answers, seen through Discord's events, with a slow model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from bot.features.text_chat.service import ChatPace
from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.small_model import ModelSize
from bot.llm.tools import ToolDescription
from sandbox.world.bus import Dispatch, Event
from tests.features.chat_stage import chat_stage

INTERVAL = 0.25
WORDS = [f"word{number} " for number in range(300)]


class SlowModel:
    """A model that writes for about 1.5 s."""

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[TextDelta, None]:
        for word in WORDS:
            await asyncio.sleep(0.005)
            yield TextDelta(word)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        tools: Sequence[ToolDescription] = (),
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[AnswerPart, None]:
        return self.text(messages)

    def size_of(self, *, model: str | None = None) -> ModelSize:
        return ModelSize(model)


async def test_an_answer_grows_visibly_and_never_too_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "".join(WORDS).strip()
    changes: list[tuple[float, str]] = []

    def watch(event: Event) -> None:
        if isinstance(event, Dispatch) and event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            changes.append((monotonic(), event.data["content"]))

    pace = ChatPace(edit_interval=INTERVAL)
    async with chat_stage(tmp_path, monkeypatch, pace=pace, text_model=SlowModel()) as stage:
        question = await stage.mention("write")
        stop_watching = stage.sandbox.world.directory.bus.subscribe(watch)
        await stage.until(lambda: "".join(f"{page} " for page in stage.replies_to(question)).strip() == whole)
        stop_watching()
    times, contents = zip(*changes, strict=True)
    assert len(changes) >= 4
    assert all(later - earlier > INTERVAL * 0.8 for earlier, later in pairwise(times))
    assert all(content in whole for content in contents)
