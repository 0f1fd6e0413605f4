"""``python -m bot``: the command line; see :mod:`bot.command_line`."""

from __future__ import annotations

import sys

from bot.health import run_health


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["health"]:
        # A container asks twice a minute, and importing all the rest takes some seconds of a small machine's processor.
        return run_health(given[1:])
    try:
        if given[:1] == ["models"]:
            # It has words of its own, works before the settings are complete, and needs half of what the bot imports.
            from bot.models.command import run_models

            return run_models(given[1:])
        from bot.command_line import run

        return run(given)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
