"""The bot's own speech server: a child process that is started, watched and restarted.

It is used if the settings name no other speech server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from bot.hanging import ProcessActivity, wait_until_it_hangs
from bot.open_ports import TAKEN, is_taken, listening_address
from bot.operator_files import voices_folder
from bot.own_weights import OwnWeights
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from config.children import end_child, run_child, signal_child
from config.project import child_environment
from config.settings import Settings
from config.speech_settings import DEFAULT_VOICES_DIR, DEFAULT_XTTS_MODEL, EngineName, SpeechSettings
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

START_LIMIT = 120.0
"""Seconds in which the server must be ready. If it takes longer, its start has failed."""
START_ATTEMPTS = 3
"""A server that hangs during its start is started at most this many times."""
STOP_LIMIT = 5.0
"""Seconds in which the server must end before it is killed."""
RESTART_DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before each restart in a row. The last delay repeats."""
STABLE_AFTER = 60.0
"""If the server ran for more seconds than this, its next restart counts as the first one in a row."""
CANNOT_START_STATUS = 2
"""The server's exit status if a setting is wrong or its address is in use."""


class ServiceError(Exception):
    """A local service did not start. The text says why."""


class ServiceSettingsError(ServiceError):
    """A local service did not start because of a setting. The service has written the setting's name to stderr."""


@dataclass(frozen=True, slots=True)
class SpeechServerOptions:
    """Options of the speech server's process. ``environment`` is added to the bot's own environment."""

    bind: str
    environment: Mapping[str, str] = field(default_factory=dict)


def speech_server_options(settings: Settings, weights: OwnWeights) -> SpeechServerOptions:
    """The options of the speech server, from the bot's settings and weights."""
    environment = {"TTS_DEVICE": settings.tts.device.value, "TTS_ENGINE": settings.voice_engine}
    speech = SpeechSettings.read()
    if weights.voice is not None and speech.piper_model is None:
        environment["PIPER_MODEL"] = str(weights.voice)
    if settings.runs_default_tts and (weights.voice or speech.piper_model) is not None:
        environment["TTS_ENGINE"] = EngineName.PIPER.value
    if speech.tts_voices_dir == DEFAULT_VOICES_DIR:
        environment["TTS_VOICES_DIR"] = str(voices_folder(settings, speech))
    if speech.xtts_model == DEFAULT_XTTS_MODEL:
        environment["XTTS_MODEL"] = str(settings.data_dir / "models" / "xtts-v2")
    if settings.tts.token is not None:
        environment["TTS_TOKEN"] = settings.tts.token.get_secret_value()
    return SpeechServerOptions(settings.tts.bind, environment)


async def try_speech_server(options: SpeechServerOptions) -> tuple[bool, str]:
    """Start the speech server only to check its engine. Returns whether it can speak, and a line for people."""
    program = ("-m", "tts_server", "--check", "--exit-with-parent", str(os.getpid()))
    try:
        child = await run_child(*program, environment=options.environment, limit=START_LIMIT)
    except TimeoutError:
        return False, f"the speech server did not speak within {START_LIMIT:.0f} s"
    good = child.status == 0
    lines = (child.output if good else child.errors).decode(errors="replace").strip().splitlines()
    return good, lines[-1].removeprefix("tts_server: ") if lines else "the speech server said nothing"


