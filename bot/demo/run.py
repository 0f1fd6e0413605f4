"""Runs the demonstration: starts the sandbox and the bot (a child process), plays a scripted call and scores it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bot.demo.guests import CallFailedError, Guests
from bot.demo.lines import GuestLines, RecordedLines, SyntheticLines
from bot.demo.sandbox_bot import (
    PreparedBot,
    SandboxBotEvents,
    failure_of,
    make_toys,
    prepare_bot,
    print_header,
    run_on_sandbox,
)
from bot.demo.scorers import CallScore, HeardAnswer, NoScorer, PhraseScorer, Scorer, TranscriptScorer, write_report
from bot.demo.script import real_call, toy_call
from bot.demo.typed_talk import stay
from bot.operator_files import persona_name, prepare_folders
from bot.own_weights import RealWeightsMissingError
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.watching.console import CallConsole
from config.lifetime import ending_signals, until_ended
from config.settings import Settings
from sandbox.server import Sandbox
from sandbox.speech import GUEST_VOICES

ENDING_LIMIT = 9.5
"""If a shutdown takes longer than this many seconds, the process ends at once. The bot's own limit is shorter."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of the command ``demo``.

    Attributes:
        out: the folder for logs, reports and recordings; ``None`` for ``DATA_DIR/demo``.
        stay: whether to keep everything running after the scripted call.
    """

    out: Path | None = None
    stay: bool = False


async def run_demo(settings: Settings, options: DemoOptions, console: Console) -> int:
    """Run the demonstration.

    Returns the exit status: 0 if the guests understood the bot, 1 if not, 2 if the bot refused its settings, 130 after
    Ctrl-C. With ``options.stay``, it is 0 after Ctrl-C.
    """
    out = options.out or settings.data_dir / "demo"
    try:
        await asyncio.to_thread(prepare_folders, settings)
        out.mkdir(parents=True, exist_ok=True)
        prepared = await asyncio.to_thread(prepare_bot, settings)
    except (OSError, RealWeightsMissingError) as error:
        console.print(f"✘ {error}", style="bold red", markup=False, soft_wrap=True)
        return 1
    print_header("demonstration", "a local Discord, a scripted guest, the real bot", prepared, console)
    playing = _play(prepared, options, console, out)
    with ending_signals(ENDING_LIMIT) as shutdown_request:
        status = await until_ended(playing, shutdown_request)
    if status is not None:
        return status
    console.print("Ended.")
    return 0 if options.stay else shutdown_request.status


async def _play(prepared: PreparedBot, options: DemoOptions, console: Console, out: Path) -> int:
    await make_toys(prepared, console)
    settings, weights = prepared.settings, prepared.weights
    view = CallConsole(console, persona_name(settings), prefix=settings.command_prefix)
    feed = SandboxBotEvents([view])
    async with Sandbox() as sandbox:
        view.note(f"A local Discord is up: {sandbox.api_url}")
        parts = await asyncio.to_thread(_demo_parts, weights.stt, toy_llm=weights.toy_llm)
        guests = Guests(sandbox, view, parts.lines, feed.watchers, out, prefix=settings.command_prefix)

        async def call() -> None:
            failure = await failure_of(parts.script(guests))
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

        return await run_on_sandbox(sandbox, prepared, out / "bot-data", out / "bot.log", feed, call, console)


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
