"""``python -m tts_server``: runs the speech server as a separate process.

Prints one line of JSON on standard output when it is ready:
``{"listening": "ws://…/ws/stream", "engine": "…", "speaking": "…"}``.
Exit status: 0 after SIGTERM or SIGINT, 1 if the engine can't be loaded, 2 if the settings or the port can't be used.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config.env_file import with_place
from config.errors import Fault, SettingsError
from config.json_log import LogFormat, StderrLines, chosen_by_environment, log_everything_as_json
from config.lifetime import Ending, end_with_parent, ending_signals
from config.log_lines import formatter_for
from config.patient_output import patient_output
from config.plain_parser import PlainParser
from config.privacy import keep_files_private, stay_offline
from config.program_settings import SECRETS_DIR
from config.speech_settings import EngineName, SpeechSettings
from config.start import share_one_memory_pool
from config.tasks import end_tasks
from config.uncaught_errors import log_uncaught_errors
from hardware.poll import CardPoll
from tts_server.api.listener import Listener
from tts_server.assembly import create_better_pool, create_pool
from tts_server.engines.base import EngineError
from tts_server.engines.offline import ONLINE_ENGINES, forbid_connections
from tts_server.server import SpeechServer
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.library import VoiceLibrary
from tts_server.voices.profile import UnknownVoiceError
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

SWITCH_INTERVAL = 0.0005
"""Seconds for which a computing thread may keep Python's global lock while others wait. Python's default is 5 ms."""
ENDING_LIMIT = 4.0
"""Time limit for a clean shutdown, in seconds. After that the process ends at once, even while it loads a model."""
_OK, _ENGINE_FAILED, _CANNOT_START = 0, 1, 2
MAX_REAL_TIME_FACTOR = 0.8
"""Highest real-time factor that is fast enough for a call. Beyond it, replies have gaps under load."""
_SETTING_OF = MappingProxyType(
    {
        "--bind": "tts_bind",
        "--engine": "tts_engine",
        "--voice": "tts_voice",
        "--first-audio-ms": "tts_stand_in_first_audio_ms",
        "--rtf": "tts_stand_in_rtf",
        "--timings": "tts_stand_in_timings",
    }
)
"""The setting that each option replaces."""
SENTENCE = "Hello there, this is how I sound today."


def _arguments() -> argparse.Namespace:
    parser = PlainParser(prog="python -m tts_server", description="Text in, speech out, over a WebSocket.")
    parser.add_argument(
        "--bind",
        dest=_SETTING_OF["--bind"],
        metavar="HOST:PORT",
        help="address to listen on (TTS_BIND); port 0 chooses a free port",
    )
    parser.add_argument(
        "--engine", dest=_SETTING_OF["--engine"], help="the engine, instead of TTS_ENGINE: espeak, xtts, …"
    )
    parser.add_argument("--voice", dest=_SETTING_OF["--voice"], help="the voice, instead of TTS_VOICE")
    parser.add_argument(
        "--first-audio-ms",
        dest=_SETTING_OF["--first-audio-ms"],
        help="delay of the stand-in engine's first sound, in milliseconds",
    )
    parser.add_argument(
        "--rtf",
        dest=_SETTING_OF["--rtf"],
        help="real-time factor of the stand-in engine",
    )
    parser.add_argument(
        "--timings",
        dest=_SETTING_OF["--timings"],
        type=Path,
        help="file for the stand-in engine's timings",
    )
    parser.add_argument("--check", action="store_true", help="try the voice, report how fast it is, and exit")
    parser.add_argument(
        "--exit-with-parent",
        nargs="?",
        const=0,
        type=int,
        metavar="PID",
        help="end when the parent process ends (Linux); PID: the parent's id, in case it has ended already",
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser.read(sys.argv[1:])


async def _serve(settings: SpeechSettings, refusals: Refusals) -> int:
    with ending_signals(ENDING_LIMIT) as ending:
        library = VoiceLibrary(settings.tts_voices_dir)
        token = settings.tts.token.get_secret_value() if settings.tts.token else None
        server = SpeechServer(
            library,
            CardPoll(settings.tts_vram_warning),
            token,
            settings.tts_requests_per_minute,
            allowed_origins=settings.tts_allowed_origins,
        )
        listener = Listener(server.application, shutdown_timeout=2.0)
        try:
            return await _listen(settings, library, server, listener, ending, refusals)
        finally:
            await listener.close()


async def _listen(
    settings: SpeechSettings,
    library: VoiceLibrary,
    server: SpeechServer,
    listener: Listener,
    ending: Ending,
    refusals: Refusals,
) -> int:
    try:
        await listener.listen(settings.host, settings.port)
    except OSError as error:
        return refusals.exit_with(f"TTS_BIND: can't listen on {settings.tts.bind}: {_reason(error)}", _CANNOT_START)
    load = server.load(partial(create_pool, settings, library), partial(create_better_pool, settings, library))
    loading = asyncio.create_task(load, name="load")
    ended = asyncio.create_task(ending.wait(), name="ended")
    try:
        await asyncio.wait([loading, ended], return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            pool = loading.result()
            host, port = listener.addresses[0][:2]
            address = f"ws://{f'[{host}]' if ':' in host else host}:{port}/ws/stream"
            ready = {"listening": address, "engine": pool.engine_name, "speaking": pool.speaking_engine}
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            # Engines may print, and nobody reads standard output from here on: a full pipe would block them.
            sys.stdout = sys.stderr
            # Objects made during the start live as long as the server. If they were not frozen, each full garbage
            # collection would go through them and delay the sound by about 100 ms.
            gc.freeze()
            await ended
    except EngineError as error:
        return refusals.exit_with(str(error), _ENGINE_FAILED)
    except (SettingsError, UnknownVoiceError) as error:
        return refusals.exit_with(str(error), _CANNOT_START)
    finally:
        await end_tasks(loading, ended)
    return _OK


async def _check(settings: SpeechSettings, refusals: Refusals) -> int:
    """Measure the speed of the voice. Prints the result on standard output, or an error on standard error."""
    library = VoiceLibrary(settings.tts_voices_dir, tidies=False)
    try:
        results = [await _measure_pool(partial(create_pool, settings, library), lighter_engine(settings))]
        if settings.tts_better_engine not in (None, settings.tts_engine):
            create_better = partial(create_better_pool, settings, library)
            results.append(await _measure_pool(create_better, None, "TTS_BETTER_ENGINE: "))
        sys.stdout.write("; ".join(filter(None, results)) + "\n")
    except EngineError as error:
        return refusals.exit_with(str(error), _ENGINE_FAILED)
    except (SettingsError, UnknownVoiceError) as error:
        return refusals.exit_with(str(error), _CANNOT_START)
    return _OK


async def _measure_pool(create: Callable[[], EnginePool | None], lighter: str | None, prefix: str = "") -> str | None:
    """Measure one pool alone, since two engines may not fit on the GPU.

    Args:
        lighter: the engine to choose if this one is too slow; ``None`` if there is no advice.
        prefix: begins the error message.
    """
    pool = await asyncio.to_thread(create)
    if pool is None:
        return None
    try:
        return await try_voice(pool, lighter)
    except EngineError as error:
        raise EngineError(f"{prefix}{error}") from error
    finally:
        await pool.close()


def _reason(error: OSError) -> str:
    # asyncio's message repeats the address as a Python tuple.
    if error.errno == errno.EADDRINUSE:
        return "another program listens there already"
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Tells people on standard error why the program ends.

    Attributes:
        options: the options of the command line that replace settings, by the settings' names. An error of such a
            setting names the option instead.
    """

    options: Mapping[str, str]

    def exit_with(self, message: str, status: int) -> int:
        """Print the message. If it begins with a setting's name, add where the setting is written. Returns
        ``status``.
        """
        variable = re.match(r"[A-Z_]+(?=[:=])", message)
        if variable and variable[0] not in self.options:
            with contextlib.suppress(SettingsError):
                message = str(with_place(Fault(message, (variable[0],)), SECRETS_DIR))
        message = re.sub(r"\b[A-Z_]+\b", lambda name: self.options.get(name[0], name[0]), message)
        if isinstance(sys.stderr, StderrLines):
            logging.getLogger(__name__).critical("%s", message)
        else:
            sys.stderr.write(f"tts_server: {message}\n")
        return status


