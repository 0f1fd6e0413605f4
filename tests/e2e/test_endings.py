"""Tests of many ways to end the bot, the demonstration and the doctor: they end in time and leave nothing running.

Processes, terminals and signals are real. Tests that add little to the others are among the slow tests.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from sandbox.guest import Guest
from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT
from tests.e2e.terminal import Family, Terminal, in_terminal

END_LIMIT = 10.0
"""Seconds after which no process of the program may be left."""

Way = Callable[[Terminal, Family], None]


def ctrl_c(terminal: Terminal, _: Family) -> None:
    terminal.press_ctrl_c()


def closed(terminal: Terminal, _: Family) -> None:
    terminal.close()


def sent(number: signal.Signals) -> Way:
    def send(terminal: Terminal, _: Family) -> None:
        terminal.program.send_signal(number)

    return send


def killed(*words: str) -> Way:
    """Kill (``kill -9``) the process with these words in its command line."""

    def kill(_: Terminal, family: Family) -> None:
        family.member(*words).kill()

    return kill


def importing(terminal: Terminal) -> bool:
    """Whether the program imports its libraries: one of the first is loaded."""
    return terminal.has_loaded("pydantic_core")


def starting(terminal: Terminal) -> bool:
    """Whether the program has started a child process."""
    return len(terminal.family().processes) >= 2


ORDERLY = {
    "ctrl-c": ctrl_c,
    "sigterm": sent(signal.SIGTERM),
    "sighup": sent(signal.SIGHUP),
    "terminal closed": closed,
}
slow = pytest.mark.slow


def rows(ways: dict[str, Way], *, quick: tuple[str, ...]) -> pytest.MarkDecorator:
    """The parameters for each way to end. Only those named in ``quick`` belong to ``make test``."""
    marked = [pytest.param(way, id=name, marks=[] if name in quick else [slow]) for name, way in ways.items()]
    return pytest.mark.parametrize("end", marked)


async def ends_with_nothing_left(terminal: Terminal, end: Way) -> None:
    family = terminal.family()
    end(terminal, family)
    assert await family.left_after(END_LIMIT) == []
    assert terminal.temporary_files == []
    assert "Traceback" not in terminal.said


async def in_a_call(terminal: Terminal, sandbox: Sandbox) -> Guest:
    """Bring the bot into a call in which it listens."""
    await terminal.until_said("Connected as")
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    await ada.say(sandbox.text_channel, "!join")
    await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("🎤 Joined"), LIMIT)
    await terminal.until(lambda terminal: len(terminal.family().processes) >= 3)
    return ada


@asynccontextmanager
async def calling(folder: Path, **settings: str) -> AsyncIterator[tuple[Sandbox, Guest, Terminal]]:
    async with Sandbox() as sandbox, in_terminal("run", folder=folder, **sandbox.bot_settings, **settings) as terminal:
        yield sandbox, await in_a_call(terminal, sandbox), terminal


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that accepts connections and sends nothing: its address, and an event that is set at a connection."""
    met = asyncio.Event()
    server = await asyncio.start_server(lambda *_: met.set(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}/v1", met
    finally:
        server.close()


@pytest.mark.parametrize("moment", [importing, pytest.param(starting, marks=slow)])
@rows(ORDERLY, quick=("ctrl-c",))
@pytest.mark.parametrize("command", ["run", pytest.param("demo", marks=slow), pytest.param("doctor", marks=slow)])
async def test_a_program_that_is_still_starting_ends_without_a_traceback(
    tmp_path: Path, command: str, end: Way, moment: Callable[[Terminal], bool]
) -> None:
    async with Sandbox() as sandbox, in_terminal(command, folder=tmp_path, **sandbox.bot_settings) as terminal:
        await terminal.until(moment)
        await ends_with_nothing_left(terminal, end)


@rows(ORDERLY, quick=("ctrl-c", "terminal closed"))
async def test_the_bot_says_goodbye_and_leaves_the_call(tmp_path: Path, end: Way) -> None:
    async with calling(tmp_path) as (sandbox, ada, terminal):
        await ends_with_nothing_left(terminal, end)
        told = await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("👋"), LIMIT)
        assert told.content.startswith("👋 I am being switched off, so I left Lounge.")
        assert sandbox.bot_id not in sandbox.guild.voice_states


async def test_every_process_that_a_killed_bot_has_started_ends(tmp_path: Path) -> None:
    async with calling(tmp_path) as (_, _, terminal):
        await ends_with_nothing_left(terminal, killed("bot", "run"))


