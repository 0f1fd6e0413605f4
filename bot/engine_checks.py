"""Checks the state of the engines regularly while the bot runs, for its heartbeat file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.health import CONNECTED, IDLE, NO_DISCORD, READY, UNKNOWN, Health
from bot.heartbeat import State
from bot.llm.answering_model import AnsweringModel
from bot.speech_server.client import SpeechServerClient
from bot.voice.transcribe.transcriber import Transcriber

_log = logging.getLogger(__name__)

CHECK_EVERY = 30.0
"""Seconds between two checks of a server."""
CHECK_RARELY = 300.0
"""Seconds between two checks of a hosted server, whose list of models may be a megabyte."""


@dataclass(frozen=True, slots=True)
class EngineCheck:
    """A check that is repeated every ``every`` seconds. ``ask`` returns :data:`~bot.health.READY` or an error text."""

    ask: Callable[[], Awaitable[str]]
    every: float = CHECK_EVERY

    @classmethod
    def at(cls, url: str, ask: Callable[[], Awaitable[str]]) -> EngineCheck:
        """The check of a server at ``url``. Servers with https are usually hosted, so they are checked less often."""
        return cls(ask, CHECK_RARELY if url.startswith("https:") else CHECK_EVERY)


class EngineChecks:
    """Checks the engines in :meth:`run`. :meth:`state` gives the last results.

    Args:
        in_call: whether a call is on, begins or ends.
        checks: the checks of ``model``, ``ears`` (the transcriber) and ``voice`` (the speech server), by these names.
    """

    def __init__(
        self,
        in_call: Callable[[], bool],
        checks: Mapping[str, EngineCheck],
    ) -> None:
        self._connected: Callable[[], bool] | None = None
        self._in_call = in_call
        self._checks = checks
        self._results = dict.fromkeys(checks, UNKNOWN)

    def follow_discord(self, connected: Callable[[], bool]) -> None:
        """Report from now on whether Discord is connected. Until then, the bot counts as a bot without Discord."""
        self._connected = connected

    async def run(self) -> None:
        """Check regularly, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, check in self._checks.items():
                group.create_task(self._watch(name, check), name=f"health of the {name}")

    async def _watch(self, name: str, check: EngineCheck) -> None:
        while True:
            before, self._results[name] = self._results[name], await check.ask()
            self._log_change(name, before, self._results[name])
            await asyncio.sleep(check.every if self._results[name] == READY else min(check.every, CHECK_EVERY))

    @staticmethod
    def _log_change(name: str, before: str, now: str) -> None:
        if now not in (READY, before):
            _log.warning("%s: %s", name.capitalize(), now)
        elif now == READY and before not in (READY, UNKNOWN):
            _log.info("%s: ready again", name.capitalize())

    def state(self) -> State:
        """The state of all parts, in words."""
        model, ears, voice = (self._results.get(name, UNKNOWN) for name in ("model", "ears", "voice"))
        return Health(self._discord(), model, ears, voice, "active" if self._in_call() else IDLE).fields()

    def _discord(self) -> str:
        if self._connected is None:
            return NO_DISCORD
        return CONNECTED if self._connected() else "connecting"


async def check_model(model: AnsweringModel) -> str:
    """READY if the model server can answer, otherwise an error text."""
    report = await model.check()
    return report.problem or READY


async def check_speech_server(speech_server: SpeechServerClient) -> str:
    """READY if the speech server can speak, otherwise an error text."""
    health = await speech_server.health()
    return READY if health.ok else health.text


async def check_transcriber(transcriber: Transcriber) -> str:
    """READY if the transcriber's server answers, or its weights are here; otherwise an error text."""
    return await transcriber.problem() or READY
