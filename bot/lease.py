"""The lease on the graphics cards: what competes with a call is held while it lasts, and always comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

_log = logging.getLogger(__name__)

RETRY_DELAYS = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds between attempts to release what would not be released; the last one repeats."""
HOLD_LIMIT, RELEASE_LIMIT = 30.0, 15.0
"""Seconds that one feature may take to stand still, and to work again, before that counts as a failure."""


class Lockable(Protocol):
    """A feature that stands still during a call."""

    @property
    def name(self) -> str:
        """What ``!voice-status`` calls it."""
        ...

    async def hold(self, reason: str) -> None:
        """Stop working until :meth:`release`; returns when the feature's engine is no longer in use."""
        ...

    async def release(self) -> None:
        """Work again. Called once for each :meth:`hold`, and again after it raised."""
        ...


class HoldError(Exception):
    """A feature could not be held; nothing is held any more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} could not be paused")
        self.name = name


class Lease:
    """Holds every registered feature in order, and releases them the other way.

    Args:
        sleep: how to wait between retries; injected, so that tests need not.
        hold_limit, release_limit: seconds.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        hold_limit: float = HOLD_LIMIT,
        release_limit: float = RELEASE_LIMIT,
    ) -> None:
        self._hold_limit = hold_limit
        self._release_limit = release_limit
        self._lockables: list[Lockable] = []
        self._held: list[Lockable] = []
        self._stuck: dict[Lockable, asyncio.Task[None]] = {}
        self._sleep = sleep

    def register(self, lockable: Lockable) -> None:
        """Add a feature; the order of registration is the order of holding."""
        self._lockables.append(lockable)

    @property
    def held(self) -> tuple[str, ...]:
        """The names of what is held now."""
        return tuple(lockable.name for lockable in self._held)

    @property
    def stuck(self) -> tuple[str, ...]:
        """The names of what would not be released and is tried again."""
        return tuple(lockable.name for lockable in self._stuck)

    async def acquire(self, reason: str) -> None:
        """Hold everything.

        Raises:
            HoldError: one feature would not; those before it have been released again.
        """
        for lockable in self._lockables:
            # First of all, so that it is released whatever happens from here on.
            self._held.append(lockable)
            try:
                await self._give_up_retrying(lockable)
                async with asyncio.timeout(self._hold_limit):
                    await lockable.hold(reason)
            except asyncio.CancelledError:
                await self.release()
                raise
            except Exception as error:
                _log.exception("Could not hold %s", lockable.name)
                await self.release()
                raise HoldError(lockable.name) from error

    async def release(self) -> None:
        """Release everything that is held, in reverse; what raises is logged and retried in the background."""
        while self._held:
            lockable = self._held[-1]
            released = await self._try_release(lockable)
            # Only now: a release that was cancelled half-way has to be done again.
            self._held.pop()
            if not released:
                self._keep_trying(lockable)

    async def free(self, name: str) -> bool:
        """Try at once to release a stuck feature, for an operator who will not wait; False where it is stuck still.

        Raises:
            KeyError: no feature of this name is stuck.
        """
        lockable = next((stuck for stuck in self._stuck if stuck.name == name), None)
        if lockable is None:
            raise KeyError(name)
        await self._give_up_retrying(lockable)
        if await self._try_release(lockable):
            return True
        self._keep_trying(lockable)
        return False

    async def close(self) -> None:
        """Stop retrying; holds live in memory, so nothing survives the process."""
        for lockable in list(self._stuck):
            await self._give_up_retrying(lockable)

    async def _try_release(self, lockable: Lockable) -> bool:
        try:
            async with asyncio.timeout(self._release_limit):
                await lockable.release()
        except Exception:
            _log.exception("Could not release %s; trying again", lockable.name)
            return False
        return True

    def _keep_trying(self, lockable: Lockable) -> None:
        self._stuck[lockable] = asyncio.create_task(self._retry(lockable), name=f"release {lockable.name}")

    async def _retry(self, lockable: Lockable) -> None:
        attempt = 0
        while True:
            await self._sleep(RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)])
            if await self._try_release(lockable):
                del self._stuck[lockable]
                return
            attempt += 1

    async def _give_up_retrying(self, lockable: Lockable) -> None:
        task = self._stuck.pop(lockable, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
