"""The ambience of personas: it is repeated without a gap, changes with the persona, and ends with the call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.music.ambience import KEPT_SECONDS, Ambience
from bot.music.decoding import DecodedMusic, MusicError, Source
from bot.music.service import MusicService
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import AMBIENCE_SHARE, Channel
from tests.bot.music.pieces import write
from tests.bot.music.test_player import Music
from tests.timing import LIMIT, let_run
from tests.voice.mixing.sounds import ScriptedReply, level, tone

QUIET, LOUD = 0.2, 0.8


class Stage:
    """A call whose persona the test changes. The files' sounds are made up."""

    def __init__(self, folder: Path | None, cache: Path) -> None:
        self.mixer = Mixer(ScriptedReply())
        self.pieces: dict[str, list[bytes | None]] = {"Rain": [*tone(30, QUIET)], "Sea": [*tone(30, LOUD)]}
        self.opened: list[str] = []
        self.open = 0
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.seconds: float | None = None
        self._listeners: set[Callable[[], None]] = set()
        self._ambience: str | None = None

        async def volume_at(_: int) -> float:
            return 0.5

        self.ambience = Ambience(MusicService(folder, cache), volume_at, self.decode)

    def now(self) -> Any:
        return SimpleNamespace(persona=SimpleNamespace(ambience=self._ambience))

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def become(self, ambience: str | None) -> None:
        self._ambience = ambience
        for listener in self._listeners:
            listener()

    @asynccontextmanager
    async def decode(self, source: Source) -> AsyncIterator[DecodedMusic]:
        name = Path(str(source)).stem
        if name not in self.pieces:
            raise MusicError("It could not be decoded.")
        self.opened.append(name)
        self.open += 1
        try:
            music = Music(self.pieces[name])
            if self.seconds is not None:
                object.__setattr__(music, "seconds", self.seconds)
            yield music
            await self.may_close.wait()
        finally:
            self.open -= 1

    async def hear(self, frames: int) -> list[bytes]:
        """The next frames that are sent."""
        taken: list[bytes] = []
        async with asyncio.timeout(LIMIT):
            while len(taken) < frames:
                frame = self.mixer.take()
                taken += [frame] if frame is not None else []
                await asyncio.sleep(0 if frame is not None else 0.001)
        return taken

    async def silent(self) -> None:
        """Wait until nothing is sent any more."""
        async with asyncio.timeout(LIMIT):
            while [frame for _ in range(10) if (frame := self.mixer.take()) is not None]:
                await asyncio.sleep(0.001)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.ambience.run(self.mixer, cast(Any, self), 7))
        await asyncio.sleep(0)
        yield
        running.cancel()
        (ended,) = await asyncio.gather(running, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError)
        await self.silent()
        assert self.open == 0
        assert not self._listeners


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    for name in ("Rain", "Sea", "Broken", "Empty"):
        write(tmp_path / "music" / f"{name}.ogg", b"")
    return Stage(tmp_path / "music", tmp_path)


async def test_a_short_piece_is_decoded_once_and_repeated_without_a_gap(stage: Stage) -> None:
    async with stage.call():
        stage.become("rain")
        taken = await stage.hear(200)
        volume = AMBIENCE_SHARE * 0.5
        assert stage.mixer.volume(Channel.AMBIENCE) == pytest.approx(volume)
        assert all(level(frame) == pytest.approx(level(tone(1, QUIET)[0]) * volume, rel=0.05) for frame in taken[10:])
        assert stage.opened == ["Rain"]


async def test_a_decoder_that_takes_longer_to_end_than_its_piece_to_play_leaves_no_gap(stage: Stage) -> None:
    stage.may_close.clear()
    async with stage.call():
        stage.become("Rain")
        hearing = asyncio.create_task(stage.hear(200))
        await let_run(0.2)
        stage.may_close.set()
        taken = await hearing
        assert all(level(frame) == pytest.approx(level(taken[-1]), rel=0.05) for frame in taken[10:])


async def test_a_long_piece_is_decoded_again_each_time(stage: Stage) -> None:
    stage.seconds = KEPT_SECONDS + 1
    async with stage.call():
        stage.become("Rain")
        await stage.hear(200)
        assert stage.opened[:3] == ["Rain"] * 3


async def test_the_ambience_changes_with_the_persona_and_does_not_begin_anew_with_another_mood(stage: Stage) -> None:
    async with stage.call():
        await stage.silent()
        stage.become("Rain")
        await stage.hear(50)
        stage.become("Rain")
        await stage.hear(50)
        assert stage.opened == ["Rain"]
        stage.become("Sea")
        taken = await stage.hear(100)
        assert level(taken[-1]) > 2 * level(tone(1, QUIET)[0]) * AMBIENCE_SHARE * 0.5
        stage.become(None)
        await stage.silent()
        stage.become("Rain")
        await stage.hear(50)
    assert stage.opened == ["Rain", "Sea", "Rain"]


async def test_the_ambience_of_the_persona_at_the_beginning_is_heard_at_once(stage: Stage) -> None:
    stage.become("Sea")
    async with stage.call():
        await stage.hear(50)


@pytest.mark.parametrize("name", ["Storm", "Broken", "Empty", "../../etc/passwd"])
async def test_ambience_that_can_not_be_played_is_reported_once_and_ends_no_call(
    stage: Stage, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.pieces["Empty"] = []
    async with stage.call():
        with caplog.at_level(logging.WARNING, "bot.music.ambience"):
            for wanted in (name, None, name):
                stage.become(wanted)
                for _ in range(50):
                    await asyncio.sleep(0.001)
        assert [record.getMessage() for record in caplog.records] == [caplog.records[0].getMessage()]
        assert repr(name) in caplog.text
        stage.become("Rain")
        await stage.hear(50)


async def test_a_missing_folder_of_music_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(None, tmp_path)
    async with stage.call():
        stage.become("Rain")
        async with asyncio.timeout(LIMIT):
            while not caplog.records:
                await asyncio.sleep(0.001)
    assert "MUSIC_DIR is not set" in caplog.text