def run() -> int:
    """Run the server until a signal ends it; returns the exit status."""
    keep_files_private()
    share_one_memory_pool()
    arguments = vars(_arguments())
    verbose, check = arguments.pop("verbose"), arguments.pop("check")
    if (parent := arguments.pop("exit_with_parent")) is not None:
        end_with_parent(parent or None)
    # Whoever reads the answer of --check gets all of it, however slowly they read.
    with contextlib.nullcontext() if check else patient_output():
        return _run(arguments, verbose=verbose, check=check)


def _run(arguments: Mapping[str, Any], *, verbose: bool, check: bool) -> int:
    handler = logging.StreamHandler(sys.stderr)
    # The answer of --check is read by people, and by the bot.
    kind = LogFormat.TEXT if check else chosen_by_environment()
    handler.setFormatter(formatter_for(sys.stderr, kind))
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.CRITICAL if check else logging.INFO, handlers=[handler]
    )
    if kind is LogFormat.JSON:
        log_everything_as_json()
    else:
        log_uncaught_errors()
    given = {name: value for name, value in arguments.items() if value is not None}
    refusals = Refusals({name.upper(): option for option, name in _SETTING_OF.items() if name in given})
    try:
        settings = SpeechSettings.read(**given)
    except SettingsError as error:
        return refusals.exit_with(str(error), _CANNOT_START)
    if settings.log_format is LogFormat.JSON and kind is LogFormat.TEXT and not check:
        # The environment variable LOG_FORMAT is not set, but .env asks for JSON.
        handler.setFormatter(formatter_for(handler.stream, settings.log_format))
        log_everything_as_json()
    # Only `python -m bot models download` may download weights, so keep the libraries offline here.
    stay_offline()
    engines = {settings.tts_engine, *settings.tts_fallback, settings.tts_better_engine}
    forbid_connections(everywhere=engines.isdisjoint(ONLINE_ENGINES), allowed=[settings.host])
    sys.setswitchinterval(SWITCH_INTERVAL)
    return asyncio.run(_check(settings, refusals) if check else _serve(settings, refusals))


