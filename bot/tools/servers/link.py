"""A connection to an MCP server: lists its tools and calls them. The first connection imports the library ``mcp``.

Nothing of what a server sends is trusted: it is bounded and cleaned here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.text import shorten
from bot.tools.results import MAX_CHARS, clean_result
from bot.tools.servers.address import web_streams
from bot.tools.servers.program import TOO_LARGE, running_program
from bot.tools.servers.schemas import clean_schema
from bot.tools.tools_file import HttpServer, StdioServer
from config.tasks import end_tasks
from config.version import VERSION

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, Tool

MAX_LISTED = 500
"""Maximum number of tools that are read of one server's list."""
MAX_DESCRIPTION = 600
MAX_SCHEMA = 6_000
"""Maximum number of characters of a tool's schema, as JSON. A tool with a longer one is left out."""
_MAX_UNCLEAN = 4 * MAX_SCHEMA
"""Maximum number of characters of a schema before long notes and invisible characters are removed from it."""
FAILED = "The tool failed. It says: {text}"
_MAX_PAGES = 20
_NAME_CHARS = 128


class LinkError(Exception):
    """A call of a tool has no answer that can be used. The text says why, in words of this program."""


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as a server lists it, cleaned.

    Attributes:
        only_reads: whether the server says that the tool changes nothing, and reaches nothing outside of the server.
    """

    name: str
    text: str
    schema: Mapping[str, Any]
    only_reads: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's tools. ``left_out`` has the reason for each tool that can't be used."""

    tools: tuple[ListedTool, ...]
    left_out: tuple[str, ...] = ()


class Link:
    """An open connection.

    Attributes:
        ended: set when the server has ended; never set for a server at an address.
        last_words: returns what a program has written about its end; "" for a server at an address.
    """

    def __init__(
        self, client: Client, ended: asyncio.Event, last_words: Callable[[], str], calls: set[asyncio.Task[str]]
    ) -> None:
        self._client = client
        self._calls = calls
        self.ended = ended
        self.last_words = last_words

    async def list_tools(self) -> Listing:
        """Ask the server for its tools."""
        tools: list[ListedTool] = []
        left_out: list[str] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            for tool in page.tools[: MAX_LISTED - len(tools)]:
                # Checking a long list at once would hold up the call.
                await asyncio.sleep(0)
                found = _listed(tool)
                if isinstance(found, str):
                    left_out.append(found)
                else:
                    tools.append(found)
            cursor = page.next_cursor
            if cursor is None or len(tools) >= MAX_LISTED:
                break
        return Listing(tuple(tools), tuple(left_out))

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool. Returns what the server says, also if it says that the tool has failed.

        Cancelling does not wait until the server has received the cancellation, which can take seconds.

        Raises:
            LinkError: there is no answer that can be used.
        """
        task = asyncio.create_task(self._call(tool, arguments), name="call of an MCP server")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            return await asyncio.shield(task)
        finally:
            task.cancel()

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED, CallToolRequest, CallToolRequestParams, CallToolResult
        from pydantic import ValidationError

        # The session's own method also checks the result against a schema of the server, whose patterns could take
        # any time.
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        try:
            return _text(await self._client.session.send_request(request, CallToolResult))
        except MCPError as error:
            if error.error.code == CONNECTION_CLOSED:
                raise LinkError("it has ended") from error
            if error.error.code == TOO_LARGE:
                raise LinkError("its answer is too large") from error
            return FAILED.format(text=error.error.message[:MAX_CHARS])
        except ValidationError as error:
            raise LinkError("its answer is not as the protocol wants it") from error


@asynccontextmanager
async def linked(server: StdioServer | HttpServer, when_changed: Callable[[], None]) -> AsyncIterator[Link]:
    """Connect to a server. Leaving the context ends the connection, and the server if it is a program.

    Args:
        when_changed: called when the server says that its tools have changed.
    """
    # Importing the library takes a second of processor time.
    mcp = await asyncio.to_thread(_library)
    from mcp_types import Implementation, ToolListChangedNotification

    async def on_message(message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            when_changed()

    async with AsyncExitStack() as stack:
        ended, streams = asyncio.Event(), None
        calls: set[asyncio.Task[str]] = set()
        # The calls of tools are ended last: once the connection is closed, each of them ends at once.
        stack.push_async_callback(_end, calls)
        last_words: Callable[[], str] = str
        if isinstance(server, StdioServer):
            program = await stack.enter_async_context(running_program(server))
            ended, streams = program.ended, (program.messages, program.send)
            last_words = lambda: program.last_words  # noqa: E731
        else:
            streams = await stack.enter_async_context(web_streams(server))
        client = mcp.Client(
            _Streams(streams),
            message_handler=on_message,
            client_info=Implementation(name="seiyuu", version=VERSION),
            cache=None,
        )
        try:
            opened = await stack.enter_async_context(client)
        except Exception as error:
            if last_words():
                error.add_note(last_words())
            raise
        yield Link(opened, ended, last_words, calls)


async def _end(calls: set[asyncio.Task[str]]) -> None:
    await end_tasks(*calls)


def _library() -> Any:
    import mcp

    return mcp


class _Streams:
    """Streams that are open already, in the form in which the library takes a connection."""

    def __init__(self, streams: Any) -> None:
        self._streams = streams

    async def __aenter__(self) -> Any:
        return self._streams

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: whoever has opened the streams closes them."""


def _listed(tool: Tool) -> ListedTool | str:
    """The tool, cleaned; or the reason why it can't be used."""
    shown = shorten(clean_result(tool.name), 64)
    if not 0 < len(tool.name) <= _NAME_CHARS or not shown:
        return f"{shown or 'a tool'} (its name can't be used)"
    try:
        # Cleaning takes much longer than measuring.
        too_long = len(json.dumps(tool.input_schema)) > _MAX_UNCLEAN
        schema = {} if too_long else clean_schema(tool.input_schema)
        if too_long or len(json.dumps(schema, allow_nan=False)) > MAX_SCHEMA:
            return f"{shown} (the description of its arguments is too long)"
    except (ValueError, RecursionError):
        return f"{shown} (the description of its arguments can't be used)"
    hints = tool.annotations
    only_reads = hints is not None and hints.read_only_hint is True and hints.open_world_hint is False
    text = shorten(" ".join(clean_result(tool.description or tool.title or tool.name).split()), MAX_DESCRIPTION)
    return ListedTool(tool.name, text, schema, only_reads)


def _text(result: CallToolResult) -> str:
    parts = []
    for block in result.content[:100]:
        match block.type:
            case "text":
                parts.append(block.text[: 2 * MAX_CHARS])
            case "resource":
                parts.append(getattr(block.resource, "text", f"[a file: {block.resource.uri}]")[: 2 * MAX_CHARS])
            case "resource_link":
                parts.append(f"[a file: {block.uri}]"[:500])
            case "image":
                parts.append("[a picture, which can't be shown here]")
            case "audio":
                parts.append("[a sound, which can't be played here]")
    text = "\n".join(parts)
    if not text.strip() and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)[: 2 * MAX_CHARS]
    return FAILED.format(text=text) if result.is_error else text
