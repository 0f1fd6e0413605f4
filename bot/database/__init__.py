"""One SQLite file for everything that must survive a restart: opened, brought up to date, and asked.

What its tables are stands in ``migrations/``, one file a step; see :mod:`bot.database.schema`.
"""

from bot.database.connection import Database, Records, Row
from bot.database.schema import FILE, DatabaseError, NewerDatabaseError

__all__ = ["FILE", "Database", "DatabaseError", "NewerDatabaseError", "Records", "Row"]
