"""The bots of the soak: each is the real program in a process of its own, with real engines or with stand-ins."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType

from benchmarks.bot_settings import own_folder_and_ports
from benchmarks.browser.turns import REAL
from benchmarks.caller import HOST, free_port
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import BOT_LOG
from benchmarks.soak.browser_client import BrowserClient
from benchmarks.soak.client import Client
from benchmarks.soak.discord_client import DiscordClient
from benchmarks.soak.phone_client import PhoneClient
from benchmarks.soak.plan import BotPlan, Engines, Way
from benchmarks.stacked_context import StackedContext
from bot.bot_process import bot_process
from bot.voice.events import CallEvent, EnginesReady, ReplyEnded, WebReady
from sandbox.server import Sandbox

READY_LIMIT = 180.0
"""Seconds within which a bot must have loaded its engines."""
VOICE: Mapping[str, str] = MappingProxyType(
    {"TTS_ENGINE": "stand-in", "TTS_STAND_IN_FIRST_AUDIO_MS": "200", "TTS_STAND_IN_RTF": "0.3"}
)
"""The stand-in for the voice."""
ERROR_WORDS = (" ERROR ", " CRITICAL ", "Traceback (most recent call last)")
"""A line of the log with one of these tells of a fault."""


class SoakBot(StackedContext):
    """A bot with its clients. Use it as an async context manager, on one event loop. Entering waits until it is ready.

    Args:
        folder: the bot's data and log.
        stand_ins: settings for the stand-ins of ears and mind.

    Attributes:
        clients: one for each in the plan, in its order.
        outcomes: the number of replies by how they ended.
        underruns: number of frames of silence that were sent because the voice was late.
    """

    def __init__(self, plan: BotPlan, folder: Path, stand_ins: Mapping[str, str]) -> None:
        self.plan = plan
        self.clients: Sequence[Client] = ()
        self.outcomes: Counter[str] = Counter()
        self.underruns = 0
        self._folder = folder
        self._engines = REAL if plan.engines is Engines.REAL else {**VOICE, **stand_ins}
        self._sip = (HOST, free_port())
        self._page = ""
        self._ready, self._served = asyncio.Event(), asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def _open(self, stack: AsyncExitStack) -> None:
        ways = {client.way for client in self.plan.clients}
        await asyncio.to_thread(self._folder.mkdir)
        sandbox = await stack.enter_async_context(Sandbox()) if Way.DISCORD in ways else None
        command = "talk" if sandbox is None else "run"
        settings = self._settings(ways) | ({} if sandbox is None else sandbox.bot_settings)
        process = bot_process(settings, self.log, self._watch, command=command, warm_up=sandbox is not None)
        self._process = await stack.enter_async_context(process)
        await self._until_ready(sandbox)
        self.clients = [self._client(client.way, sandbox) for client in self.plan.clients]

    @property
    def log(self) -> Path:
        """The bot's log."""
        return self._folder / BOT_LOG

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The bot's process."""
        if self._process is None:
            raise RuntimeError("the bot has not been entered")
        return self._process

    def _settings(self, ways: set[Way]) -> dict[str, str]:
        phone = {"SIP_BIND": f"{HOST}:{self._sip[1]}", "PHONE_ALLOW": "*"} if Way.PHONE in ways else {}
        several = {"MAX_CALLS": str(len(self.plan.clients))} if len(self.plan.clients) > 1 else {}
        return {
            **own_folder_and_ports(self._folder),
            "WEB_TOKEN": "",
            "ANSWER_TO": "always",
            **self._engines,
            **phone,
            **several,
        }

    async def _until_ready(self, sandbox: Sandbox | None) -> None:
        try:
            async with asyncio.timeout(READY_LIMIT):
                await self._served.wait()
                await self._ready.wait()
                if sandbox is not None:
                    await sandbox.bot_online(READY_LIMIT)
                    await sandbox.command_registered("join", READY_LIMIT)
        except TimeoutError as error:
            raise MeasurementError(f"the bot {self.plan.name!r} was not ready within {READY_LIMIT:.0f} s") from error

    def _client(self, way: Way, sandbox: Sandbox | None) -> Client:
        match way:
            case Way.BROWSER:
                return BrowserClient(self._page)
            case Way.PHONE:
                return PhoneClient(self._sip)
            case Way.DISCORD if sandbox is not None:
                return DiscordClient(sandbox)
        raise ValueError(f"no client talks by {way}")

    def _watch(self, event: CallEvent) -> None:
        match event:
            case WebReady(url):
                self._page = url
                self._served.set()
            case EnginesReady():
                self._ready.set()
            case ReplyEnded(trace):
                self.outcomes[trace.outcome.value] += 1
                self.underruns += trace.underruns

    def errors(self) -> list[str]:
        """The lines of the log that tell of a fault. Blocks."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in ERROR_WORDS)]
