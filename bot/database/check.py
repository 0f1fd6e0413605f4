"""The doctor's check of the database. It changes nothing."""

from __future__ import annotations

from pathlib import Path

from bot.check_result import CheckResult
from bot.database.integrity import damaged_files, find_damage
from bot.database.opening import open_database
from bot.database.schema import DatabaseError, read_migrations, refuse_newer, version_of
from config.place import bot_command

_SUBJECT = "Database"


def check_database(path: Path) -> CheckResult:
    """Check whether the bot could start with the database at ``path``. Blocks on the disk."""
    if not path.exists():
        return CheckResult(_SUBJECT, True, f"there is none yet; the first start makes {path}")
    try:
        damage = find_damage(path)
        if damage is not None:
            return CheckResult(
                _SUBJECT,
                False,
                f"{path} is damaged ({damage}). At its next start, the bot renames it and copies the readable records "
                f"to a new database; if you have a backup, `{bot_command('restore FILE')}` restores everything",
            )
        with open_database(path) as database:
            refuse_newer(path, version_of(database), newest=len(read_migrations()))
    except DatabaseError as error:
        return CheckResult(_SUBJECT, False, str(error))
    if damaged := damaged_files(path):
        names = ", ".join(str(file) for file in damaged)
        return CheckResult(_SUBJECT, None, f"{path} is undamaged; beside it are earlier, damaged databases: {names}")
    return CheckResult(_SUBJECT, True, f"{path} is undamaged")