@slow
@pytest.mark.parametrize("words", [("tts_server",), ("bot.voice.transcribe.worker",)], ids=["voice", "ears"])
async def test_a_bot_whose_child_process_was_killed_still_ends_on_ctrl_c(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    async with calling(tmp_path) as (_, _, terminal):
        before = terminal.family()
        before.member(*words).kill()
        await ends_with_nothing_left(terminal, ctrl_c)
        assert await before.left_after(0) == []


@rows(ORDERLY, quick=("ctrl-c",))
async def test_while_discord_is_away_the_bot_logs_few_lines_and_ends(tmp_path: Path, end: Way) -> None:
    async with AsyncExitStack() as discord:
        sandbox = await discord.enter_async_context(Sandbox())
        async with in_terminal("run", folder=tmp_path, **sandbox.bot_settings) as terminal:
            await in_a_call(terminal, sandbox)
            await discord.aclose()
            await terminal.until_said("trying again in")
            await asyncio.sleep(3)
            lines = terminal.said.splitlines()
            await ends_with_nothing_left(terminal, end)
    assert len(lines) < 40
    assert "Discord can't be reached" in terminal.said


@slow
@rows(ORDERLY, quick=())
@pytest.mark.parametrize("command", ["run", "doctor"])
async def test_a_program_that_starts_while_discord_is_silent_ends(tmp_path: Path, command: str, end: Way) -> None:
    async with silent_server() as (url, met):
        silent = {"DISCORD_TOKEN": "x", "DISCORD_API_URL": url}
        async with in_terminal(command, folder=tmp_path, **silent) as terminal:
            await met.wait()
            await ends_with_nothing_left(terminal, end)


@rows(ORDERLY, quick=("sigterm",))
async def test_the_bot_ends_while_its_model_is_silent(tmp_path: Path, end: Way) -> None:
    async with silent_server() as (url, met), calling(tmp_path, LLM_URL=url) as (sandbox, ada, terminal):
        met.clear()
        await ada.say(sandbox.text_channel, "How are you?")
        await met.wait()
        await ends_with_nothing_left(terminal, end)


@rows(
    ORDERLY | {"the demonstration killed": killed("bot", "demo"), "its bot killed": killed("bot", "run")},
    quick=("terminal closed", "the demonstration killed"),
)
async def test_the_demonstration_ends_with_every_process_that_it_started(tmp_path: Path, end: Way) -> None:
    async with in_terminal("demo", folder=tmp_path) as terminal:
        await terminal.until(lambda terminal: len(terminal.family().processes) >= 3)
        await ends_with_nothing_left(terminal, end)


@slow
@pytest.mark.parametrize("words", [("tts_server",), ("bot.voice.transcribe.worker",)], ids=["voice", "ears"])
async def test_a_demonstration_ends_after_one_of_its_parts_was_killed(tmp_path: Path, words: tuple[str, ...]) -> None:
    async with in_terminal("demo", folder=tmp_path) as terminal:
        await terminal.until(lambda terminal: terminal.family().has(*words))
        before = terminal.family()
        before.member(*words).kill()
        await ends_with_nothing_left(terminal, ctrl_c)
        assert await before.left_after(0) == []


@slow
@rows(ORDERLY, quick=())
async def test_the_demonstration_ends_while_its_model_is_silent(tmp_path: Path, end: Way) -> None:
    async with silent_server() as (url, _), in_terminal("demo", folder=tmp_path, LLM_URL=url) as terminal:
        await terminal.until_said("From now on she speaks")
        await asyncio.sleep(3)
        await ends_with_nothing_left(terminal, end)


async def test_the_demonstration_reports_the_end_of_its_bot_and_the_last_line_that_the_bot_wrote(
    tmp_path: Path,
) -> None:
    async with in_terminal("demo", folder=tmp_path) as terminal:
        await terminal.until(lambda _: any(log.stat().st_size for log in tmp_path.rglob("bot.log")))
        terminal.family().member("bot", "run").kill()
        await terminal.until_said("status 1")
    said = " ".join(terminal.said.split())
    assert "The bot ended (status -9). It said last:" in said


@rows(
    ORDERLY | {"the doctor killed": killed("bot", "doctor")},
    quick=("ctrl-c", "the doctor killed"),
)
async def test_the_doctor_ends_while_a_model_is_silent(tmp_path: Path, end: Way) -> None:
    async with silent_server() as (url, met), in_terminal("doctor", folder=tmp_path, LLM_URL=url) as terminal:
        await met.wait()
        await ends_with_nothing_left(terminal, end)


@slow
async def test_a_doctor_whose_child_was_killed_says_so_and_goes_on(tmp_path: Path) -> None:
    async with in_terminal("doctor", folder=tmp_path) as terminal:
        await terminal.until(starting)
        family = terminal.family()
        family.member("tts_server").kill()
        await terminal.until_said("status 1")
        assert await family.left_after(END_LIMIT) == []
    assert "✘ Voice: " in terminal.said
    assert "Traceback" not in terminal.said
