"""The doctor's check of the database. It changes nothing."""

from __future__ import annotations

from pathlib import Path

from bot.check_result import CheckResult
from bot.database.integrity import damaged_files, find_damage
from bot.database.opening import opened
from bot.database.schema import DatabaseError, read_migrations, refuse_newer, version_of

_SUBJECT = "Database"


def check_database(path: Path) -> CheckResult:
    """Check whether a start of the bot could use the database at ``path``. Blocks on the disk."""
    if not path.exists():
        return CheckResult(_SUBJECT, True, f"there is none yet; the first start makes {path}")
    try:
        damage = find_damage(path)
        if damage is not None:
            return CheckResult(
                _SUBJECT,
                False,
                f"{path} is damaged ({damage}). The next start keeps it under another name and saves what can be read "
                "of it; with a backup, `python -m bot restore FILE` brings everything back",
            )
        with opened(path) as database:
            refuse_newer(path, version_of(database), newest=len(read_migrations()))
    except DatabaseError as error:
        return CheckResult(_SUBJECT, False, str(error))
    if damaged := damaged_files(path):
        names = ", ".join(str(file) for file in damaged)
        return CheckResult(_SUBJECT, None, f"{path} is sound; what was damaged before lies beside it: {names}")
    return CheckResult(_SUBJECT, True, f"{path} is sound")
