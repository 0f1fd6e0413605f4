"""The commands ``python -m bot backup FILE`` and ``python -m bot restore FILE``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bot.backup.contents import PERSONAS, VOICES, BackupError, BackupRefusedError
from bot.backup.moving import HalfRestoredError
from bot.backup.restoring import Restored, restore
from bot.backup.writing import backup_size, write_backup
from bot.command_options import CommandParser
from bot.database.schema import FILE
from bot.llm.personas import PERSONAS_DIR
from bot.models.progress import progress_on
from bot.operator_files import voices_folder
from bot.text import size
from config.errors import SettingsError
from config.lifetime import ENDING_SIGNALS
from config.privacy import keep_files_private
from config.settings import Settings
from config.speech_settings import SpeechSettings

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
CONTENT = (
    "It contains the database (settings made in chat, conversations, the schedule, subscriptions), the voices that "
    "people made (if the bot starts the speech server), and the personas. It does not contain .env with its secrets, "
    "recordings of calls, downloaded models, corrections.yaml with what was learned from transcripts, or other files "
    "that your settings name."
)
_DESCRIPTIONS = {
    "backup": f"Copies the bot's stored data into one file. It works while the bot is running, too. {CONTENT}",
    "restore": "Brings back what `python -m bot backup` has saved. No bot may be running meanwhile. What it replaces "
    "is moved to DATA_DIR/before-restore-…. Personas that you already have are not changed.",
}


def run_backup(arguments: list[str]) -> int:
    """Make a backup; returns the exit status.

    The status is 1 if it failed, 2 if the settings or the file can't be used, and 130 if somebody stopped it.
    """
    return _run("backup", arguments)


def run_restore(arguments: list[str]) -> int:
    """Restore a backup; returns the exit status.

    The status is 1 if it failed or a bot is running, 2 if the settings or the file can't be used, and 130 if somebody
    stopped it.
    """
    return _run("restore", arguments)


def backup_parser(command: str) -> CommandParser:
    """The parser of one of the two commands."""
    parser = CommandParser(prog=f"python -m bot {command}", description=_DESCRIPTIONS[command])
    what = "where the backup goes; an older backup there is replaced" if command == "backup" else "the backup"
    parser.add_argument("file", type=Path, metavar="FILE", help=what)
    return parser


def _run(command: str, arguments: list[str]) -> int:
    keep_files_private()
    file: Path = backup_parser(command).read(arguments).file
    if str(file) == "-":
        print("✘ `-` is not a file name. Give one, for example backups/seiyuu.sqlite3", file=sys.stderr)  # noqa: T201
        return REFUSED
    try:
        settings = Settings.read()
        folders = _folders(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    console = Console(highlight=False)
    unchanged = "Nothing has changed." if command == "restore" else "No backup was made."
    try:
        if command == "backup":
            _back_up(settings, folders, file, console)
        else:
            _restore(settings, folders, file, console)
    except HalfRestoredError as error:
        return _end_with(f"✘ {error}", FAILED)
    except BackupError as error:
        said = f"✘ {error}" if command == "backup" else f"✘ {error} {unchanged}"
        return _end_with(said, REFUSED if isinstance(error, BackupRefusedError) else FAILED)
    except KeyboardInterrupt:
        return _end_with(f"Stopped. {unchanged}", INTERRUPTED)
    return OK


def _end_with(why: str, status: int) -> int:
    print(why, file=sys.stderr)  # noqa: T201
    return status


def _folders(settings: Settings) -> dict[str, Path]:
    """Folders in a backup: personas, and voices if the bot starts the speech server."""
    folders = {PERSONAS: PERSONAS_DIR}
    if settings.tts.websocket_url is None:
        folders[VOICES] = voices_folder(settings, SpeechSettings.read())
    return folders


def _back_up(settings: Settings, folders: dict[str, Path], file: Path, console: Console) -> None:
    database = settings.data_dir / FILE
    total = backup_size(database, folders)
    with progress_on(console, total) as report:
        left_out = write_backup(database, folders, file, report("Backing up", total))
    _say(console, f"✔ {file}: {size(file.stat().st_size)}. It was read again, to check it.")
    _say(console, f"  {CONTENT}")
    for each in left_out:
        print(f"! Not in it: {each}.", file=sys.stderr)  # noqa: T201
    if servers := settings.tts.listed:
        plural = "s" if len(servers) > 1 else ""
        _say(
            console, f"  The voices lie with the speech server{plural} at {' and '.join(servers)}: back them up there."
        )


def _restore(settings: Settings, folders: dict[str, Path], file: Path, console: Console) -> None:
    total = file.stat().st_size if file.is_file() else 0
    with _ignorable_signals() as ignore_signals:
        with progress_on(console, total) as report:
            restored = restore(file, settings.data_dir, folders, report("Restoring", total), ignore_signals)
        for line in _words(restored, settings.data_dir):
            _say(console, line)


@contextmanager
def _ignorable_signals() -> Iterator[Callable[[], None]]:
    """Yield a function that makes the process ignore the signals that end it, until the end of the block.

    The function is called when it is too late to stop the restore.
    """
    usual = {number: signal.getsignal(number) for number in ENDING_SIGNALS}

    def ignore() -> None:
        for number in usual:
            signal.signal(number, signal.SIG_IGN)

    try:
        yield ignore
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _words(restored: Restored, data_dir: Path) -> list[str]:
    note = restored.note
    origin = f"the backup of {note.made_at}, made by Seiyuu {note.version}" if note else "a copy of a database"
    lines = [f"✔ {data_dir / FILE} was brought back from {origin}."]
    if restored.opted_out:
        lines.append(f"✔ People who have opted out since the backup stay opted out: {restored.opted_out}.")
    if restored.voices is not None:
        lines.append(f"✔ Voices: {restored.voices}.")
    else:
        lines.append("– The voices stay as they are.")
    if restored.personas:
        lines.append(f"✔ Personas added: {', '.join(restored.personas)}.")
    if restored.personas_left:
        lines.append(f"– Personas not added: {', '.join(restored.personas_left)}.")
    if restored.aside is not None:
        lines.append(f"  What was there before is in {restored.aside}. Delete it when you no longer need it.")
    return lines


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
