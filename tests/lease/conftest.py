"""Fixtures: a bot with all features, its people and its servers (:class:`~tests.lease.features.World`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.features.text_chat.service import ChatPace, TextChat
from tests.e2e.conftest import StageMaker, forked_recognisers, make_stage, no_authorities, speech_server
from tests.features.talk import let_manage, let_own
from tests.lease.endings import Means, WorldMaker
from tests.lease.engines import running_engines, running_speech_server
from tests.lease.features import World

__all__ = ["forked_recognisers", "make_stage", "no_authorities", "speech_server"]


@pytest.fixture
def make_world(
    make_stage: StageMaker, tmp_path: Path, speech_server: str, monkeypatch: pytest.MonkeyPatch
) -> WorldMaker:
    monkeypatch.setattr("bot.features.autonomous_talk.feature.POLL", 0.05)
    # By default, personas type as slowly as people, and messages that waited are answered two seconds apart.
    # tests/features tests these pauses. Here they are short.
    monkeypatch.setattr("bot.features.dual_persona.feature.typing_time", lambda *_: 0.05)
    monkeypatch.setattr(TextChat, "open", partial(TextChat.open, pace=ChatPace(queue_pause=0.05)))

    @asynccontextmanager
    async def make(*, own_voice: bool = False, **settings: Any) -> AsyncIterator[World]:
        async with running_engines(tmp_path) as engines, AsyncExitStack() as started:
            voice = await started.enter_async_context(running_speech_server()) if own_voice else None
            chosen = {"tts_websocket_url": voice.url if voice else speech_server} | engines.settings | settings
            async with make_stage(**chosen) as stage:
                let_manage(stage.sandbox, stage.ada.id)
                let_own(stage.sandbox, stage.ada)
                yield World(stage, engines, voice)

    return make


@pytest.fixture
def means(
    make_world: WorldMaker, tmp_path: Path, cache_dir: Path, speech_server: str, monkeypatch: pytest.MonkeyPatch
) -> Means:
    return Means(make_world, tmp_path, cache_dir, speech_server, monkeypatch)
