"""Running the bot on Discord until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import discord

from bot.app import Application, application
from bot.features.image_generation.workflow import WorkflowError
from bot.first_start import explain_login_failure
from bot.llm.personas import PersonaError
from bot.services import ServiceError
from bot.voice.connection.opus import OpusMissing
from bot.voice.events import Watcher
from bot.voice.speaking.moods import MoodsError
from bot.voice.transcribe.corrections import CorrectionsError
from bot.voice.transcribe.phantoms import PhantomsError
from config.settings import Settings

_log = logging.getLogger(__name__)

FAILED = 1
SWITCH_INTERVAL = 0.001
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def run_bot(settings: Settings, watcher: Watcher) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status. A start that fails is logged with its remedy."""
    # Python lets a busy thread run for 5 ms by default, five times over before the sending thread has its turn again.
    sys.setswitchinterval(SWITCH_INTERVAL)
    with _ending_signals() as ended:
        built = asyncio.Event()
        serving = asyncio.create_task(_serve(settings, watcher, built, ended), name="bot")
        ending = asyncio.create_task(ended.wait(), name="signals")
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not built.is_set():
            serving.cancel()
        try:
            return await serving
        except asyncio.CancelledError:
            return 0


async def _serve(settings: Settings, watcher: Watcher, built: asyncio.Event, ended: asyncio.Event) -> int:
    try:
        async with application(settings, [watcher], _log_progress) as app:
            built.set()
            return await _stay_connected(app, ended)
    except (
        PersonaError,
        MoodsError,
        WorkflowError,
        ServiceError,
        OpusMissing,
        CorrectionsError,
        PhantomsError,
        OSError,
    ) as error:
        _log.error("%s", error)
        return FAILED


async def _stay_connected(app: Application, ended: asyncio.Event) -> int:
    running = asyncio.create_task(app.run(), name="discord")
    ending = asyncio.create_task(ended.wait(), name="end of the bot")
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if not running.done():
        _log.info("Ending")
        await app.end()
    try:
        await running
    except (discord.DiscordException, OSError) as error:
        advice = explain_login_failure(error)
        if advice is None:
            raise
        _log.error("%s", advice)
        return FAILED
    return 0


def _log_progress(what: str, done: float) -> None:
    _log.info("%s (%d %%)", what, round(100 * done))


@contextmanager
def _ending_signals() -> Iterator[asyncio.Event]:
    """Turn the ending signals into an event, so that a call is ended in order; a second Ctrl-C ends at once."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def on_signal() -> None:
        if ended.is_set():
            raise SystemExit(130)
        ended.set()

    for number in ENDING_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield ended
    finally:
        for number in ENDING_SIGNALS:
            loop.remove_signal_handler(number)
