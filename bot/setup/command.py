"""``python -m bot setup``: asks five questions in the terminal, tests each answer, and writes ``.env``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from bot.command_options import read_options
from bot.setup.interview import Interview
from bot.setup.person import Person, PersonAtTerminal, someone_is_there
from bot.setup.service import SetupService, how_to_restart, shown_lines, without_old_secrets
from config.env_writing import EnvWriteError, Written, env_line
from config.errors import SettingsError
from config.log_lines import leave_out_log
from config.place import in_container
from config.plain_parser import USAGE_ERROR
from config.privacy import keep_files_private

FAILED, INTERRUPTED = 1, 130
NO_TERMINAL = (
    "python -m bot setup asks questions, and there is no terminal here. Copy .env.example to .env and set "
    "DISCORD_TOKEN, LLM_URL and LLM_MODEL in it; then `python -m bot doctor` tests them. Or start the "
    "bot and open its page in a browser: the view Setup asks the same questions."
)
NOTHING_WRITTEN = "\nNothing was written."


def run_setup(given: Sequence[str]) -> int:
    """Run the command. Returns the exit status.

    It is 0 if ``.env`` has what the person wants. A container can't write ``.env``. There it is 0 once the lines
    for the file were shown.

    Raises:
        SystemExit: help was requested, or there are unknown options.
    """
    read_options(given)
    if not someone_is_there():
        print(NO_TERMINAL, file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    keep_files_private()
    leave_out_log("bot")
    return set_up(PersonAtTerminal(), SetupService())


def set_up(person: Person, service: SetupService) -> int:
    """Ask, and write ``.env``. Returns the exit status. Blocks."""
    try:
        current = service.current()
    except SettingsError as error:
        person.say(f"{error}\nCorrect that first: the setup writes into this file.")
        return USAGE_ERROR
    try:
        changes = without_old_secrets(Interview(person, service, current).run())
    except (KeyboardInterrupt, EOFError):
        person.say(NOTHING_WRITTEN)
        return INTERRUPTED
    changes = {name: value for name, value in changes.items() if value != current.get(name)}
    if not changes:
        person.say(f"\nAll stays as it is: nothing was written. {how_to_restart()}")
        return 0
    if in_container():
        return _tell_lines(person, changes)
    try:
        written = _write(person, service, changes)
    except (KeyboardInterrupt, EOFError):
        person.say(NOTHING_WRITTEN)
        return INTERRUPTED
    if written is None:
        person.say("\nNothing was written. The lines would have been:\n")
        _show(person, changes)
        return FAILED
    person.say("\nWritten to .env, which only you can read:\n")
    _show(person, changes)
    if written.backup is not None:
        person.say(f"\nThe file as it was before is kept in {written.backup.name}.")
    for note in asyncio.run(service.notes(changes)):
        person.say(f"\n⚠️ {note}")
    person.say(f"\n{how_to_restart()}")
    return 0


def _write(person: Person, service: SetupService, changes: dict[str, str | None]) -> Written | None:
    """Write ``.env``. After a failure, the same answers are written again if the person wants that."""
    while True:
        try:
            return asyncio.run(service.write(changes))
        except (SettingsError, EnvWriteError) as error:
            person.say(f"\n✘ {error}")
        typed = person.ask("Your answers are still here. Try again (t), or end without writing (e)? [t] ").lower()
        if typed.startswith("e"):
            return None


def _tell_lines(person: Person, changes: dict[str, str | None]) -> int:
    person.say(
        "\nThis container can't write your .env. Copy these lines into the .env beside docker-compose.yml; the "
        "Discord token goes into secrets/discord_token:\n"
    )
    _show(person, changes)
    return 0


def _show(person: Person, changes: dict[str, str | None]) -> None:
    for line in shown_lines(changes, env_line):
        person.say(f"    {line}")
