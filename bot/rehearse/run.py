"""Runs the rehearsal: a call on the sandbox with the operator's engines. Then prints its figures, and advice."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from yarl import URL

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
from bot.demo.scorers import HeardAnswer, turn_as_json
from bot.demo.typed_talk import is_interactive
from bot.doctor.engines import check_model_server
from bot.doctor.speed import busy_note_now
from bot.operator_files import persona_name
from bot.own_weights import RealWeightsMissingError
from bot.rehearse.advice import GOALS, EarsTrial, Engines, advice_on, too_slow
from bot.rehearse.ears import lacks_quick_english, other_ears, recogniser_in_use, try_ears
from bot.rehearse.figures import Figures, figures_of
from bot.rehearse.paid import is_agreed, paid_services, requests_warning
from bot.rehearse.script import RECORDED_SCRIPT, TOY_SCRIPT, RehearsalScript, play_script
from bot.voice.reply_waits import WAITS, bars
from bot.watching.console import CallConsole
from config.lifetime import ending_signals, until_ended
from config.settings import Settings
from config.speech_settings import engine_variables
from sandbox.server import Sandbox

ALL_IS_WELL = "All is well: every stage reaches its goal, or delays no answer."
TOYS = "Toys take part ({toys}), so there is no advice about them: their figures are not those of real engines."
ENDING_LIMIT = 9.5
"""If a shutdown takes longer than this many seconds, the process ends at once. The bot's own limit is shorter."""


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """Options of the command line.

    Attributes:
        out: the folder for the report and the bot's log; ``None`` for ``DATA_DIR/rehearsal``.
        seconds: for how long the guests ask questions.
    """

    out: Path | None
    seconds: float


def may_begin(settings: Settings, options: RehearsalOptions, *, yes: bool) -> bool:
    """Tell the operator which paid services get requests, and ask whether to begin. Without such services, return True.

    Blocks on the terminal.

    Args:
        yes: whether the operator has agreed on the command line.
    """
    services = paid_services(settings, engine_variables().get("OPENAI_BASE_URL"))
    if not services:
        return True
    warning = requests_warning(services, options.seconds)
    return is_agreed(warning, yes=yes, interactive=is_interactive(), ask=input, say=_say)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


async def run_rehearsal(settings: Settings, options: RehearsalOptions, console: Console) -> int:
    """Run the rehearsal.

    Returns the exit status: 0 if the whole call was measured, 1 if not, 2 if the bot refused its settings, 130 after
    Ctrl-C.
    """
    out = options.out or settings.data_dir / "rehearsal"
    try:
        out.mkdir(parents=True, exist_ok=True)
        prepared = await asyncio.to_thread(prepare_bot, settings)
    except (OSError, RealWeightsMissingError) as error:
        _print_failure(str(error), console)
        return 1
    print_header("rehearsal", "guests of a local Discord talk with your engines", prepared, console)
    with ending_signals(ENDING_LIMIT) as signals:
        status = await until_ended(_rehearse(prepared, options, out, console), signals)
    if status is not None:
        return status
    console.print("Ended.")
    return signals.status


async def _rehearse(prepared: PreparedBot, options: RehearsalOptions, out: Path, console: Console) -> int:
    if (problem := await _model_problem(prepared)) is not None:
        _print_failure(problem, console)
        return 1
    # Before the call, only other programs cause load.
    busy = busy_note_now()
    await make_toys(prepared, console)
    toys = prepared.weights.toy_stt
    script: RehearsalScript = TOY_SCRIPT if toys else RECORDED_SCRIPT
    lines: GuestLines = SyntheticLines() if toys else await asyncio.to_thread(RecordedLines)
    status, answers = await _hold_call(prepared, script, lines, options.seconds, out, console)
    figures = figures_of([answer.trace for answer in answers])
    if figures is None:
        return status or 1
    trials: tuple[EarsTrial, ...] = ()
    others = await asyncio.to_thread(other_ears, prepared.settings)
    if others and not toys and too_slow(figures, "transcribed"):
        console.print(f"The same questions for other ears: {', '.join(others)}.", style="bold", highlight=False)
        said = [await asyncio.to_thread(lines.line, name) for name in script.lines]
        trials = await try_ears(prepared.settings, prepared.weights, others, said)
    engines = await asyncio.to_thread(_engines, prepared)
    advice = advice_on(figures, [answer.trace for answer in answers], engines, trials)
    _print_figures(figures, answers, busy, console)
    _print_advice(advice, engines, console)
    await asyncio.to_thread(_write_report, out / "rehearsal.json", figures, advice, answers)
    console.print(f"All figures: {out / 'rehearsal.json'}", markup=False, highlight=False, soft_wrap=True)
    return status


