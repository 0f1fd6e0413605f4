"""The log of a call: a line about an answer has the call's id, and also the turn's id if the prompt was spoken."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.voice.events import CallBegan, ReplyEnded
from bot.voice.turn import Microphone, Prompt, SpokenTurn, TurnId
from config.json_log import JsonLines
from tests.voice.doubles import HummingSpeech, RepeatingResponder
from tests.voice.effects import only
from tests.voice.memory_call import ADA, memory_call
from tests.voice.turn_taking.harness import ManualTranscriber


class LoggingResponder(RepeatingResponder):
    """A responder that keeps the line that it would log as it answers."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        record = logging.LogRecord("mind", logging.INFO, "", 0, asked.text, (), None)
        self.lines.append(json.loads(JsonLines().format(record)))
        async for piece in super().answer(asked, progress):
            yield piece


async def test_an_answer_is_logged_with_its_call_and_with_the_turn_if_the_prompt_was_spoken(tmp_path: Path) -> None:
    mind = LoggingResponder()
    async with memory_call(
        tmp_path, ManualTranscriber(), mind, HummingSpeech(np.full(4_800, 0.1, np.float32))
    ) as memory:
        spoken = SpokenTurn(TurnId(ADA, 4), next(iter(Microphone)), 0.0, 0.0, 0.0)
        for text, turn in (("one", spoken), ("two", None)):
            memory.call.conversation.prompt(Prompt("Ada", text, 0.0, person=ADA, spoken=turn))
        await memory.until(lambda event: isinstance(event, ReplyEnded) and len(only(ReplyEnded, memory.events)) == 2)
        began = await memory.until(lambda event: isinstance(event, CallBegan))
    assert [(line["message"], line["call"], line["turn"]) for line in mind.lines] == [
        ("one", began.call, f"{ADA}-4"),
        ("two", began.call, None),
    ]
    assert began.call
