"""The tools of MCP servers, under names that a model can use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.llm.tools import ToolDescription
from bot.text import plain_words
from bot.tools.negation import not_denied
from bot.tools.servers.link import ListedTool
from bot.tools.servers.server import McpServer
from bot.tools.tool import Asker, Effect, ToolResult
from bot.tools.tools_file import ToolRules

MAX_NAME = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_STOP_WORDS = frozenset({"a", "an", "the", "get", "of", "to", "for", "in", "on", "by", "tool", "mcp"})
_MIN_PREFIX = 4
"""Minimum length of a word that counts as the same as a longer word that begins with it, as "mail" and "mails"."""

Permits = Callable[[Asker, str], bool]
"""Says whether a permit includes a person. The permit is a text from the file of tools, such as "everyone"."""


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool of an MCP server (:class:`~bot.tools.tool.Tool`).

    Attributes:
        description: what the model is told about it, with the name that the model uses.
        permit: who may use it, as the file of tools says it.
        asks_first: whether it runs only after the asker's yes.
    """

    description: ToolDescription
    server: McpServer
    listed: ListedTool
    permit: str
    permits: Permits
    asks_first: bool

    @property
    def effect(self) -> Effect:
        """``NONE`` only if the server says that the tool changes nothing and reaches nothing outside of the server."""
        return Effect.NONE if self.listed.only_reads else Effect.CHANGES

    def may_use(self, asker: Asker) -> bool:
        """Whether the file of tools allows this person the tool."""
        return self.permits(asker, self.permit)

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a person's words name the tool, as "send a mail" names ``send_mail``, and do not forbid it."""
        return names_the_tool(not_denied(words), self.listed.name)

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Call the tool on its server; raises :class:`~bot.tools.tool.ToolError`."""
        return ToolResult(await self.server.call(self.listed.name, arguments), trusted=False)


def names_the_tool(words: str, name: str) -> bool:
    """Whether ``words`` contain every word of a tool's name except the stop words."""
    said = plain_words(words)
    wanted = [each.casefold() for each in _WORD.findall(name)]
    wanted = [each for each in wanted if each not in _STOP_WORDS]
    return bool(wanted) and all(any(_same(word, each) for word in said) for each in wanted)


def _same(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    return one == other or (shorter >= _MIN_PREFIX and one[:shorter] == other[:shorter])


def tools_of(servers: Iterable[McpServer], rules: ToolRules, permits: Permits, taken: Iterable[str]) -> list[McpTool]:
    """The tools of all servers, in the order of the file of tools.

    A name that a model can't use is changed: "read file" becomes ``read_file``. If a name is taken, the server's name
    is put before it. If that name is taken too, the tool is left out.

    Args:
        taken: names of other tools.
    """
    names = set(taken)
    found = []
    for server in servers:
        for listed in server.tools:
            name = _free_name(server.name, listed.name, names)
            if name is not None:
                names.add(name)
                permit, asks_first = rules.permit(server.name, listed.name), rules.asks_first(server.name, listed.name)
                description = ToolDescription(name, listed.text, listed.schema)
                found.append(McpTool(description, server, listed, permit, permits, asks_first))
    return found


def _free_name(server: str, tool: str, taken: set[str]) -> str | None:
    wanted = (_usable(tool), _usable(f"{server}_{tool}"))
    return next((name for name in wanted if name and name not in taken), None)


def _usable(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name).strip("_")[:MAX_NAME]
