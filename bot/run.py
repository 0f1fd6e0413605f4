"""Runs the bot until a signal ends it. The bot runs on Discord, or with only the page."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import discord

from audio.opus import OpusMissing
from bot.app import build_application
from bot.binding import WebBindError
from bot.call_garbage import CallGarbageCollector
from bot.data_dir_lock import DataDirInUseError
from bot.database import FILE as DATABASE_FILE
from bot.database import DatabaseError, NewerDatabaseError
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.first_start import explain_login_failure, is_for_the_operator
from bot.operator_files import OperatorFileError
from bot.own_engines import Progress
from bot.own_weights import RealWeightsMissingError
from bot.speech_server_process import ServiceError, ServiceSettingsError
from bot.talk import build_talk
from bot.voice.events import Watcher
from bot.voice.phone.answering import PhoneStartError
from config.lifetime import Ending, ending_signals
from config.place import bot_command
from config.reasons import FULL_DISK, BrokenFileError, reason
from config.settings import Settings

_log = logging.getLogger(__name__)

FAILED, MISTAKE = 1, 2
"""Exit statuses: FAILED if another start may succeed, MISTAKE if the operator must change something first."""
SWITCH_INTERVAL = 0.001
"""Seconds after which Python makes a busy thread give way to another thread."""
ENDING_LIMIT = 9.0
"""Seconds in which the call and all parts must end after a signal. After that, the process is killed."""

_MISTAKES = (
    BrokenFileError,
    OperatorFileError,
    ServiceSettingsError,
    NewerDatabaseError,
    WebBindError,
    PhoneStartError,
)
_FAILURES = (ServiceError, RealWeightsMissingError, OpusMissing, DataDirInUseError, DatabaseError)


class Program(Protocol):
    """A bot that was built: one on Discord, or one with only the page."""

    async def run(self) -> None:
        """Run until :meth:`end`."""
        ...

    async def end(self, *, restarting: bool = False) -> None:
        """End the current call. After that, :meth:`run` returns.

        Args:
            restarting: whether the bot may be started again soon. If so, the sentence that is being spoken is finished,
                and the bot on Discord stores the prompts that wait for an answer.
        """
        ...


Build = Callable[
    [Settings, Sequence[Watcher], Progress, Callable[[], None] | None], AbstractAsyncContextManager[Program]
]
"""Builds a bot from its settings, the watchers of its calls, a callback for the progress of loading, and a callback
that is called once all engines are loaded.
"""


async def run_bot(settings: Settings, watcher: Watcher, when_warm: Callable[[], None] | None = None) -> int:
    """Run the bot on Discord until a signal ends it. Returns the exit status. A failed start is logged with its remedy.

    ``when_warm`` is called once, when the bot is connected and all engines are loaded.
    """
    return await _run(build_application, settings, watcher, when_warm)


async def run_talk(settings: Settings, watcher: Watcher, when_warm: Callable[[], None]) -> int:
    """Run the bot with only the page until a signal ends it. Returns the exit status.

    A failed start is logged with its remedy. All engines are loaded at the start. Then ``when_warm`` is called once.
    """
    return await _run(build_talk, settings, watcher, when_warm)


async def _run(build: Build, settings: Settings, watcher: Watcher, when_warm: Callable[[], None] | None) -> int:
    # Python's default is 5 ms. Several busy threads, one after another, would then delay the thread that sends sound
    # every 20 ms.
    sys.setswitchinterval(SWITCH_INTERVAL)
    with ending_signals(ENDING_LIMIT) as signals:
        built = asyncio.Event()
        serving = asyncio.create_task(_serve(build, settings, watcher, when_warm, built, signals), name="bot")
        ending = asyncio.create_task(signals.wait(), name="signals")
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not built.is_set() and not serving.done():
            # What is being loaded may need seconds to end, so the operator is told at once.
            _log.info("Ending")
            serving.cancel()
        try:
            return await serving
        except asyncio.CancelledError:
            return 0


async def _serve(
    build: Build,
    settings: Settings,
    watcher: Watcher,
    when_warm: Callable[[], None] | None,
    built: asyncio.Event,
    signals: Ending,
) -> int:
    collector = CallGarbageCollector()
    try:
        async with build(settings, [watcher, collector], ProgressLog(), when_warm) as program:
            built.set()
            # The objects that the start has made live as long as the bot. If they were not frozen, each full garbage
            # collection would search them, and no sound could be sent for about 100 ms.
            gc.freeze()
            return await _until_ended(program, signals)
    except discord.LoginFailure as error:
        _log.error("%s", explain_login_failure(error))
        return MISTAKE
    except _MISTAKES as error:
        _log.error("%s", error)
        return MISTAKE
    except _FAILURES as error:
        _log.error("%s", error)
        return FAILED
    except OSError as error:
        _log.error("%s", _os_error_text(error, settings))
        return FAILED
    except sqlite3.Error as error:
        _log.error(
            "%s can't be used: %s. If this error occurs again, `%s` brings a backup back.",
            settings.data_dir / DATABASE_FILE,
            error,
            bot_command("restore FILE"),
        )
        return FAILED
    finally:
        collector.close()


def _os_error_text(error: OSError, settings: Settings) -> str:
    """The text for an error of the operating system. If the disk is full, it names the file or folder."""
    if error.errno not in FULL_DISK:
        return str(error)
    # If an open file can't be written, Python's error does not name it.
    place = error.filename or f"A file in DATA_DIR={settings.data_dir}, or in the folder for temporary files,"
    return f"{place} can't be written: {reason(error)}. Make room there."


async def _until_ended(program: Program, signals: Ending) -> int:
    running = asyncio.create_task(program.run(), name="program")
    ending = asyncio.create_task(signals.wait(), name="end of the bot")
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if not running.done():
        _log.info("Ending")
        # A program that restarts the bot sends SIGTERM. Whoever presses Ctrl-C wants it to end at once.
        await program.end(restarting=signals.signal == signal.SIGTERM)
        # If Discord is unreachable, discord.py would otherwise wait until its next attempt to reconnect.
        running.cancel()
    await asyncio.wait([running])
    if running.cancelled():
        return 0
    try:
        running.result()
    except DISCORD_ERRORS as error:
        _log.error(
            "%s", explain_login_failure(error) or f"The connection to Discord has failed: {discord_error_detail(error)}"
        )
        return MISTAKE if is_for_the_operator(error) else FAILED
    return 0


class ProgressLog:
    """Logs progress in steps of 10 %."""

    def __init__(self) -> None:
        self._logged: tuple[str, int] | None = None

    def __call__(self, what: str, done: float) -> None:
        """Log the progress (0 to 1) of a step if it has reached the next 10 %."""
        now = (what, int(10 * done))
        if now != self._logged:
            self._logged = now
            _log.info("%s (%d %%)", what, round(100 * done))
