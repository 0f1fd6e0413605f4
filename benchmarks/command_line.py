"""What the measurements on the sandbox have in common at the command line: options, and how they end."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from benchmarks.measured_call import BOT_LOG, StandIns

BROKEN, INTERRUPTED = 1, 130
LOG_LINES = 20

T = TypeVar("T")


def make_console(narrowest: int) -> Console:
    """A console at least so many columns wide, where it is no terminal or too small a one."""
    console = Console()
    if console.width < narrowest:
        console.width = narrowest
    return console


def add_stand_ins(parser: argparse.ArgumentParser) -> None:
    """Let the command line say how fast the stand-ins are."""
    parser.add_argument("--first-token-ms", type=float, default=150, help="of the stand-in model")
    parser.add_argument("--rate", type=rate, default=40, help="of the stand-in model, in tokens a second")
    parser.add_argument("--first-audio-ms", type=float, default=200, help="of the stand-in voice")
    parser.add_argument("--rtf", type=float, default=0.3, help="of the stand-in voice: its real-time factor")


def stand_ins_of(arguments: argparse.Namespace) -> StandIns:
    """What :func:`add_stand_ins` has read."""
    return StandIns(
        first_token=arguments.first_token_ms / 1000,
        rate=arguments.rate,
        first_audio=arguments.first_audio_ms / 1000,
        real_time_factor=arguments.rtf,
    )


def count(text: str) -> int:
    """An option of 1 or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def rate(text: str) -> float:
    """An option above 0."""
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def setting(text: str) -> tuple[str, str]:
    """An option of the form ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Do ``work``; SIGTERM ends it in order, as Ctrl-C does by itself."""
    running = asyncio.current_task()
    if running is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await work


def explain(error: Exception, folder: Path, console: Console) -> None:
    """Say why a measurement broke off, with the end of the bot's log, which is in ``folder``."""
    console.print(f"✘ The measurement broke off: {error}.", style="bold red", markup=False)
    log = folder / BOT_LOG
    if log.exists():
        console.print("The end of the bot's log:")
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def write_json(result: Mapping[str, Any], path: Path) -> None:
    """Write a result's figures; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
