"""Helpers for tests of tools: a person who asks, and a function that calls a tool for this person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from bot.llm.tool_calls import ToolCall
from bot.tools.tool import Asker, Tool
from bot.tools.toolset import TurnToolset

ADA = Asker(7, "Ada", "hello", 1, 11)


def turn_of(tools: Iterable[Tool], asker: Asker = ADA) -> TurnToolset:
    return TurnToolset(tools, asker)


async def ask(tool: Tool, asker: Asker = ADA, **arguments: Any) -> str:
    """Call a tool as the model does, with all limits, and return what the model reads."""
    return await turn_of([tool], asker).run(ToolCall("call_0", tool.description.name, json.dumps(arguments)))
