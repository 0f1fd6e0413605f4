"""The real bot without Discord and with stand-in engines, for measurements of its page and its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bot_settings import own_folder_and_ports
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import BOT_LOG, StandIns
from bot.bot_process import bot_process
from bot.voice.events import CallEvent, WebReady

READY_LIMIT = 60.0
"""Seconds in which the bot has to serve its page."""


@dataclass(frozen=True, slots=True)
class TalkingBot:
    """A bot that runs.

    Attributes:
        url: the address of its page.
        pid: the id of its process.
    """

    url: str
    pid: int


@asynccontextmanager
async def talking_bot(folder: Path, stand_ins: StandIns, settings: Mapping[str, str]) -> AsyncIterator[TalkingBot]:
    """Run ``python -m bot talk`` while the block runs.

    Args:
        folder: data and log.
        stand_ins: the speed of the voice.
        settings: further settings of the bot, as environment variables.

    Raises:
        MeasurementError: the bot did not serve its page in time.
    """
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def watch(event: CallEvent) -> None:
        if isinstance(event, WebReady) and not url.done():
            url.set_result(event.url)

    variables = {
        **own_folder_and_ports(folder),
        "WEB_TOKEN": "",
        "ANSWER_TO": "always",
        **stand_ins.voice_settings,
        **settings,
    }
    async with bot_process(variables, folder / BOT_LOG, watch, command="talk") as process:
        try:
            async with asyncio.timeout(READY_LIMIT):
                address = await url
        except TimeoutError as error:
            raise MeasurementError(f"the bot did not serve its page within {READY_LIMIT:.0f} s") from error
        yield TalkingBot(address, process.pid)
