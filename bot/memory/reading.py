"""A memory that only shows and deletes what there is, for commands without a running bot."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import tzinfo
from pathlib import Path

from bot.conversations.writer import ConversationWriter
from bot.database import Database
from bot.memory.audience import Audiences
from bot.memory.consent import MemoryConsent
from bot.memory.finding import FactFinder
from bot.memory.memory import Memory
from config.sections import MemoryPolicy


@asynccontextmanager
async def unused_memory(
    database: Database, path: Path, policy: MemoryPolicy, writer: ConversationWriter, zone: tzinfo
) -> AsyncIterator[Memory]:
    """Open the memory. In contrast to :meth:`Memory.opened`, nothing is deleted because it is old."""
    audiences = Audiences()
    finder = FactFinder(path, audiences)
    consent = await MemoryConsent.load(database, policy)
    try:
        yield Memory(database, finder, consent, writer, audiences, zone, "forever", time.time)
    finally:
        await finder.close()
