"""An engine that is being unloaded is not ready, and a use that begins meanwhile loads it again."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial

import pytest

from tests.timing import wait_until
from tests.tts_server.spelling_engine import LoadingEngine
from tts_server.speaking.model_lifecycle import ModelLifecycle


class SlowlyUnloadedEngine(LoadingEngine):
    """Unloading ends when ``unload_gate`` is opened."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.gate.set()
        self.unloads = 0
        self.unload_gate = threading.Event()

    def unload(self) -> None:
        self.unloads += 1
        assert self.unload_gate.wait(60)
        super().unload()


class StuckEngine(LoadingEngine):
    """Unloading fails."""

    def __init__(self) -> None:
        super().__init__("stuck")
        self.gate.set()
        self.unloads = 0

    def unload(self) -> None:
        self.unloads += 1
        raise RuntimeError("CUDA error")


def lifecycle_of(engine: LoadingEngine) -> ModelLifecycle:
    return ModelLifecycle(engine, may_load=lambda: True, idle_seconds=0.0, report=lambda _: None, failed=lambda _: None)


def readiness(lifecycle: ModelLifecycle) -> str:
    """Whether the engine is ready. After ``assert lifecycle.ready``, mypy would take it to be ready for ever."""
    return "ready" if lifecycle.ready else "not ready"


async def test_an_engine_that_is_being_unloaded_is_not_ready_until_it_is_loaded_again() -> None:
    engine = SlowlyUnloadedEngine()
    lifecycle = lifecycle_of(engine)
    with lifecycle.in_use():
        await lifecycle.wait_loaded()
        assert readiness(lifecycle) == "ready"
    await wait_until(lambda: engine.unloads)
    assert engine.loaded
    assert readiness(lifecycle) == "not ready"
    with lifecycle.in_use():
        assert readiness(lifecycle) == "not ready"
        engine.unload_gate.set()
        await lifecycle.wait_loaded()
        assert readiness(lifecycle) == "ready"
        assert engine.loads == 2
    await lifecycle.close()


async def test_a_use_that_begins_just_before_the_unloading_does_not_wait_for_ever() -> None:
    engine = SlowlyUnloadedEngine()
    engine.unload_gate.set()
    lifecycle = lifecycle_of(engine)
    with lifecycle.in_use():
        await lifecycle.wait_loaded()
    # The unloading has been started, but has not taken its first step yet.
    while readiness(lifecycle) == "ready":
        await asyncio.sleep(0)
    with lifecycle.in_use():
        async with asyncio.timeout(30):
            await lifecycle.wait_loaded()
        assert readiness(lifecycle) == "ready"
    await lifecycle.close()


async def test_an_engine_is_not_unloaded_during_a_use_that_began_while_it_was_loading() -> None:
    engine = SlowlyUnloadedEngine()
    engine.unload_gate.set()
    engine.gate.clear()
    lifecycle = lifecycle_of(engine)
    with lifecycle.in_use():
        await wait_until(lambda: engine.loads)
    # The idle time, 0 s, is over during the load.
    for _ in range(5):
        await asyncio.sleep(0)
    with lifecycle.in_use():
        engine.gate.set()
        await lifecycle.wait_loaded()
        assert readiness(lifecycle) == "ready"
        assert engine.unloads == 0
    await lifecycle.close()


def unloaded_again(engine: StuckEngine, lifecycle: ModelLifecycle, times: int) -> bool:
    return engine.unloads == times and lifecycle.ready


async def test_an_engine_that_can_not_be_unloaded_is_reported_and_speaks_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    engine = StuckEngine()
    lifecycle = lifecycle_of(engine)
    for uses in (1, 2):
        with lifecycle.in_use():
            await lifecycle.wait_loaded()
            assert readiness(lifecycle) == "ready"
        await wait_until(partial(unloaded_again, engine, lifecycle, uses))
    await lifecycle.close()
    assert engine.loads == 1
    (first, _) = caplog.records
    assert "stuck could not be unloaded" in first.getMessage()
    assert "CUDA error" in (first.exc_text or "")
