"""The running bot: its garbage collections during a call, and a signal during its start."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext

import pytest

from bot import run
from config.lifetime import Ending
from config.settings import Settings


class ConnectedApplication:
    """An application that ends at once. ``looked_through``: whether the garbage collector looks through each part."""

    def __init__(self) -> None:
        self.parts = [[number] for number in range(10)]
        self.looked_through: list[bool] = []

    async def run(self) -> None:
        self.looked_through = [any(each is part for each in gc.get_objects()) for part in self.parts]

    async def end(self) -> None: ...


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """Undo what a running bot changes for its whole process."""
    interval = sys.getswitchinterval()
    yield
    gc.unfreeze()
    sys.setswitchinterval(interval)


async def test_garbage_collections_leave_out_the_objects_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ConnectedApplication()

    @asynccontextmanager
    async def build(*_: object) -> AsyncIterator[ConnectedApplication]:
        yield app

    monkeypatch.setattr(run, "build_application", build)
    await run.run_bot(Settings.model_construct(), lambda _: None)
    assert app.looked_through == [False] * len(app.parts)


async def test_ctrl_c_during_the_start_is_answered_before_the_loading_has_ended(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said, pressed = list[str](), asyncio.Event()

    class CtrlC(Ending):
        async def wait(self) -> None:
            await pressed.wait()

    @asynccontextmanager
    async def build(*_: object) -> AsyncIterator[ConnectedApplication]:
        pressed.set()
        try:
            await asyncio.Event().wait()
        finally:
            said.extend(caplog.messages)
        yield ConnectedApplication()

    monkeypatch.setattr(run, "build_talk", build)
    monkeypatch.setattr(run, "ending_signals", lambda limit: nullcontext(CtrlC(limit)))
    with caplog.at_level(logging.INFO):
        assert await run.run_talk(Settings.model_construct(), lambda _: None, lambda: None) == 0
    assert said == ["Ending"]