async def try_voice(pool: EnginePool, lighter: str | None) -> str:
    """Synthesize a sentence without fallback and measure its speed. Returns a line for people.

    Args:
        lighter: the engine to choose if this one is too slow; ``None`` if there is no advice.

    Raises:
        EngineError: the engine can't be loaded, or can't speak.
    """
    engine = pool.engines[0]
    began = time.monotonic()
    async with pool.reply_by_preferred(pool.resolve_parameters(SpeechParameters(), SENTENCE), SAMPLE_RATE) as reply:
        loaded, first, samples = time.monotonic(), 0.0, 0
        async with aclosing(reply.synthesize(SENTENCE)) as pieces:
            async for piece in pieces:
                first = first or time.monotonic()
                samples += len(piece)
    if not samples:
        raise EngineError(f"{engine.name} gave no sound")
    took, audio = time.monotonic() - loaded, samples / SAMPLE_RATE
    loading = f"loaded in {loaded - began:.1f} s, " if loaded - began >= 1 else ""
    line = f"{engine.name}: {loading}first sound after {1000 * (first - loaded):.0f} ms, {took / audio:.2f}x real time"
    line = f"{line}: {verdict(took / audio, lighter)}"
    return f"{line}. {engine.advice}" if engine.advice else line


def verdict(ratio: float, lighter: str | None) -> str:
    """Whether a voice with this real-time factor is fast enough for a call.

    If it is not, the text names ``lighter``, the engine to choose instead, unless it is ``None``.
    """
    if ratio < MAX_REAL_TIME_FACTOR:
        return "fast enough for a call"
    return "too slow for a call" + (f": set TTS_ENGINE={lighter}" if lighter is not None else "")


def lighter_engine(settings: SpeechSettings) -> str | None:
    """The best engine that needs less computing than the preferred one. Looks at the disk.

    Returns ``None`` if the preferred one is espeak-ng, which needs the least.
    """
    if settings.tts_engine == EngineName.ESPEAK:
        return None
    has_piper = settings.piper_model is not None or settings.downloaded_piper is not None
    return EngineName.PIPER if has_piper and settings.tts_engine != EngineName.PIPER else EngineName.ESPEAK