class SpeechServerProcess:
    """``python -m tts_server`` on this machine. If it ends or hangs, it is restarted at the same address."""

    def __init__(self, options: SpeechServerOptions) -> None:
        self._options = options
        self._bind = options.bind
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.url = ""

    @property
    def pid(self) -> int | None:
        """The process id of the server; ``None`` while it is not running."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the server and wait until it listens. ``url`` is then the address of its WebSocket and never changes.

        Raises:
            ServiceError: the server ended, was not ready within :data:`START_LIMIT` seconds, or hung repeatedly.
        """
        if is_taken(self._bind):
            self._take_a_free_port()
        for left in reversed(range(START_ATTEMPTS)):
            try:
                self.url = await self._launch()
                break
            except _AddressTakenError:
                self._take_a_free_port()
            except _HangsError as error:
                if not left:
                    raise
                _log.error("%s It is killed and started again.", error)
        # A restarted server must listen at the same address as the first one.
        self._bind = self.url.removeprefix("ws://").partition("/")[0]
        self._keeping = asyncio.create_task(self._keep_alive(), name="speech server")

    def _take_a_free_port(self) -> None:
        _log.warning(TAKEN, self._bind, "the speech server", "a free port")
        self._bind = self._bind.rpartition(":")[0] + ":0"

    async def stop(self) -> None:
        """End the server: ask it to end, and kill it after :data:`STOP_LIMIT` seconds."""
        if self._keeping is not None:
            await end_tasks(self._keeping)
            self._keeping = None
        await self._end_process()

    async def _launch(self) -> str:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tts_server",
            "--exit-with-parent",
            str(os.getpid()),
            env=child_environment({**self._options.environment, "TTS_BIND": self._bind}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            # The server has its own session, so Ctrl-C reaches only the bot, which ends the call before the server.
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_LIMIT):
                return str(json.loads(await self._first_line(process))["listening"])
        except (TimeoutError, ValueError, KeyError, TypeError) as error:
            if process.stdout is not None and process.stdout.at_eof():
                await self._wait_for_exit(process)
            await self._end_process()
            if process.returncode == CANNOT_START_STATUS and is_taken(self._bind):
                raise _AddressTakenError(f"{self._bind} is taken by another program.") from None
            kind = ServiceSettingsError if process.returncode == CANNOT_START_STATUS else ServiceError
            raise kind(f"The speech server would not start (exit status {process.returncode}).") from error
        except (asyncio.CancelledError, _HangsError):
            await self._end_process()
            raise

    async def _first_line(self, process: asyncio.subprocess.Process) -> bytes:
        """The line that the server prints when it is ready; raises :class:`_HangsError` if the server hangs first."""
        if process.stdout is None:
            raise ServiceError("the speech server has no output")

        async def answers(limit: float) -> bool:
            address = await asyncio.to_thread(listening_address, process.pid)
            return address is not None and await _client(http, f"ws://{address}").answers(limit)

        async with aiohttp.ClientSession() as http:
            reading = asyncio.create_task(process.stdout.readline(), name="speech server's first line")
            hanging = asyncio.create_task(
                wait_until_it_hangs(answers, lambda: ProcessActivity(process.pid).active), name="speech server's start"
            )
            try:
                await asyncio.wait([reading, hanging], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    # A hanging process does not react to the signal that asks it to end.
                    signal_child(process, signal.SIGKILL)
                    raise _HangsError("The speech server hangs as it starts.")
                return reading.result()
            finally:
                await end_tasks(reading, hanging)

    async def _keep_alive(self) -> None:
        loop, attempt = asyncio.get_running_loop(), 0
        async with aiohttp.ClientSession() as http:
            while self._process is not None:
                born = loop.time()
                status = await self._status_at_end(self._process, http)
                attempt = 0 if loop.time() - born > STABLE_AFTER else attempt + 1
                delay = RESTART_DELAYS[min(attempt, len(RESTART_DELAYS)) - 1] if attempt else RESTART_DELAYS[0]
                _log.error("The speech server ended (status %s); starting it again in %.1f s", status, delay)
                await asyncio.sleep(delay)
                try:
                    await self._launch()
                except (ServiceError, OSError) as error:
                    _log.error("The speech server does not come back: %s", error)

    async def _status_at_end(self, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> int:
        """Wait until the server ends, or hangs and is killed. Returns its exit status."""
        ending = asyncio.create_task(process.wait(), name="speech server's end")
        hanging = asyncio.create_task(
            wait_until_it_hangs(_client(http, self.url).answers, lambda: ProcessActivity(process.pid).active),
            name="speech server's answers",
        )
        try:
            await asyncio.wait([ending, hanging], return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                _log.error("The speech server hangs: it is killed")
                signal_child(process, signal.SIGKILL)
            return await ending
        finally:
            await end_tasks(ending, hanging)

    @staticmethod
    async def _wait_for_exit(process: asyncio.subprocess.Process) -> None:
        """Wait for a process that is about to end. A signal now would replace its own exit status."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_LIMIT):
                await process.wait()

    async def _end_process(self) -> None:
        if self._process is not None:
            await end_child(self._process, STOP_LIMIT)


def _client(http: aiohttp.ClientSession, url: str) -> SpeechServerClient:
    return SpeechServerClient(http, ServerAddress(url))


class _AddressTakenError(ServiceError):
    """Another program listens at the server's address."""


class _HangsError(ServiceError):
    """The server hangs: it is inactive and does not answer."""
