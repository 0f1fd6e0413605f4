"""Probes several servers that stand in for each other, to find out which of them answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

from bot.servers.choice import ServerChoice

_LONGEST_SLEEP = 1.0
"""Seconds after which the task looks again whether a probe is due: a failure may have made one due earlier."""


class ServerProbes:
    """The task that probes the servers. Use it on one event loop.

    Args:
        choice: says which probes are due, and gets their results.
        ask: asks a server, by its number, whether it is ready. Never raises.
        probed: called after probes, which may have changed the current server.
        clock: returns monotonic seconds.
        name: name of the task.
    """

    def __init__(
        self,
        choice: ServerChoice,
        ask: Callable[[int], Awaitable[bool]],
        probed: Callable[[], None],
        clock: Callable[[], float],
        name: str,
    ) -> None:
        self._choice = choice
        self._ask = ask
        self._probed = probed
        self._clock = clock
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Probe the servers whenever a probe is due, until :meth:`close`. A second call does nothing."""
        if self._task is None:
            # The probes outlive calls, so their lines in the log name no call.
            self._task = asyncio.create_task(self._run(), name=self._name, context=Context())

    async def close(self) -> None:
        """End the probes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(min(self._choice.until_due(), _LONGEST_SLEEP))
            await asyncio.gather(*map(self._probe, self._choice.due()))
            self._probed()

    async def _probe(self, server: int) -> None:
        begun = self._clock()
        self._choice.probed(server, ready=await self._ask(server), begun=begun)
