"""The mood that an answer names: only its head counts, over all rounds of an answer with tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import AnswerProgress
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall
from bot.llm.tool_loop import answer_with_tools
from bot.llm.tools import ToolDescription
from tests.llm.tool_doubles import ScriptedTools

CALL = ToolCall("1", "clock", "{}")
SAD, HAPPY = TextDelta("Oh dear.", mood="sad"), TextDelta("Hooray.", mood="happy")


@pytest.mark.parametrize(
    ("rounds", "told"),
    [
        ([[SAD, TextDelta(" Oh.")]], ["sad"]),
        ([[TextDelta("Oh.")]], []),
        ([[CALL], [SAD]], ["sad"]),
        ([[SAD, CALL], [HAPPY]], ["sad"]),
        ([[TextDelta("Well."), CALL], [HAPPY]], []),
        ([[HAPPY, TextDelta("", retracts=True), SAD]], ["happy", None, "sad"]),
        ([[HAPPY, TextDelta("", retracts=True), TextDelta("Oh.")]], ["happy", None]),
    ],
)
async def test_only_the_mood_at_the_head_of_the_whole_answer_is_reported(
    rounds: list[list[AnswerPart]], told: list[str | None]
) -> None:
    left, moods = iter(rounds), list[str | None]()

    async def ask(_: Sequence[ChatMessage], __: Sequence[ToolDescription]) -> AsyncGenerator[AnswerPart, None]:
        for part in next(left):
            yield part

    tools = ScriptedTools({"clock": "[mood: furious]"})
    progress = AnswerProgress(mood=moods.append)
    async for _ in answer_with_tools(ask, [ChatMessage("user", "Ada: hi")], tools, progress=progress):
        pass
    assert moods == told
