"""How the bot is while it runs, looked at now and then, for its heartbeat."""

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
"""Seconds."""
LOOK_SELDOM = 300.0
"""Seconds between two looks at somebody else's server: a hosted one's list of models may be a megabyte."""


@dataclass(frozen=True, slots=True)
class Look:
    """``ask`` returns :data:`~bot.health.READY`, or what is wrong; again after ``every`` seconds."""

    ask: Callable[[], Awaitable[str]]
    every: float = LOOK_EVERY

    @classmethod
    def at(cls, url: str, ask: Callable[[], Awaitable[str]]) -> Look:
        """At a server: seldom where it is reached by https, as hosted ones are."""
        return cls(ask, LOOK_SELDOM if url.startswith("https:") else LOOK_EVERY)


class VitalSigns:
    """Looks at the engines in :meth:`run`, and says what it saw last in :meth:`state`.

    Args:
        connected: whether Discord can be reached now.
        in_call: whether a call is on, begins or ends.
        looks: by the name of what is looked at: ``model``, ``ears``, ``voice``.
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
        """Look again and again until cancelled."""
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
        """All of it, in words."""
        discord = CONNECTED if self._connected() else "connecting"
        model, ears, voice = (self._seen.get(name, UNKNOWN) for name in ("model", "ears", "voice"))
        return Health(discord, model, ears, voice, "active" if self._in_call() else IDLE).fields()


async def look_at_model(model: ModelClient) -> str:
    """Whether the model server would answer."""
    report = await model.check()
    return report.problem or READY


async def look_at_speech_server(speech_server: SpeechServerClient) -> str:
    """Whether the speech server can speak."""
    health = await speech_server.health()
    return READY if health.ok else health.text


async def look_at_transcriber(transcriber: Transcriber) -> str:
    """Whether the recogniser's server answers, or its weights are here and can be loaded, as far as that was tried."""
    return await transcriber.problem() or READY
