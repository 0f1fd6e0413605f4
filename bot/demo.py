"""The demonstration: a scripted call on the local Discord, with the real bot in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bot.demo_script import Caller, CallFailedError
from bot.services import ROOT
from bot.voice.events import CallEvent
from bot.watching.console import CallConsole
from bot.watching.event_lines import decode_event
from config.settings import Profile, Settings
from sandbox.server import Sandbox

STOP_LIMIT = 15.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line chose."""

    out: Path | None = None
    stay: bool = False


@dataclass(slots=True)
class _Feed:
    """Passes the bot's events to the console and to whoever waits for one."""

    watchers: list[Callable[[CallEvent], None]] = field(default_factory=list)

    def __call__(self, event: CallEvent) -> None:
        for watcher in self.watchers:
            watcher(event)


async def run_demo(settings: Settings, options: DemoOptions, console: Console) -> int:
    """Play the call; returns 0 when the guest heard what was said, 1 when not, 130 on Ctrl-C."""
    out = options.out or settings.data_dir / "demo"
    out.mkdir(parents=True, exist_ok=True)
    _introduce(settings, console)
    playing = asyncio.create_task(_play(settings, options, console, out), name="demo")
    loop = asyncio.get_running_loop()
    interrupted = False

    def on_signal() -> None:
        nonlocal interrupted
        interrupted = True
        playing.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        await playing
    except asyncio.CancelledError:
        if not interrupted:
            raise
        console.print("Ended.")
        return 0 if options.stay else 130
    except CallFailedError as error:
        console.print(f"✘ {error}", style="bold red", markup=False)
        console.print(f"The bot's log: {out / 'bot.log'}", markup=False)
        return 1
    return 0


async def _play(settings: Settings, options: DemoOptions, console: Console, out: Path) -> None:
    view = CallConsole(console, settings.persona.capitalize())
    feed = _Feed([view])
    async with Sandbox() as sandbox:
        view.note(f"A local Discord is up: {sandbox.api_url}")
        async with _bot(settings, sandbox, out, feed):
            await Caller(sandbox, view, feed.watchers, out, judge=settings.uses_toy_model).play()
            if options.stay:
                view.note("Staying. The bot and its local Discord run until Ctrl-C.")
                await asyncio.Event().wait()


def _introduce(settings: Settings, console: Console) -> None:
    console.print("[bold]Seiyuu[/], demonstration: a local Discord, a scripted guest, the real bot.")
    if settings.profile is Profile.EMBEDDED and settings.uses_toy_model:
        console.print(
            "Engines: llama.cpp's server with [bold]toy weights[/] made by this project (a few canned answers, no real "
            "language model), and espeak-ng as the voice. Discord's encryption (DAVE), Opus and UDP are the real thing."
        )
    else:
        console.print(f"Model server: {settings.model_url}", markup=False)


@asynccontextmanager
async def _bot(
    settings: Settings, sandbox: Sandbox, out: Path, feed: Callable[[CallEvent], None]
) -> AsyncIterator[None]:
    """The bot as a user runs it, pointed at the sandbox; its log goes to ``bot.log`` in ``out``."""
    environment = {
        **os.environ,
        "DISCORD_TOKEN": sandbox.bot_token,
        "DISCORD_API_URL": sandbox.api_url,
        "DISCORD_CA_FILE": str(sandbox.ca_file),
        "DATA_DIR": str((out / "bot-data").resolve()),
        "TTS_BIND": "127.0.0.1:0",
        "PYTHONPATH": str(ROOT),
    }
    with (out / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot", "run", "--events"),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    reading = asyncio.create_task(_read_events(process, feed), name="bot events")
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await reading


async def _read_events(process: asyncio.subprocess.Process, feed: Callable[[CallEvent], None]) -> None:
    if process.stdout is None:
        return
    async for line in process.stdout:
        feed(decode_event(line))
