"""Entry point of ``python -m bot``; see :mod:`bot.command_line`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from config.start import compute_on_one_thread, quiet_interrupts


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line. Returns the exit status."""
    compute_on_one_thread()
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["help"]:
        given = [*given[1:2], "--help"]
    try:
        with quiet_interrupts():
            run = _program(given)
        return run(given)
    except KeyboardInterrupt:
        return 130


def _program(given: list[str]) -> Callable[[list[str]], int]:
    """The function that runs the command. Only the modules that the command needs are imported."""
    match given[:1]:
        case ["health"]:
            # Containers run this twice a minute, and importing everything takes seconds of CPU time on a small machine.
            from bot.health import run_health

            return lambda _: run_health(given[1:])
        case ["version" | "--version"]:
            # Other programs run this command often, and it needs no other module.
            from bot.command_options import run_version

            return run_version
        case ["models"]:
            # This command has its own options, works without complete settings, and needs only half of the imports.
            from bot.models.command import run_models

            return lambda _: run_models(given[1:])
        case ["knowledge"]:
            # This command needs no token and no engines, and half of the imports.
            from bot.knowledge.command import run_knowledge

            return lambda _: run_knowledge(given[1:])
        case ["memory"]:
            # This command needs neither a token nor engines.
            from bot.memory_command import run_memory

            return lambda _: run_memory(given[1:])
        case ["persona"]:
            from bot.character_cards.command import run_persona

            return lambda _: run_persona(given[1:])
        case ["setup"]:
            # This command, too, has to work without complete settings: it writes them.
            from bot.setup.command import run_setup

            return run_setup
        case ["backup"]:
            # This command, too, works without complete settings: it needs only two folders.
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
