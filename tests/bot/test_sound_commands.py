"""The texts of the sound board's commands, as far as they need no call."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, MagicMock

import pytest

from bot.commands.sounds import SoundCommands
from bot.music.sound_board import SoundBoard
from bot.music.sound_folder import MAX_MB
from bot.music.typed_sounds import MAX_LISTED
from bot.owners import Owners
from bot.user_error import UserError
from tests.bot.music.pieces import write


async def half(place: int) -> float:
    del place
    return 0.5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


@pytest.fixture
def cog(folder: Path, tmp_path: Path) -> Any:
    return SoundCommands(MagicMock(), SoundBoard(folder, tmp_path, half), Owners([1]), "?")


async def listed(cog: Any) -> str:
    ctx = AsyncMock()
    await cog.sound.callback(cog, ctx, name=" ")
    return " ".join(call.args[0] for call in ctx.send.await_args_list)


async def test_the_list_of_sounds_names_each_and_does_not_fill_the_channel(cog: Any, folder: Path) -> None:
    assert await listed(cog) == "📣 I have no sounds yet. `?sound add NAME` with an attached sound file adds one."
    write(folder / "air_horn.wav", b"")
    assert await listed(cog) == "📣 I have these sounds: air\\_horn. `?sound NAME` plays one."
    for number in range(MAX_LISTED + 1):
        write(folder / f"sound {number:03}.wav", b"")
    told = await listed(cog)
    assert told.endswith("sound 098 and 2 more. `?sound NAME` plays one.")


async def test_a_file_that_is_too_large_is_not_fetched(cog: Any) -> None:
    file = MagicMock(filename="song.wav", size=MAX_MB * 1024**2 + 1, content_type="audio/wav", read=AsyncMock())
    with pytest.raises(UserError, match=r"❌ song\.wav is too large: 10 MB is the limit"):
        await cog.add.callback(cog, AsyncMock(), cast(Any, file), name="song")
    file.read.assert_not_awaited()


async def test_a_file_with_a_bad_name_is_not_fetched(cog: Any) -> None:
    file = MagicMock(filename="song.wav", size=10, content_type="audio/wav", read=AsyncMock())
    with pytest.raises(UserError, match="A sound's name has at most"):
        await cog.add.callback(cog, AsyncMock(), cast(Any, file), name="../song")
    file.read.assert_not_awaited()
