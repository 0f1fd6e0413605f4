"""The connection to an MCP server that is a program: a child process whose lines are bounded before they are parsed.

The library's own connection has no limits, and does not end the child when the bot is killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from bot.text import shorten
from bot.tools.results import clean_result
from bot.tools.servers.lines import LineSplitter, TooLong
from bot.tools.tools_file import StdioServer
from config.tasks import end_tasks

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

_log = logging.getLogger(__name__)

NEEDED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
"""The variables of the bot's own environment that a server gets. None of them is a secret."""
STOP_LIMIT = 2.0
"""Seconds in which a server must end before it is killed."""
_LAUNCH = Path(__file__).with_name("launch.py")
_PIECE = 1 << 16
_PACE = 16.0 * (1 << 20)
"""Bytes per second that are read of a server's output. More would take processor time from the call."""
_DROP_PACE = 64.0 * (1 << 20)
"""Bytes per second that are read of a line that is dropped. Dropping costs much less than parsing, and somebody may
wait until the line has ended."""
_SHARE = 0.1
"""Largest part of the event loop's time that a server's messages may take. A flood of them must not disturb a call."""
_SLICE = 0.003
"""After this many seconds of processor time, reading pauses, so that :data:`_SHARE` is kept."""
_UNWRITTEN = 100
"""Maximum number of messages that wait while a program does not read its input. There must be room for the cancellation
of a tool call. Otherwise cancelling would have to wait until the program reads on."""
TOO_LARGE = -32_099
"""The JSON-RPC error code of an answer that was dropped because it was too large. The library does not use it."""
_ERROR_LINES = 40
"""Number of lines of the error output that are kept: more than npm or Node.js writes about one error."""
_TELLING = re.compile(
    r"npm (error|ERR!) (code|404 Not Found)|command not found|No such file or directory|"
    r"^(\w+\.)*\w*(Error|Exception)\b.*:"
)
"""Matches the lines that say why a program has ended. npm and Node.js write other lines after them."""
_PART_OF = {
    **dict.fromkeys(("node", "npm", "npx"), " (is Node.js installed?)"),
    **dict.fromkeys(("uv", "uvx"), " (is uv installed?)"),
}
_ENDLESS = 16 << 20
"""Bytes without the end of a line after which nothing more is read."""


class ProgramError(OSError):
    """The program can't be started. The text says why."""


def telling_words(lines: Sequence[str]) -> str:
    """The one or two lines that say why a program has ended; otherwise the last line; empty if there is none."""
    telling = [line for line in lines if _TELLING.search(line)]
    return "; ".join(dict.fromkeys(telling[:2])) or (lines[-1] if lines else "")


