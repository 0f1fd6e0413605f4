"""Tools for tests, and calls of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.llm.history import Turn
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription
from bot.tools.confirmation import Confirmation, Consents, NoButtons
from bot.tools.tool import Asker, Effect, ToolResult
from bot.tools.toolset import Asking
from bot.tools.yes_no_words import YesNoWords

ANY_OBJECT: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass
class MadeTool:
    """A tool that returns ``result``, or does what ``does`` says. ``runs`` has the arguments of each run.

    With ``only_for``, nobody but this person may use it. Words ask for it if ``wanted_words`` is a part of them.
    """

    name: str
    result: ToolResult = field(default_factory=lambda: ToolResult("done"))
    effect: Effect = Effect.NONE
    parameters: Mapping[str, Any] = field(default_factory=lambda: ANY_OBJECT)
    only_for: int | None = None
    wanted_words: str = ""
    does: Callable[[Mapping[str, Any], Asker], Awaitable[ToolResult]] | None = None
    runs: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def description(self) -> ToolDescription:
        return ToolDescription(self.name, f"The tool {self.name}.", self.parameters)

    def may_use(self, asker: Asker) -> bool:
        return self.only_for is None or asker.person == self.only_for

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        return bool(self.wanted_words) and self.wanted_words in words

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        self.runs.append(arguments)
        return self.result if self.does is None else await self.does(arguments, asker)


def asking(confirmation: Confirmation | None = None, clock: Callable[[], float] = lambda: 0.0) -> Asking:
    return Asking(confirmation or NoButtons(), Consents(YesNoWords().is_yes, clock))


def asked(words: str = "hello", person: int | None = 7) -> Turn:
    return Turn.of_person("Ada", words, person)


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("call_0", name, json.dumps(arguments))
