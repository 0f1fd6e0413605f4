"""``python -m bot health``: the health of the running bot, read from its heartbeat file only. It needs no token."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.command_options import CommandParser
from bot.heartbeat import FILE, State, is_held, last_state, silent_seconds
from config.errors import SettingsError
from config.settings import Settings

SILENT_LIMIT = 30.0
"""Seconds without a heartbeat after which a bot counts as down, because its event loop is stuck."""
READ_AGAIN = 5
"""If the file can't be read, it is read again up to this many times."""
READ_AFTER = 0.1
"""Seconds before the file is read again."""
CONNECTED, READY, UNKNOWN, IDLE = "connected", "ready", "unknown", "idle"
NO_DISCORD = "off"
"""The state of Discord for a bot that runs without it."""


@dataclass(frozen=True, slots=True)
class Health:
    """Health of a bot.

    ``discord`` is :data:`CONNECTED`, ``connecting``, :data:`UNKNOWN` or :data:`NO_DISCORD`.
    ``model``, ``ears`` (the transcriber) and ``voice`` (the speech server) are :data:`READY`, :data:`UNKNOWN`, or an
    error text for people. ``call`` is ``active`` or :data:`IDLE`.
    """

    discord: str = UNKNOWN
    model: str = UNKNOWN
    ears: str = UNKNOWN
    voice: str = UNKNOWN
    call: str = IDLE
    running: bool = field(default=True, kw_only=True)

    @property
    def status(self) -> str:
        """``healthy``, ``degraded`` or ``down``."""
        if not self.running:
            return "down"
        good = self.discord in (CONNECTED, NO_DISCORD) and self.model == self.ears == self.voice == READY
        return "healthy" if good else "degraded"

    def fields(self) -> State:
        """The fields that are shown, in order."""
        fields = asdict(self)
        fields.pop("running")
        return {"status": self.status, **fields}


def read_health(data_dir: Path) -> Health:
    """The health of the bot with this DATA_DIR."""
    file = data_dir / FILE
    state = _state_in(file) if is_held(file) and silent_seconds(file) < SILENT_LIMIT else None
    if state is None:
        return Health(running=False)
    discord, model, ears, voice, call = (
        state.get(each, UNKNOWN) for each in ("discord", "model", "ears", "voice", "call")
    )
    return Health(discord, model, ears, voice, call)


def _state_in(file: Path) -> State | None:
    """The last state in the file. If the file can't be read, try again, because the bot may be writing it."""
    for _ in range(READ_AGAIN):
        if (state := last_state(file)) is not None:
            return state
        time.sleep(READ_AFTER)
    return last_state(file)


def run_health(arguments: list[str]) -> int:
    """Print the health. Returns 0 for healthy and degraded, 1 for down, 2 if the settings can't be used."""
    parser = CommandParser(prog="python -m bot health", description="Shows how the running bot is doing.")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object (always so if the output is not a terminal)"
    )
    options = parser.read(arguments)
    try:
        data_dir = Settings.read().data_dir
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    health = read_health(data_dir)
    print(json.dumps(health.fields()) if options.json or not sys.stdout.isatty() else _in_words(health, data_dir))  # noqa: T201
    return 0 if health.running else 1


def _in_words(health: Health, data_dir: Path) -> str:
    if not health.running:
        return f"down: no bot is running with DATA_DIR={data_dir}, or it does not react."
    return "\n".join(f"{name}: {value}" for name, value in health.fields().items())
