"""Model lifecycle: loads an engine's model on first use and unloads it after a while without use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tts_server.engines.base import EngineError, SpeechEngine

_log = logging.getLogger(__name__)

REPORT_STEP = 0.02
"""The progress of loading, 0 to 1, is reported again only when it has grown by at least this much."""


class ModelLifecycle:
    """Loads and unloads one engine in threads. Use it only on the event loop. Close it before you close the engine.

    Args:
        may_load: called before loading. If it returns False, nothing is loaded, and the next use asks again.
        idle_seconds: seconds without use after which the engine is unloaded.
        report: called with the loading progress, 0 to 1, on the event loop.
        failed: called with the error if loading fails, on the event loop.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        may_load: Callable[[], bool],
        idle_seconds: float,
        report: Callable[[float], None],
        failed: Callable[[EngineError], None],
    ) -> None:
        self._engine = engine
        self._may_load = may_load
        self._idle_seconds = idle_seconds
        self._report = report
        self._failed = failed
        self._users = 0
        self._loading: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._unloading: asyncio.Task[None] | None = None
        self.progress: float | None = None

    @property
    def loading(self) -> bool:
        """Whether the engine is being loaded now."""
        return self._loading is not None and not self._loading.done()

    @property
    def ready(self) -> bool:
        """Whether the engine can speak now: it is loaded and is not being unloaded."""
        return self._engine.loaded and not self._is_unloading()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Start loading the engine, without waiting for it, and keep it loaded while the block runs."""
        self._users += 1
        if self._idle is not None:
            self._idle.cancel()
        self._start_loading()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._start_unloading)

    def _start_loading(self) -> None:
        if not self.ready and not self.loading and self._may_load():
            self._loading = asyncio.create_task(self._load(), name="load")

    async def wait_loaded(self) -> None:
        """Wait until loading has ended, successfully or not."""
        if self._loading is not None:
            await asyncio.wait([self._loading])

    async def _load(self) -> None:
        loop = asyncio.get_running_loop()
        self._set_progress(0.0)
        try:
            if self._unloading is not None:
                await asyncio.wait([self._unloading])
            await asyncio.to_thread(self._engine.load, lambda done: self._report_from_thread(loop, done))
        except Exception as error:
            self.progress = None
            self._failed(self._as_engine_error(error))
        else:
            self._set_progress(1.0)
            self.progress = None

    def _as_engine_error(self, error: Exception) -> EngineError:
        if isinstance(error, EngineError):
            return error
        # Unexpected errors count as a failure to load; otherwise every client would wait for ever.
        _log.error("%s could not be loaded", self._engine.name, exc_info=error)
        return EngineError(f"{self._engine.name} could not be loaded: {error!r}")

    def _report_from_thread(self, loop: asyncio.AbstractEventLoop, done: float) -> None:
        loop.call_soon_threadsafe(self._report_step, done)

    def _report_step(self, done: float) -> None:
        if self.progress is not None and self.progress + REPORT_STEP <= done < 1.0:
            self._set_progress(done)

    def _set_progress(self, done: float) -> None:
        self.progress = done
        self._report(done)

    def _is_unloading(self) -> bool:
        return self._unloading is not None and not self._unloading.done()

    def _start_unloading(self) -> None:
        if self.loading:
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._start_unloading)
        else:
            self._unloading = asyncio.create_task(self._unload(), name="unload")

    async def _unload(self) -> None:
        """Unload. A load that is started from now on waits for the unloading.

        If that fails, the error is logged, and the engine may still be loaded. After the next use it is unloaded again.
        """
        if not self._engine.loaded:
            return
        try:
            await asyncio.to_thread(self._engine.unload)
        except Exception:
            # An engine's library may raise anything, and nobody awaits this task.
            _log.exception("%s could not be unloaded after %.0f s without use", self._engine.name, self._idle_seconds)
        else:
            _log.info("%s was unloaded after %.0f s without use", self._engine.name, self._idle_seconds)

    async def close(self) -> None:
        """Cancel the timer and wait for loading or unloading to end, since a thread can't be stopped."""
        if self._idle is not None:
            self._idle.cancel()
        for task in (self._loading, self._unloading):
            if task is not None:
                await asyncio.wait([task])
