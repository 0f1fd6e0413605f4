"""Tests of streamed answers with a slow model: they grow visibly, with a minimum time between two changes."""

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
from tests.e2e.scripted_model import Answer
from tests.features.chat_stage import chat_stage

INTERVAL = 0.25
PACE = ChatPace(edit_interval=INTERVAL)
WORDS = [f"word{number} " for number in range(300)]
WHOLE = "".join(WORDS).strip()


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


class Changes:
    """What people see of the bot's messages: each change, and its time."""

    def __init__(self) -> None:
        self.contents: list[str] = []
        self._times: list[float] = []

    def __call__(self, event: Event) -> None:
        """Note a post or an edit."""
        if isinstance(event, Dispatch) and event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            self._times.append(monotonic())
            self.contents.append(event.data["content"])

    @property
    def shortest_gap(self) -> float:
        """The shortest time between two changes, in seconds."""
        return min(later - earlier for earlier, later in pairwise(self._times))


async def test_an_answer_grows_visibly_and_never_too_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = Changes()
    async with chat_stage(tmp_path, monkeypatch, pace=PACE, text_model=SlowModel()) as stage:
        question = await stage.mention("write")
        stop_watching = stage.sandbox.world.directory.bus.subscribe(changes)
        await stage.until(lambda: "".join(f"{page} " for page in stage.replies_to(question)).strip() == WHOLE)
        stop_watching()
    assert len(changes.contents) >= 4
    assert changes.shortest_gap > INTERVAL * 0.8
    assert all(content in WHOLE for content in changes.contents)


async def test_after_a_post_that_was_delayed_on_its_way_the_next_one_keeps_its_distance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Changes()
    async with chat_stage(tmp_path, monkeypatch, pace=PACE) as stage:
        stage.model.script = lambda _line: Answer(WHOLE)
        stage.sandbox.faults.rest.slow("POST /channels/*/messages", times=1, seconds=2 * INTERVAL)
        question = await stage.mention("write")
        stop_watching = stage.sandbox.world.directory.bus.subscribe(changes)
        await stage.until(lambda: len(stage.replies_to(question)) == 2)
        stop_watching()
    assert changes.shortest_gap > INTERVAL * 0.8
