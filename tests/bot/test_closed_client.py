"""Discord's client once it is closed."""

from __future__ import annotations

from unittest.mock import Mock

from bot.client import SeiyuuBot, connector
from bot.store import Store
from tests.guards import make_guard


async def _ready() -> None:
    return None


async def test_what_its_connection_still_tells_harms_nothing() -> None:
    bot = SeiyuuBot("!", Mock(spec=Store), _ready, Mock(spec=connector), make_guard())
    async with bot:
        pass
    bot.dispatch("disconnect")
    bot.dispatch("ready")
