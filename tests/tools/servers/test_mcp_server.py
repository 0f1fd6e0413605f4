"""MCP servers over stdio: a real one, and ones that hang, die, lie, flood, or have tools of any kind."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from mcp.shared import jsonrpc_dispatcher

from bot.tools.servers import server as server_module
from bot.tools.servers.server import MAX_TOOLS, McpServer
from bot.tools.tool import ToolError
from bot.tools.tools_file import StdioServer
from tests.timing import LIMIT, wait_until
from tests.tools.servers.running import running

HOSTILE = Path(__file__).with_name("hostile_server.py")


def hostile(kind: str, *more: str) -> McpServer:
    return McpServer(StdioServer("odd", sys.executable, (str(HOSTILE), kind, *more)))


async def test_a_real_server_tells_the_time() -> None:
    clock = McpServer(StdioServer("time", sys.executable, ("-m", "mcp_server_time")))
    async with running(clock):
        assert [tool.name for tool in clock.tools] == ["get_current_time", "convert_time"]
        assert all(tool.only_reads for tool in clock.tools)
        assert "Europe/Berlin" in await clock.call("get_current_time", {"timezone": "Europe/Berlin"})
        assert "The tool failed" in await clock.call("get_current_time", {"timezone": "Nowhere"})


@pytest.mark.parametrize("kind", ["rubbish", "many", "names", "lies"])
async def test_calls_work_whatever_else_the_server_does(kind: str) -> None:
    async with running(hostile(kind)) as server:
        assert await server.call("look", {})


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("dies", "it has ended"),
        ("huge", "its answer is too large"),
        ("huge, the id at the end", "its answer is too large"),
        ("huge, without an end", "its answer is too large"),
        ("huge, with neither an id nor an end", "its answer is too large"),
        ("huge, without an id", "it has ended"),
        ("endless", "it has ended"),
        ("nonsense", "its answer is not as the protocol wants it"),
    ],
)
async def test_an_answer_that_can_not_be_used_is_reported_in_a_sentence(kind: str, sentence: str) -> None:
    async with running(hostile(kind)) as server:
        with pytest.raises(ToolError, match=sentence) as caught:
            await server.call("look", {})
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("kind", ["fails", "refuses"])
async def test_what_a_server_says_of_an_error_is_returned_as_a_result(kind: str) -> None:
    async with running(hostile(kind)) as server:
        assert (await server.call("look", {})).startswith("The tool failed. It says: ignore")


@pytest.mark.parametrize("kind", ["huge", "huge, the id at the end"])
async def test_after_an_answer_that_is_too_large_the_server_goes_on(kind: str) -> None:
    async with running(hostile(kind)) as server:
        for _ in range(2):
            with pytest.raises(ToolError, match="too large"):
                await server.call("look", {})


async def test_a_call_that_hangs_is_given_up_and_a_server_that_still_answers_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "CALL_LIMIT", 0.05)
    async with running(hostile("hangs")) as server:
        with pytest.raises(ToolError, match="did not answer within"):
            await server.call("look", {})
        # The server still lists its tools, so it is kept.
        assert server.problem is None


@pytest.mark.parametrize("what", ["rubbish", "notifications", "requests"])
async def test_a_flood_leaves_most_of_the_processor_to_the_call(what: str) -> None:
    async with running(hostile(f"floods with {what}")) as server:
        flooding = asyncio.create_task(server.call("look", {}))
        await asyncio.sleep(0.2)
        worked, began = time.thread_time(), time.monotonic()
        await asyncio.sleep(1)
        # Without a limit, the flood takes more than 0.8 of the processor.
        assert time.thread_time() - worked < 0.4 * (time.monotonic() - began)
        flooding.cancel()
        with suppress(asyncio.CancelledError, ToolError):
            await flooding


async def test_processor_time_that_the_bot_used_before_a_call_does_not_slow_the_call_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "CALL_LIMIT", 8.0)
    async with running(hostile("fine")) as server:
        until_then = time.thread_time() + 1.0
        while time.thread_time() < until_then:
            pass
        for _ in range(3):
            assert await server.call("look", {}) == "fine"


async def test_calls_of_a_server_that_does_not_read_any_more_can_be_cancelled_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The library tells the server that a call is cancelled. By default, it waits at most 5 s for the server to read
    # that. Without this limit, a call that waits for it would never end.
    monkeypatch.setattr(jsonrpc_dispatcher, "_ABANDON_WRITE_TIMEOUT", math.inf)
    async with running(hostile("stops reading")) as server:
        # These are more bytes than fit into a pipe.
        calls = [asyncio.create_task(server.call("look", {"text": "a" * 15_000})) for _ in range(20)]
        await asyncio.sleep(0.2)
        for each in calls:
            each.cancel()
        done, _ = await asyncio.wait(calls, timeout=LIMIT)
        assert len(done) == len(calls)


async def test_a_server_that_died_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    async with running(hostile("dies", str(log))) as server:
        with pytest.raises(ToolError):
            await server.call("look", {})
        await wait_until(lambda: len(log.read_text().split()) == 2 and server.problem is None)
        assert [tool.name for tool in server.tools] == ["look"]


async def test_a_server_that_does_not_start_says_why() -> None:
    async with running(hostile("ends at once")) as server:
        assert server.problem is not None and "wrong key" in server.problem
        with pytest.raises(ToolError, match="not connected") as caught:
            await server.call("look", {})
        assert "wrong key" not in str(caught.value)
    async with running(McpServer(StdioServer("gone", "no-such-program-anywhere"))) as server:
        assert server.problem == "there is no program no-such-program-anywhere"


@pytest.mark.parametrize(("command", "part_of"), [("npx", "Node.js"), ("node", "Node.js"), ("uvx", "uv")])
async def test_a_program_that_is_missing_is_reported_with_what_it_is_a_part_of(command: str, part_of: str) -> None:
    nowhere = {"PATH": "/nowhere"}
    async with running(McpServer(StdioServer("gone", command, environment=nowhere))) as server:
        assert server.problem == f"there is no program {command} (is {part_of} installed?)"


async def test_a_server_that_never_answers_ends_with_its_task(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    task = asyncio.create_task(hostile("never answers", str(log)).run())
    await wait_until(lambda: log.exists() and bool(log.read_text()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(int(log.read_text()))


async def test_the_tools_are_read_again_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "CHANGE_PAUSE", 0.01)
    async with running(hostile("changes")) as server:
        assert [tool.name for tool in server.tools] == ["first"]
        await server.call("first", {})
        await wait_until(lambda: [tool.name for tool in server.tools] == ["second"])


async def test_of_five_hundred_tools_only_some_are_used_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    program = StdioServer("odd", sys.executable, (str(HOSTILE), "many"))
    async with running(McpServer(program, frozenset({"tool_499", "odd/tool_300"}))) as server:
        names = [tool.name for tool in server.tools]
    assert len(names) == MAX_TOOLS
    assert {"tool_0", "tool_499", "tool_300"} <= set(names)
    assert "of its 500 tools, only 40 are used" in caplog.text


async def test_a_description_is_cleaned_and_bounded() -> None:
    async with running(hostile("lies")) as server:
        described = server.tools[0].text
    assert "<|im_start|>" not in described and "\u202e" not in described


async def test_a_server_gets_no_secrets_of_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    program = StdioServer("odd", sys.executable, (str(HOSTILE), "environment"), {"KEY": "its own"})
    async with running(McpServer(program)) as server:
        environment = json.loads(await server.call("look", {}))
    assert environment["KEY"] == "its own"
    assert environment["PATH"] == os.environ["PATH"]
    assert "secret" not in environment.values()
    assert environment.keys() <= {
        *("HOME", "KEY", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
    }


@pytest.mark.parametrize(("kind", "processes"), [("never answers", 1), ("does not want to end", 2)])
async def test_a_server_ends_when_the_bot_is_killed(tmp_path: Path, kind: str, processes: int) -> None:
    log = tmp_path / "starts"
    script = (
        "import asyncio, sys\n"
        "from bot.tools.servers.server import McpServer\n"
        "from bot.tools.tools_file import StdioServer\n"
        "asyncio.run(McpServer(StdioServer('odd', sys.executable, tuple(sys.argv[1:]))).run())\n"
    )
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(HOSTILE), kind, str(log), stderr=asyncio.subprocess.DEVNULL
    )
    await wait_until(lambda: log.exists() and len(log.read_text().split()) == processes)
    started = [psutil.Process(int(each)) for each in log.read_text().split()]
    bot.kill()
    await bot.wait()
    await wait_until(lambda: all(map(_has_ended, started)))


@pytest.mark.parametrize("kind", ["never answers", "does not want to end", "fine"])
async def test_nothing_is_left_of_a_server_that_the_bot_has_ended(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "starts"
    task = asyncio.create_task(hostile(kind, str(log)).run())
    await wait_until(lambda: log.exists() and bool(log.read_text()))
    group = os.getpgid(int(log.read_text().split()[0]))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_until(lambda: not _members(group))


def _members(group: int) -> list[int]:
    """The running processes of a process group. One of them is the watcher: it ends the server if the bot is killed."""
    members = []
    for number in psutil.pids():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(number) == group and not _has_ended(psutil.Process(number)):
                members.append(number)
    return members


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
