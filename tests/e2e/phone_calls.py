"""Helpers for tests in which people call the bot over a line in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import numpy as np

from audio.g711 import decode_g711
from bot.phone import phone_service
from bot.phone_calls import PhoneCalls
from bot.voice.events import ReplyEnded
from bot.voice.phone.calls_log import FILE
from tests.e2e.conftest import Stage, StageMaker
from tests.tones import silence
from tests.voice.effects import only
from tests.voice.phone.memory_line import MemoryLine


def press(line: MemoryLine, keys: str) -> None:
    """The caller presses keys."""
    assert line.listener is not None
    for key in keys:
        line.listener.digit(key)


class Telephone:
    """The telephone of a running bot, and the lines of those who call it."""

    def __init__(self, stage: Stage, calls: PhoneCalls) -> None:
        self.stage, self.calls = stage, calls
        self._tasks: list[asyncio.Task[None]] = []

    def call(self, line: MemoryLine) -> MemoryLine:
        """Somebody calls. While they say nothing, their telephone sends silence."""
        self._tasks += [asyncio.create_task(each) for each in (self.calls.answer(line), sends_silence(line))]
        return line

    async def over(self) -> list[dict[str, Any]]:
        """Wait until all phone calls are over. Returns the lines of their log."""
        await asyncio.wait_for(asyncio.gather(*self._tasks, return_exceptions=True), 60)
        await self.calls._calls_log.flush()
        file = self.stage.app.core.settings.data_dir / FILE
        return [json.loads(each) for each in file.read_text().splitlines()]

    async def talks(self) -> None:
        """Wait until the greeting was heard."""
        await self.turns(1)

    async def turns(self, count: int) -> None:
        """Wait until so many replies have ended."""
        await self.stage.until(lambda: len(only(ReplyEnded, self.stage.events)) >= count, f"reply {count}")


TelephoneMaker = Callable[..., AbstractAsyncContextManager[Telephone]]
"""Makes a bot with a telephone. Keyword arguments are further settings, by field name."""


def telephone_maker(make_stage: StageMaker, **usual: Any) -> TelephoneMaker:
    """Makes bots that everybody may call, with these settings."""

    @asynccontextmanager
    async def make(**settings: Any) -> AsyncIterator[Telephone]:
        async with make_stage(**{"phone_allow": "*", **usual, **settings}) as stage, telephone(stage) as phone:
            yield phone

    return make


@asynccontextmanager
async def telephone(stage: Stage) -> AsyncIterator[Telephone]:
    """The telephone of a bot, which people can call at once."""
    async with phone_service(stage.app.core, warms_up=False) as calls:
        calls.ready = True
        yield Telephone(stage, calls)


async def sends_silence(line: MemoryLine) -> None:
    """Send silence between the words until the line has ended, as a telephone does."""
    while line.ended is None:
        await line.speak(silence(0.2))


def loudness(line: MemoryLine) -> float:
    """The greatest amplitude that the caller has heard, from 0 to 1."""
    return float(np.abs(decode_g711(bytes(line.heard), line.law).astype(np.float32)).max(initial=0) / 32_767)
