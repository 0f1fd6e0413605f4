"""Doubles of tools: a toolbox whose tools return what a test has set, and an event in which a model calls tools."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.llm.history import Turn
from bot.llm.recollection import NOTHING, Recollection
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription
from tests.llm.servers import delta_event

WEATHER = ToolDescription(
    "weather",
    "Tells the weather.",
    {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
)
CLOCK = ToolDescription("clock", "Tells the time.", {"type": "object", "properties": {}})


class ScriptedTools:
    """The tools of all turns. A tool whose result is ``None`` runs until it is cancelled.

    Attributes:
        ran: the calls that were run, in order.
        running: the ids of the calls that run now.
        ended: the ids of the calls that were cancelled.
        asked: the turns for which :meth:`for_turn` was called, in order.
        earlier: the turns before the newest of ``asked``, as the model saw them.
    """

    def __init__(
        self, results: Mapping[str, str | None], descriptions: Sequence[ToolDescription] = (WEATHER, CLOCK)
    ) -> None:
        self.descriptions = descriptions
        self.ran: list[ToolCall] = []
        self.running: set[str] = set()
        self.ended: list[str] = []
        self.asked: list[Turn] = []
        self.earlier: tuple[Turn, ...] = ()
        self.recollection = NOTHING
        self.started = asyncio.Event()
        self._results = results

    def at(
        self, server: int, channel: int | None = None, *, patient: bool = False, call: str | None = None
    ) -> ScriptedTools:
        return self

    def for_turn(
        self, asked: Turn, earlier: Sequence[Turn] = (), *, recollection: Recollection = NOTHING
    ) -> ScriptedTools:
        self.asked.append(asked)
        self.earlier = tuple(earlier)
        self.recollection = recollection
        return self

    async def run(self, call: ToolCall) -> str:
        self.ran.append(call)
        self.running.add(call.id)
        self.started.set()
        try:
            result = self._results[call.name]
            if result is None:
                await asyncio.get_running_loop().create_future()
            return result or ""
        except asyncio.CancelledError:
            self.ended.append(call.id)
            raise
        finally:
            self.running.discard(call.id)


def calling(*calls: tuple[str, Mapping[str, Any]], finish: str | None = "tool_calls") -> bytes:
    """An event with whole calls, each with its name and arguments."""
    return delta_event(
        finish,
        tool_calls=[
            {"index": number, "id": f"c{number}", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for number, (name, arguments) in enumerate(calls)
        ],
    )
