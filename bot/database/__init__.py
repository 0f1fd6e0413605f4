"""The bot's database: one SQLite file with everything that must survive a restart.

Its tables are created by the numbered SQL files in ``migrations/``; see :mod:`bot.database.schema`.
"""

from bot.database.connection import Database, Records, Row
from bot.database.schema import FILE, DatabaseError, NewerDatabaseError

__all__ = ["FILE", "Database", "DatabaseError", "NewerDatabaseError", "Records", "Row"]
