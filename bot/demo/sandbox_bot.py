"""Runs a bot with the operator's engines on the sandbox, for the demonstration and the rehearsal."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bot.bot_process import bot_process
from bot.cores import busy_now
from bot.demo.guests import CallFailedError
from bot.demo.settings import demo_environment, demo_settings, ignored_settings
from bot.models.model_store import Condition
from bot.own_weights import OwnWeights, choose_weights
from bot.voice.events import CallEvent, WebReady
from config.settings import Settings
from config.speech_settings import SpeechSettings
from config.tasks import end_tasks
from sandbox.server import Sandbox
from toys.whisper.weights import make_toy_whisper

NOT_USED = "The {name} uses only the engines from your settings. It does not use: {names}."
LAST_LINES = 5
"""Number of lines of the bot's log that are shown if the bot ends too early."""
FULL_DISK_BYTES = 65_536
"""If fewer bytes than this are free on the disk, a full disk is the reason for an empty log."""
USAGE_ERROR = 2


class BotEndedError(Exception):
    """The bot's process ended during the call. The message has its exit status."""


@dataclass(frozen=True, slots=True)
class PreparedBot:
    """What the bot on the sandbox runs with.

    Attributes:
        settings: the engines of the operator's settings, and default values for everything else.
        weights: the weights of the bot's own engines.
        environment: variables for the bot's process. They hide the operator's other settings.
        ignored: names of the variables that the operator has set, but that are not used.
    """

    settings: Settings
    weights: OwnWeights
    environment: Mapping[str, str]
    ignored: tuple[str, ...]


def prepare_bot(settings: Settings) -> PreparedBot:
    """Find out what the bot runs with. Blocks on the disk.

    Args:
        settings: the operator's settings.

    Raises:
        RealWeightsMissingError: ``WEIGHTS=real`` is set, and a part of the profile has no real weights.
    """
    speech, own = SpeechSettings.read(), demo_settings(settings)
    return PreparedBot(
        own,
        choose_weights(own),
        demo_environment(settings, speech),
        tuple(ignored_settings(settings, speech)),
    )


@dataclass(slots=True)
class SandboxBotEvents:
    """Passes the bot's events on to all watchers, such as the console and the guests."""

    watchers: list[Callable[[CallEvent], None]] = field(default_factory=list)

    def __call__(self, event: CallEvent) -> None:
        """Pass one event on, but not the page's address, because the page ends with the demonstration or rehearsal."""
        if isinstance(event, WebReady):
            return
        for watcher in self.watchers:
            watcher(event)


async def make_toys(prepared: PreparedBot, console: Console) -> None:
    """Create the toy Whisper if the bot needs it, with a progress bar. The first time takes half a minute."""
    if not prepared.weights.toy_stt:
        return
    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task("Making the toy speech recogniser (only the first time)", total=1.0)
        await make_toy_whisper(prepared.settings.cache_dir, lambda done, _: bars.update(bar, completed=done))


def print_header(name: str, what: str, prepared: PreparedBot, console: Console) -> None:
    """Print what begins, which engines take part, and which of the operator's settings do not.

    Args:
        name: ``demonstration`` or ``rehearsal``.
        what: what happens in the demonstration or rehearsal, as part of a sentence.
    """
    settings, weights = prepared.settings, prepared.weights
    console.print(f"[bold]Seiyuu[/], {name}: {what}.")
    for notice in weights.notices:
        console.print(notice, markup=False, highlight=False, soft_wrap=True)
    if weights.llm is not None:
        real = [name for name, condition in weights.conditions.items() if condition is Condition.COMPLETE]
        console.print(f"Engines, all on the processor of this machine: {', '.join(real)}.", markup=False)
    elif weights.toy_llm:
        console.print(
            "Engines: faster-whisper and llama.cpp's server with [bold]toy weights[/] made by this project (they know "
            "a few dozen sentences and a few canned answers), and espeak-ng as the voice. Discord's encryption (DAVE), "
            "Opus and UDP are the real thing."
        )
    else:
        console.print(f"Model server: {settings.llm.call_url}", markup=False)
    if prepared.ignored:
        told = NOT_USED.format(name=name, names=", ".join(prepared.ignored))
        console.print(told, style="dim", markup=False, highlight=False)


async def failure_of(script: Awaitable[None]) -> str | None:
    """Play the script. Returns ``None`` if it succeeded, otherwise the failure and how busy the machine was."""
    try:
        await script
    except CallFailedError as error:
        return f"{error}. {busy_now()}".strip()
    return None


async def run_on_sandbox(
    sandbox: Sandbox,
    prepared: PreparedBot,
    data_dir: Path,
    log: Path,
    feed: SandboxBotEvents,
    call: Callable[[], Coroutine[Any, Any, None]],
    console: Console,
) -> int:
    """Run the bot, and the call beside it. Print why the call failed, if it did.

    Args:
        data_dir: the folder for the bot's data.
        log: the file for the bot's log.
        call: the call. The bot is ended after it.

    Returns:
        The exit status: 0 if the call went well, 1 if not, 2 if the bot refused its settings.
    """
    environment = {**prepared.environment, **_sandbox_environment(sandbox, data_dir)}
    try:
        # This bot is not started again, and must not say that it is. So it is ended as by Ctrl-C, not by SIGTERM.
        async with bot_process(environment, log, feed, warm_up=True, ending=signal.SIGINT) as process:
            await _while_it_runs(process, call())
    except (CallFailedError, BotEndedError) as error:
        console.print(f"✘ {error}", style="bold red", markup=False)
        if isinstance(error, BotEndedError):
            console.print(await asyncio.to_thread(last_words, log), markup=False, highlight=False, soft_wrap=True)
        console.print(f"The bot's log: {log}", markup=False)
        return USAGE_ERROR if process.returncode == USAGE_ERROR else 1
    return 0


async def _while_it_runs(process: asyncio.subprocess.Process, work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` to its end.

    Raises:
        BotEndedError: the process ended first.
    """
    working, ending = asyncio.create_task(work, name="call"), asyncio.create_task(process.wait(), name="bot's end")
    try:
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise BotEndedError(f"The bot ended (status {process.returncode}).")
        working.result()
    finally:
        await end_tasks(working, ending)


def last_words(log: Path) -> str:
    """The last lines of the bot's log, or the reason why there are none. Blocks on the disk."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines:
        return "\n".join(["It said last:", *lines[-LAST_LINES:]])
    full = shutil.disk_usage(log.parent).free < FULL_DISK_BYTES
    return f"The disk of {log.parent} is full: make room there." if full else "Its log is empty."


def _sandbox_environment(sandbox: Sandbox, data_dir: Path) -> dict[str, str]:
    return {
        **sandbox.bot_settings,
        "DATA_DIR": str(data_dir.resolve()),
        "TTS_BIND": "127.0.0.1:0",
        "WEB_BIND": "127.0.0.1:0",
    }
