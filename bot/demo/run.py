"""Runs the demonstration: starts the sandbox and the bot (a child process), plays a scripted call and scores it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bot.bot_process import bot_process
from bot.cores import busy_now
from bot.demo.guests import CallFailedError, Guests
from bot.demo.lines import GuestLines, RecordedLines, SyntheticLines
from bot.demo.scorers import CallScore, HeardAnswer, NoScorer, PhraseScorer, Scorer, TranscriptScorer, write_report
from bot.demo.script import real_call, toy_call
from bot.demo.settings import demo_environment, demo_settings, ignored_settings
from bot.demo.typed_talk import stay
from bot.models.model_store import Condition
from bot.operator_files import persona_name, prepare_folders
from bot.own_weights import OwnWeights, RealWeightsMissingError, choose_weights
from bot.voice.events import CallEvent
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.watching.console import CallConsole
from config.lifetime import ending_signals, until_ended
from config.settings import Settings
from config.speech_settings import SpeechSettings
from sandbox.server import Sandbox
from sandbox.speech import GUEST_VOICES
from toys.whisper.weights import make_toy_whisper

NOT_TAKEN = "The demonstration uses only the engines from your settings. It does not use: {names}."

ENDING_LIMIT = 9.5
"""If a shutdown takes longer than this many seconds, the process ends at once. The bot's own limit is shorter."""
LAST_LINES = 5
"""Number of lines of the bot's log that are shown if the bot ends too early."""
FULL_DISK_BYTES = 65_536
"""If fewer bytes than this are free on the disk, a full disk is the reason for an empty log."""
USAGE_ERROR = 2


class BotEndedError(Exception):
    """The bot's process ended during the call. The message has its exit status."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of the command line.

    Attributes:
        out: the folder for logs, reports and recordings; ``None`` for ``DATA_DIR/demo``.
        stay: whether to keep everything running after the scripted call.
    """

    out: Path | None = None
    stay: bool = False


@dataclass(slots=True)
class _EventFeed:
    """Passes the bot's events on to all watchers, such as the console and the guests."""

    watchers: list[Callable[[CallEvent], None]] = field(default_factory=list)

    def __call__(self, event: CallEvent) -> None:
        for watcher in self.watchers:
            watcher(event)


async def run_demo(settings: Settings, options: DemoOptions, console: Console) -> int:
    """Run the demonstration.

    Returns the exit status: 0 if the guests understood the bot, 1 if not, 2 if the bot refused its settings, 130 after
    Ctrl-C.
    """
    out = options.out or settings.data_dir / "demo"
    try:
        await asyncio.to_thread(prepare_folders, settings)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        console.print(f"✘ {error}", style="bold red", markup=False, soft_wrap=True)
        return 1
    user_settings, speech = settings, SpeechSettings.read()
    settings = demo_settings(user_settings)
    try:
        weights = await asyncio.to_thread(choose_weights, settings)
    except RealWeightsMissingError as error:
        console.print(f"✘ {error}", style="bold red", markup=False, soft_wrap=True)
        return 1
    _print_header(settings, weights, console)
    if ignored := ignored_settings(user_settings, speech):
        console.print(NOT_TAKEN.format(names=", ".join(ignored)), style="dim", markup=False, highlight=False)
    environment = await asyncio.to_thread(demo_environment, user_settings, speech)
    playing = _play(settings, weights, environment, options, console, out)
    with ending_signals(ENDING_LIMIT) as shutdown_request:
        status = await until_ended(playing, shutdown_request)
    if status is not None:
        return status
    console.print("Ended.")
    return 0 if options.stay else shutdown_request.status