async def _model_problem(prepared: PreparedBot) -> str | None:
    """Why the model server can't answer; ``None`` if it can, or if the bot runs the model itself."""
    url = prepared.settings.llm.call_url
    if url is None:
        return None
    found = await check_model_server(prepared.settings.changed(llm_url=url), prepared.weights)
    return f"{found.text} Nothing can be rehearsed without a model." if found.good is False else None


async def _hold_call(
    prepared: PreparedBot, script: RehearsalScript, lines: GuestLines, seconds: float, out: Path, console: Console
) -> tuple[int, Sequence[HeardAnswer]]:
    """Hold the call. Returns the exit status and the answers. The answers are useful even if the call failed."""
    view = CallConsole(console, persona_name(prepared.settings), prefix=prepared.settings.command_prefix)
    feed = SandboxBotEvents([view])
    # The bot gets an empty data folder: what an earlier rehearsal stored would change its prompts.
    with tempfile.TemporaryDirectory(prefix="seiyuu-rehearsal-") as data_dir:
        async with Sandbox() as sandbox:
            guests = Guests(sandbox, view, lines, feed.watchers, out, prefix=prepared.settings.command_prefix)

            async def call() -> None:
                failure = await failure_of(play_script(guests, script, seconds, time.monotonic))
                if failure is not None:
                    raise CallFailedError(failure)

            status = await run_on_sandbox(sandbox, prepared, Path(data_dir), out / "bot.log", feed, call, console)
    return status, guests.answers


def _engines(prepared: PreparedBot) -> Engines:
    """The engines of the bot. Blocks on the disk, because it reads the catalogue."""
    settings, weights = prepared.settings, prepared.weights
    llm, voice = settings.llm.call_url, settings.voice_engine if settings.tts.websocket_url is None else None
    return Engines(
        URL(llm).host if llm is not None else None,
        settings.stt.host,
        recogniser_in_use(settings),
        "piper" if settings.runs_default_tts and weights.voice is not None else voice,
        frozenset(name for name, toy in (("ears", weights.toy_stt), ("mind", weights.toy_llm)) if toy),
        lacks_quick_english(settings),
    )


def _print_failure(text: str, console: Console) -> None:
    console.print(f"✘ {text}", style="bold red", markup=False, highlight=False, soft_wrap=True)


def _print_figures(figures: Figures, answers: Sequence[HeardAnswer], busy: str, console: Console) -> None:
    title = f"Where the time went, from the last sound of a question, in {len(answers)} answers{busy}:"
    console.print(title, style="bold", highlight=False, soft_wrap=True)
    for line in bars([answer.trace for answer in answers]):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    table = Table("median, in milliseconds", "took", "answers waited", "goal")
    for stage, goal in GOALS.items():
        found = figures.stages[stage]
        took = "" if found.took is None else f"{found.took:.0f}"
        table.add_row(WAITS[stage], took, f"{found.waited:.0f}", f"{goal:.0f}")
    table.add_row("all until the first packet", "", f"{figures.total:.0f}", "")
    console.print(table)


def _print_advice(advice: Sequence[str], engines: Engines, console: Console) -> None:
    if engines.toys:
        console.print(TOYS.format(toys=" and ".join(sorted(engines.toys))), markup=False, soft_wrap=True)
    for sentence in advice:
        console.print(f"→ {sentence}", markup=False, highlight=False, soft_wrap=True)
    if not advice:
        console.print(ALL_IS_WELL, style="bold")


def _write_report(path: Path, figures: Figures, advice: Sequence[str], answers: Sequence[HeardAnswer]) -> None:
    stages = {
        stage: {"took_ms": found.took, "waited_ms": found.waited, "goal_ms": GOALS.get(stage)}
        for stage, found in figures.stages.items()
    }
    report = {
        "first_packet_ms": figures.total,
        "stages": stages,
        "advice": list(advice),
        "turns": [turn_as_json(answer) for answer in answers],
    }
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
