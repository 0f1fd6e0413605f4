"""All tools of the bot: its own ones, and those of MCP servers, which it keeps running."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bot.text import counted, enumerated
from bot.tools.builtin.tools import BUILTIN_NAMES
from bot.tools.confirmation import Confirmation, Consents, NoButtons
from bot.tools.servers.server import McpServer
from bot.tools.servers.tools import McpTool, Permits, tools_of
from bot.tools.tool import Asker, Tool
from bot.tools.tools_file import ToolsFile
from bot.tools.toolset import CALL_SECONDS, PATIENT_SECONDS, Asking, Toolset, tell_nobody
from bot.tools.yes_no_words import YesNoWords
from config.spelling import nearest

_log = logging.getLogger(__name__)

NOBODY, EVERYONE = "nobody", "everyone"


def only_for_everyone(_: Asker, permit: str) -> bool:
    """Whether a permit includes the asker where nobody is known: only ``everyone`` does."""
    return permit == EVERYONE


def for_the_operator(_: Asker, permit: str) -> bool:
    """Whether a permit includes users of the page and programs, who count as the operator: all but ``nobody`` do."""
    return permit != NOBODY


@dataclass(frozen=True, slots=True)
class ToolUsers:
    """How the rights of the people for whom tools run are checked, and how these people are asked and told something.

    Attributes:
        permits: says whether a permit includes a person.
        confirmation: asks people with buttons.
        tell_failure: tells a person in writing that a server has failed, or that a tool was held back.
    """

    permits: Permits = only_for_everyone
    confirmation: Confirmation = field(default_factory=NoButtons)
    tell_failure: Callable[[Asker, str], Awaitable[None]] = tell_nobody


class ToolRegistry:
    """All tools, and who may use them (a :class:`~bot.llm.tools.Toolboxes`).

    Args:
        built_in: the bot's own tools. :meth:`add` adds further ones.
        heard: called with each person whose words begin a turn.
        elsewhere: names of tools that come with the bot, but are not in ``built_in``. The file of tools may name them
            too.

    Attributes:
        users: checks people's rights, and asks and tells them. The bot on Discord sets it once it has a client.
    """

    def __init__(
        self,
        file: ToolsFile,
        yes_no: YesNoWords,
        built_in: Sequence[Tool] = (),
        heard: Callable[[Asker], None] | None = None,
        elsewhere: frozenset[str] = frozenset(),
        users: ToolUsers = ToolUsers(),
    ) -> None:
        self._elsewhere = elsewhere
        self._heard = heard
        self._rules = file.rules
        self._built_in = list(built_in)
        self.yes_no = yes_no
        self._consents = Consents(yes_no.is_yes)
        self.users = users
        self.servers = [McpServer(each, file.rules.names) for each in file.servers]
        self._made: list[McpTool] = []
        self._made_of: tuple[object, ...] = ()

    def add(self, *tools: Tool) -> None:
        """Add tools of the bot itself. Conversations have them from their next turn on."""
        self._built_in += tools

    def at(self, server: int, channel: int | None = None, *, patient: bool = False, call: str | None = None) -> Toolset:
        """The tools for a place. See :class:`~bot.tools.toolset.Toolset`.

        Args:
            patient: whether tools may take long there, because their results can be told after the turn.
        """
        asking = Asking(self.users.confirmation, self._consents, self.users.tell_failure)
        seconds = PATIENT_SECONDS if patient else CALL_SECONDS
        return Toolset(self.tools, server, channel, asking, self, seconds=seconds, heard=self._heard, call=call)

    def tools(self) -> Sequence[Tool]:
        """The tools that exist now: the bot's own ones, then those of the servers."""
        return [*self._built_in, *self._of_servers()]

    def allows(self, tool: Tool, asker: Asker) -> bool:
        """Whether the person may use the tool."""
        permit = None if isinstance(tool, McpTool) else self._rules.allow.get(tool.description.name)
        return tool.may_use(asker) and (permit is None or self.users.permits(asker, permit))

    def asks_first(self, tool: Tool) -> bool:
        """Whether the tool runs only after a yes of the asker."""
        return tool.asks_first if isinstance(tool, McpTool) else tool.description.name in self._rules.ask

    def is_restricted(self, tool: Tool) -> bool:
        """Whether only some people may use the tool."""
        permit = tool.permit if isinstance(tool, McpTool) else self._rules.allow.get(tool.description.name, EVERYONE)
        return permit != EVERYONE

    def is_outside(self, tool: Tool) -> bool:
        """Whether the tool is one of an MCP server."""
        return isinstance(tool, McpTool)

    def describe(self) -> str:
        """A line for people about the servers and their tools, and what is wrong with them: "2 servers, 7 tools"."""
        if not self.servers:
            return "no servers"
        tools = self._of_servers()
        broken = [f"{each.name}: {each.problem}" for each in self.servers if each.problem is not None]
        text = f"{counted(len(self.servers), 'server')}, {counted(len(tools), 'tool')}"
        return f"{text}; {'; '.join(broken)}" if broken else text

    @property
    def has_problems(self) -> bool:
        """Whether a server can't be used."""
        return any(each.problem is not None for each in self.servers)

    def unknown_names(self) -> str | None:
        """A sentence about names in the file of tools that no tool has; ``None`` if all are known."""
        known = {*BUILTIN_NAMES, *self._elsewhere, *(each.description.name for each in self._built_in)}
        for server in self.servers:
            known |= {name for each in server.tools for name in (each.name, f"{server.name}/{each.name}")}
        unknown = sorted(self._rules.names - known)
        if not unknown:
            return None
        names = "the name" if len(unknown) == 1 else "the names"
        near = [name for each in unknown if (name := nearest(each, sorted(known))) is not None]
        meant = f". Did you mean {enumerated(near)}?" if near else ""
        return f"no tool has {names} {enumerated(unknown)}, which allow or ask mentions{meant}"

    async def run(self) -> None:
        """Keep all servers running until cancelled."""
        async with asyncio.TaskGroup() as group:
            for server in self.servers:
                group.create_task(server.run(), name=f"MCP server {server.name}")
            group.create_task(self._warn_of_unknown_names(), name="names in the file of tools")

    async def _warn_of_unknown_names(self) -> None:
        """Log the names that no tool has, once all servers are up. A server that is down may have them."""
        for server in self.servers:
            await server.settled()
        if not self.has_problems and (unknown := self.unknown_names()) is not None:
            _log.warning("TOOLS_FILE: %s", unknown)

    async def settled(self, limit: float) -> None:
        """Wait until each server has its tools, or has failed to start, at most ``limit`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                for server in self.servers:
                    await server.settled()

    def _of_servers(self) -> list[McpTool]:
        """The tools of the servers. They are made anew only if something of which they are made has changed."""
        made_of = (self.users.permits, len(self._built_in), *(server.tools for server in self.servers))
        if self._made_of != made_of:
            taken = [each.description.name for each in self._built_in]
            self._made = tools_of(self.servers, self._rules, self.users.permits, taken)
            self._made_of = made_of
        return self._made