class ServerProgram:
    """The child process of a server, and the streams of messages to and from it."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        import anyio

        self._process = process
        self._name = name
        self._errors: deque[str] = deque(maxlen=_ERROR_LINES)
        self._rubbish = False
        self._asked: set[int | str] = set()
        """The ids of the tool calls that have no answer yet."""
        self._given_up = False
        """Whether an error was already delivered in place of the answer that is coming in. This answer is too long, and
        had not shown yet which request it belongs to."""
        self.ended = asyncio.Event()
        """Set when the program has closed its output or its input, or when its output is no longer read."""
        incoming: tuple[
            MemoryObjectSendStream[SessionMessage | Exception], MemoryObjectReceiveStream[SessionMessage | Exception]
        ]
        incoming = anyio.create_memory_object_stream(0)
        outgoing: tuple[MemoryObjectSendStream[SessionMessage], MemoryObjectReceiveStream[SessionMessage]]
        outgoing = anyio.create_memory_object_stream(_UNWRITTEN)
        self._deliver, self.messages = incoming
        self.send, self._to_write = outgoing
        self._tasks = [
            asyncio.create_task(work, name=f"MCP server {name}")
            for work in (self._read(), self._write(), self._listen())
        ]

    @property
    def last_words(self) -> str:
        """The lines that say most among the newest ones of the program's error output; empty if there are none."""
        return telling_words(self._errors)

    async def close(self) -> None:
        """End the program and everything that it has started, within some seconds."""
        await end_tasks(*self._tasks)
        for stream in (self._deliver, self.messages, self.send, self._to_write):
            stream.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        ending = asyncio.create_task(self._end(), name=f"the end of MCP server {self._name}")
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._signal(number)
            await asyncio.wait([ending], timeout=STOP_LIMIT)
        await end_tasks(ending)
        # The program may have left a process behind in another group, which still holds the pipes. asyncio has no
        # public way to close our ends of them.
        close: Callable[[], None] | None = getattr(getattr(self._process, "_transport", None), "close", None)
        if close is not None:
            close()

    async def _end(self) -> None:
        """Wait until the program has ended. Its output is read, since a program that is stuck in writing can't end."""
        await asyncio.gather(self._process.wait(), _drain(self._process.stdout), _drain(self._process.stderr))

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _read(self) -> None:
        from anyio import BrokenResourceError, ClosedResourceError

        output, lines, busy = self._process.stdout, LineSplitter(), 0.0
        try:
            while output is not None and (piece := await output.read(_PIECE)):
                # What the thread has done while nothing came is not counted.
                began = time.thread_time()
                for line in lines.feed(piece):
                    message = self._message(line)
                    if message is not None:
                        await self._deliver.send(message)
                    if busy + time.thread_time() - began > _SLICE:
                        await asyncio.sleep((busy + time.thread_time() - began) / _SHARE)
                        busy, began = 0.0, time.thread_time()
                busy += time.thread_time() - began
                if lines.dropped > _ENDLESS:
                    raise _UnknownAnswerError("it has sent a line without an end")
                await asyncio.sleep(len(piece) / (_DROP_PACE if lines.dropping else _PACE))
        except (OSError, BrokenResourceError, ClosedResourceError, _UnknownAnswerError) as error:
            _log.warning("The MCP server %s: its output is no longer read: %s", self._name, error)
        finally:
            self.ended.set()
            self._deliver.close()

    def _message(self, line: bytes | TooLong) -> SessionMessage | None:
        """The message of a line; ``None`` if the line is no message."""
        from mcp.shared.message import SessionMessage
        from mcp_types import ErrorData, JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter

        if isinstance(line, TooLong):
            request = self._answered_by(line)
            if request is None:
                return None
            error = ErrorData(code=TOO_LARGE, message="its answer is too large")
            return SessionMessage(JSONRPCError(jsonrpc="2.0", id=request, error=error))
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False) if line else None
            if isinstance(message, JSONRPCResponse | JSONRPCError):
                self._asked.discard(message.id if message.id is not None else "")
            return None if message is None else SessionMessage(message)
        except ValueError:
            if not self._rubbish:
                self._rubbish = True
                _log.warning(
                    "The MCP server %s writes lines that are no messages. They are skipped. The first one: %s",
                    self._name,
                    shorten(clean_result(line[:500].decode(errors="replace")), 200),
                )
            return None

    def _answered_by(self, line: TooLong) -> int | str | None:
        """The id of the request that is answered by a line that is too long.

        ``None`` if it is not known yet, or if an error was already delivered in place of this answer.

        Raises:
            _UnknownAnswerError: the line has ended, and its request is not known.
        """
        if line.ended and self._given_up:
            self._given_up = False
            return None
        request: int | str | None = line.request
        if request is None and not line.ended and len(self._asked) == 1:
            # The line must answer the only open call, so nobody has to wait until all of the answer has come.
            (request,) = self._asked
            self._given_up = True
        if request is None and line.ended:
            raise _UnknownAnswerError("it has sent a line that is too long")
        if request is not None:
            self._asked.discard(request)
        return request

    def _note_call(self, message: SessionMessage) -> None:
        """Note which calls wait for an answer. Other requests are left out: they may never get one."""
        from mcp_types import JSONRPCNotification, JSONRPCRequest

        sent = message.message
        if isinstance(sent, JSONRPCRequest) and sent.method == "tools/call":
            self._asked.add(sent.id)
        elif isinstance(sent, JSONRPCNotification) and sent.method == "notifications/cancelled":
            self._asked.discard((sent.params or {}).get("requestId", 0))

    async def _write(self) -> None:
        pipe = self._process.stdin
        try:
            async for message in self._to_write:
                self._note_call(message)
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                if pipe is not None:
                    pipe.write(text.encode() + b"\n")
                    await pipe.drain()
        except OSError:
            # The program has closed its input. Then it can't answer any more.
            self.ended.set()
            self._deliver.close()

    async def _listen(self) -> None:
        """Read the error output, so that the program is never stuck in writing to it."""
        errors = self._process.stderr
        while errors is not None and (piece := await errors.read(_PIECE)):
            lines = [clean_result(line.decode(errors="replace")) for line in piece[-4_000:].splitlines()]
            self._errors += [shorten(line, 200) for line in lines if line]
            _log.debug("The MCP server %s: %s", self._name, self.last_words)
            await asyncio.sleep(len(piece) / _PACE)


async def _drain(pipe: asyncio.StreamReader | None) -> None:
    with suppress(OSError):
        while pipe is not None and await pipe.read(_PIECE):
            pass


class _UnknownAnswerError(Exception):
    """An answer was dropped, and nobody knows which request it belongs to."""


@asynccontextmanager
async def running_program(server: StdioServer) -> AsyncIterator[ServerProgram]:
    """Start a server's program. Leaving the context ends it.

    Raises:
        ProgramError: the program can't be started.
    """
    own = MappingProxyType(os.environ)
    environment = {name: own[name] for name in NEEDED if name in own} | dict(server.environment)
    path = environment.get("PATH", os.defpath)
    if await asyncio.to_thread(shutil.which, server.command, path=path) is None:
        hint = "; arguments belong into args" if " " in server.command else _PART_OF.get(server.command, "")
        raise ProgramError(f"there is no program {shorten(server.command, 100)}{hint}")
    # When the bot ends, however that happens, the kernel closes our end. The watcher of launch.py notices that.
    watched, lifeline = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_LAUNCH), str(watched), str(STOP_LIMIT)),
            *(server.command, *server.arguments),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(watched,),
            # A group of its own, so that all that the program starts can be ended with it.
            start_new_session=True,
            limit=_PIECE,
        )
        os.close(watched)
        watched = -1
        program = ServerProgram(process, server.name)
        try:
            yield program
        finally:
            await program.close()
    finally:
        os.close(lifeline)
        if watched >= 0:
            os.close(watched)
