"""Checks the state of the engines regularly while the bot runs, for its heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.health import CONNECTED, IDLE, READY, UNKNOWN, Health
from bot.heartbeat import State
from bot.llm.client import ModelClient
from bot.speech_server.client import SpeechServerClient
from bot.voice.transcribe.transcriber import Transcriber

_log = logging.getLogger(__name__)

LOOK_EVERY = 30.0
"""Seconds between two checks of a server."""
LOOK_SELDOM = 300.0
"""Seconds between two checks of a hosted server, whose list of models may be a megabyte."""


@dataclass(frozen=True, slots=True)
class Look:
    """A regular check. ``ask`` returns :data:`~bot.health.READY` or an error text, and is called ``every`` seconds."""

    ask: Callable[[], Awaitable[str]]
    every: float = LOOK_EVERY

    @classmethod
    def at(cls, url: str, ask: Callable[[], Awaitable[str]]) -> Look:
        """The check of a server at ``url``. Servers with https are usually hosted, so they are checked less often."""
        return cls(ask, LOOK_SELDOM if url.startswith("https:") else LOOK_EVERY)


class VitalSigns:
    """Checks the engines in :meth:`run`. :meth:`state` gives the last results.

    Args:
        connected: whether the connection to Discord is open.
        in_call: whether a call is on, begins or ends.
        looks: the checks of ``model``, ``ears`` and ``voice``, by these names.
    """

    def __init__(
        self,
        connected: Callable[[], bool],
        in_call: Callable[[], bool],
        looks: Mapping[str, Look],
    ) -> None:
        self._connected = connected
        self._in_call = in_call
        self._looks = looks
        self._seen = dict.fromkeys(looks, UNKNOWN)

    async def run(self) -> None:
        """Check regularly, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, look in self._looks.items():
                group.create_task(self._watch(name, look), name=f"health of the {name}")

    async def _watch(self, name: str, look: Look) -> None:
        while True:
            before, self._seen[name] = self._seen[name], await look.ask()
            self._tell_change(name, before, self._seen[name])
            await asyncio.sleep(look.every if self._seen[name] == READY else min(look.every, LOOK_EVERY))

    @staticmethod
    def _tell_change(name: str, before: str, now: str) -> None:
        if now not in (READY, before):
            _log.warning("%s: %s", name.capitalize(), now)
        elif now == READY and before not in (READY, UNKNOWN):
            _log.info("%s: ready again", name.capitalize())

    def state(self) -> State:
        """The state of all parts, in words."""
        discord = CONNECTED if self._connected() else "connecting"
        model, ears, voice = (self._seen.get(name, UNKNOWN) for name in ("model", "ears", "voice"))
        return Health(discord, model, ears, voice, "active" if self._in_call() else IDLE).fields()


async def look_at_model(model: ModelClient) -> str:
    """READY if the model server can answer, otherwise an error text."""
    report = await model.check()
    return report.problem or READY


async def look_at_speech_server(speech_server: SpeechServerClient) -> str:
    """READY if the speech server can speak, otherwise an error text."""
    health = await speech_server.health()
    return READY if health.ok else health.text


async def look_at_transcriber(transcriber: Transcriber) -> str:
    """READY if the transcriber's server answers, or its weights are here; otherwise an error text."""
    return await transcriber.problem() or READY
