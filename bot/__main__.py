"""``python -m bot``: the command line; see :mod:`bot.command_line`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from config.start import quiet_interrupts


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["help"]:
        given = [*given[1:2], "--help"]
    with quiet_interrupts():
        run = _program(given)
    try:
        return run(given)
    except KeyboardInterrupt:
        return 130


def _program(given: list[str]) -> Callable[[list[str]], int]:
    """What carries out the command, with no more imported than it needs."""
    match given[:1]:
        case ["health"]:
            # A container asks twice a minute, and importing all the rest takes some seconds of a small machine's CPU.
            from bot.health import run_health

            return lambda _: run_health(given[1:])
        case ["version" | "--version"]:
            # Programs ask too, and it needs nothing of the rest.
            from bot.command_options import run_version

            return run_version
        case ["models"]:
            # It has words of its own, works before the settings are complete, and needs half of what the bot imports.
            from bot.models.command import run_models

            return lambda _: run_models(given[1:])
        case ["backup"]:
            # As models: what it needs of the settings are two folders.
            from bot.backup.command import run_backup

            return lambda _: run_backup(given[1:])
        case ["restore"]:
            from bot.backup.command import run_restore

            return lambda _: run_restore(given[1:])
        case _:
            from bot.command_line import run

            return run


if __name__ == "__main__":
    sys.exit(main())
