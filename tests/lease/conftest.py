"""A world with every feature."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.e2e.conftest import StageMaker, make_stage, speech_server
from tests.features.talk import let_manage
from tests.lease.engines import running_engines, running_speech_server
from tests.lease.features import World

__all__ = ["make_stage", "speech_server"]


class WorldMaker(Protocol):
    """Starts a world; keyword arguments are settings, by field name."""

    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture
def make_world(make_stage: StageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorldMaker:
    monkeypatch.setattr("bot.features.autonomous_talk.feature.POLL", 0.05)

    @asynccontextmanager
    async def make(**settings: Any) -> AsyncIterator[World]:
        async with running_engines(tmp_path) as engines, running_speech_server() as voice:
            chosen = {"tts_websocket_url": voice.url} | engines.settings | settings
            async with make_stage(**chosen) as stage:
                let_manage(stage.sandbox, stage.ada.id)
                yield World(stage, engines, voice)

    return make
