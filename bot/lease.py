"""The lease: pauses all features during calls, so that the calls have the GPU, and always resumes them later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from config.tasks import end_tasks

_log = logging.getLogger(__name__)

RETRY_DELAYS = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds between two attempts to release a feature that failed to resume. The last delay repeats."""
HOLD_LIMIT = 30.0
"""Seconds in which a feature must pause. If it takes longer, pausing has failed."""
RELEASE_LIMIT = 15.0
"""Seconds in which a feature must resume. If it takes longer, resuming has failed."""


class Lockable(Protocol):
    """A feature that is paused during a call."""

    @property
    def name(self) -> str:
        """The feature's name in ``!voice-status``."""
        ...

    async def hold(self, reason: str) -> None:
        """Pause until :meth:`release`. Returns when the feature no longer uses its engine."""
        ...

    async def release(self) -> None:
        """Resume the feature. Called once for each :meth:`hold`, and again as long as it raises an error."""
        ...


class HoldError(Exception):
    """A feature could not be paused. All features are released again."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} could not be paused")
        self.name = name


class Lease:
    """Holds (pauses) all registered features in order, and releases them in reverse order.

    Args:
        sleep: waits the given seconds between two attempts. Tests pass their own.
        hold_limit: seconds in which a feature must pause.
        release_limit: seconds in which a feature must resume.
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
        """Add a feature. Features are held in the order of registration."""
        self._lockables.append(lockable)

    @property
    def lockables(self) -> tuple[Lockable, ...]:
        """All registered features, in the order of registration."""
        return tuple(self._lockables)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all registered features."""
        return tuple(lockable.name for lockable in self._lockables)

    @property
    def held(self) -> tuple[str, ...]:
        """The names of the features that are held now."""
        return tuple(lockable.name for lockable in self._held)

    @property
    def stuck(self) -> tuple[str, ...]:
        """The names of the features that could not be released. Each is tried again in the background."""
        return tuple(lockable.name for lockable in self._stuck)

    async def acquire(self, reason: str) -> None:
        """Hold all features.

        Raises:
            HoldError: a feature could not be held. All features were released again.
        """
        for lockable in self._lockables:
            # The feature is appended before it is held, so that it is released even if holding it fails.
            self._held.append(lockable)
            try:
                await self._cancel_retry(lockable)
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
        """Release all held features, in reverse order. If a feature fails, it is tried again in the background."""
        while self._held:
            lockable = self._held[-1]
            released = await self._try_release(lockable)
            # The feature is removed after its release, because a cancelled release must be done again.
            self._held.pop()
            if not released:
                self._keep_trying(lockable)

    async def free(self, name: str) -> bool:
        """Try now to release a stuck feature. Returns False if that fails.

        Raises:
            KeyError: no feature with this name is stuck.
        """
        lockable = next((stuck for stuck in self._stuck if stuck.name == name), None)
        if lockable is None:
            raise KeyError(name)
        await self._cancel_retry(lockable)
        if await self._try_release(lockable):
            return True
        self._keep_trying(lockable)
        return False

    async def close(self) -> None:
        """Stop all attempts to release features. Features do not stay held after the process has ended."""
        for lockable in list(self._stuck):
            await self._cancel_retry(lockable)

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

    async def _cancel_retry(self, lockable: Lockable) -> None:
        task = self._stuck.pop(lockable, None)
        if task is not None:
            await end_tasks(task)


class SharedLease:
    """Lets several calls hold one lease: it is acquired with the first call, and released after the last one.

    A call that begins while the last one ends takes the lease over. If the release of the features has begun already,
    the call waits until all are released, and holds them anew. Use it only on the event loop.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._holders: set[object] = set()
        self._acquired = False
        self._changing = asyncio.Lock()

    async def acquire(self, holder: object, reason: str) -> None:
        """Hold all features for a holder, unless they are held already.

        Raises:
            HoldError: a feature could not be held. All features were released again.
        """
        # The holder is counted before it waits, so that nobody else releases what it is about to hold.
        self._holders.add(holder)
        try:
            async with self._changing:
                if not self._acquired:
                    # Does nothing, unless a release was cancelled before it was complete.
                    await self._lease.release()
                    await self._lease.acquire(reason)
                    self._acquired = True
        except BaseException:
            self._holders.discard(holder)
            raise

    async def release(self, holder: object) -> None:
        """Release all features, if nobody else holds them. This also works after a failed :meth:`acquire`."""
        self._holders.discard(holder)
        async with self._changing:
            if not self._holders:
                self._acquired = False
                await self._lease.release()
