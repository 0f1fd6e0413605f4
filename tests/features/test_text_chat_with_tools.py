"""The text chat with tools: the model calls one, and people read the model's answer and nothing of the tool call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.scripted_model import Answer
from tests.features.chat_stage import chat_stage
from tests.llm.tool_doubles import CLOCK, ScriptedTools


async def test_an_answer_in_writing_uses_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(line: str) -> Answer:
        if line == "17:05":
            return Answer("It is five past five.")
        return Answer('One moment. <tool_call>{"name": "clock", "arguments": {}}</tool_call>')

    tools = ScriptedTools({"clock": "17:05"}, [CLOCK])
    async with chat_stage(tmp_path, monkeypatch, tools=tools) as stage:
        stage.model.script = script
        question = await stage.mention("what time is it?")
        await stage.until(lambda: stage.replies_to(question) == ["One moment. It is five past five."])
        assert [turn.person for turn in tools.asked] == [stage.ada.id], "the rights are those of the writer"
        await stage.mention("thanks")
        await stage.until(lambda: len(stage.model.asked) >= 3)
        assert stage.last_asked()[:2] == [
            ("user", "Ada: someone what time is it?"),
            ("assistant", "One moment. It is five past five."),
        ], "the answer is remembered, and neither the tool call nor its result"