async def _play(
    settings: Settings,
    weights: OwnWeights,
    environment: Mapping[str, str],
    options: DemoOptions,
    console: Console,
    out: Path,
) -> int:
    if weights.toy_stt:
        await _make_toy_whisper(settings, console)
    view = CallConsole(console, persona_name(settings))
    feed = _EventFeed([view])
    async with Sandbox() as sandbox:
        view.note(f"A local Discord is up: {sandbox.api_url}")
        parts = await asyncio.to_thread(_demo_parts, weights.stt, toy_llm=weights.toy_llm)
        guests = Guests(sandbox, view, parts.lines, feed.watchers, out, prefix=settings.command_prefix)
        log = out / "bot.log"

        async def call() -> None:
            failure = await _failure_of(parts.script(guests))
            await asyncio.to_thread(guests.save)
            if failure is None:
                score = await _score(parts.scorer, guests.answers, view, out)
                failure = None if score.good else score.line
                if score.good:
                    view.note(f"✔ {score.line}")
            if failure is not None and not options.stay:
                raise CallFailedError(failure)
            if failure is not None:
                view.note(f"✘ {failure}")
            if options.stay:
                await stay(sandbox, view, feed.watchers, out, settings.command_prefix)

        try:
            async with bot_process({**environment, **_sandbox_environment(sandbox, out)}, log, feed) as process:
                await _while_it_runs(process, call())
        except (CallFailedError, BotEndedError) as error:
            console.print(f"✘ {error}", style="bold red", markup=False)
            if isinstance(error, BotEndedError):
                console.print(await asyncio.to_thread(last_words, log), markup=False, highlight=False, soft_wrap=True)
            console.print(f"The bot's log: {log}", markup=False)
            return USAGE_ERROR if process.returncode == USAGE_ERROR else 1
    return 0


async def _failure_of(script: Awaitable[None]) -> str | None:
    """Play the script. Returns ``None`` if it succeeded, otherwise the failure and how busy the machine was."""
    try:
        await script
    except CallFailedError as error:
        return f"{error}. {busy_now()}".strip()
    return None


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts that depend on whether the bot's speech recognition is real or a toy."""

    script: Callable[[Guests], Awaitable[None]]
    lines: GuestLines
    scorer: Scorer


def _demo_parts(whisper: Path | None, *, toy_llm: bool) -> _Parts:
    """Choose the script, the guests' lines and the scorer. Blocks on the disk.

    Args:
        whisper: the folder of the Whisper model; ``None`` for the toy Whisper.
        toy_llm: whether the language model is a toy.
    """
    if whisper is None:
        scorer = PhraseScorer() if toy_llm else NoScorer()
        return _Parts(toy_call, SyntheticLines(), scorer)
    options = WhisperOptions(str(whisper), "cpu", language="en")
    return _Parts(
        real_call, RecordedLines(), TranscriptScorer(WhisperTranscriber(options, Corrections()), tuple(GUEST_VOICES))
    )


async def _score(scorer: Scorer, answers: Sequence[HeardAnswer], view: CallConsole, out: Path) -> CallScore:
    """Score the answers, print the scores, and write the report."""
    score = await scorer.score(answers)
    for one in score.answers:
        view.note(one.line)
    report = out / "call.json"
    await asyncio.to_thread(write_report, report, answers, score)
    view.note(f"The call, turn by turn: {report}")
    return score


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
        for task in (working, ending):
            task.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)


def last_words(log: Path) -> str:
    """The last lines of the bot's log, or the reason why there are none. Blocks on the disk."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines:
        return "\n".join(["It said last:", *lines[-LAST_LINES:]])
    full = shutil.disk_usage(log.parent).free < FULL_DISK_BYTES
    return f"The disk of {log.parent} is full: make room there." if full else "Its log is empty."


async def _make_toy_whisper(settings: Settings, console: Console) -> None:
    """Create the toy Whisper before the bot starts, with a progress bar. The first time takes half a minute."""
    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task("Making the toy speech recogniser (only the first time)", total=1.0)
        await make_toy_whisper(settings.cache_dir, lambda done, _: bars.update(bar, completed=done))


def _print_header(settings: Settings, weights: OwnWeights, console: Console) -> None:
    console.print("[bold]Seiyuu[/], demonstration: a local Discord, a scripted guest, the real bot.")
    for notice in weights.notices:
        console.print(notice, markup=False, highlight=False, soft_wrap=True)
    if weights.llm is not None:
        real = [name for name, condition in weights.conditions.items() if condition is Condition.COMPLETE]
        console.print(f"Engines, all on the processor of this machine: {', '.join(real)}.", markup=False)
    elif weights.toy_llm:
        console.print(
            "Engines: faster-whisper and llama.cpp's server with [bold]toy weights[/] made by this project (it hears a "
            "few dozen sentences and gives a few canned answers), and espeak-ng as the voice. Discord's encryption "
            "(DAVE), Opus and UDP are the real thing."
        )
    else:
        console.print(f"Model server: {settings.llm.call_url}", markup=False)


def _sandbox_environment(sandbox: Sandbox, out: Path) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": sandbox.bot_token,
        "DISCORD_API_URL": sandbox.api_url,
        "DISCORD_CA_FILE": str(sandbox.ca_file),
        "DATA_DIR": str((out / "bot-data").resolve()),
        "TTS_BIND": "127.0.0.1:0",
    }
