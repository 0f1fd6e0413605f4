"""Tests of the Discord client after it was closed."""

from __future__ import annotations

import logging
from unittest.mock import Mock

import pytest

from bot.client import SeiyuuBot, connector
from bot.store import Store
from tests.guards import make_guard


async def _ready() -> None:
    return None


async def test_late_events_of_the_connection_do_no_harm() -> None:
    bot = SeiyuuBot("!", Mock(spec=Store), _ready, Mock(spec=connector), make_guard())
    async with bot:
        pass
    bot.dispatch("disconnect")
    bot.dispatch("ready")


async def test_the_hook_before_close_is_called_once_while_the_client_is_still_open() -> None:
    closed_meanwhile: list[bool] = []

    async def before_close() -> None:
        closed_meanwhile.append(bot.is_closed())

    bot = SeiyuuBot("!", Mock(spec=Store), _ready, Mock(spec=connector), make_guard(), before_close=before_close)
    async with bot:
        pass
    await bot.close()
    assert closed_meanwhile == [False]


async def test_an_error_after_the_end_is_one_debug_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    bot = SeiyuuBot("!", Mock(spec=Store), _ready, Mock(spec=connector), make_guard())
    async with bot:
        pass
    try:
        raise RuntimeError("Session is closed")
    except RuntimeError:
        await bot.on_error("on_message")
    assert [(record.levelname, record.name) for record in caplog.records] == [("DEBUG", "bot.client")]
