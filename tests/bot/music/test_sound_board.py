"""The sound board: sounds are added to the folder, played and listed, or people are told why not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from bot.music import lengths
from bot.music.decoding import decoding
from bot.music.sound_board import SoundBoard
from bot.music.sound_folder import MAX_MB
from bot.user_error import UserError
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import FADE_FRAMES, Channel
from tests.bot.music.pieces import wav, write
from tests.voice.mixing.sounds import ScriptedReply, level

pytestmark = pytest.mark.usefixtures("forked_decoders")

HERE = 60
"""The id of a server."""


class StandInCall:
    """What the sound board needs of a call."""

    id = "c1"
    server = HERE

    def __init__(self) -> None:
        self.mixer = Mixer(ScriptedReply())
        self.ends: list[Callable[[], Awaitable[None]]] = []
        self.when_closed = self.ends.append


def board(folder: Path | None, cache: Path) -> SoundBoard:
    async def volume_at(place: int) -> float:
        return 0.01 * place

    return SoundBoard(folder, cache / "cache", volume_at)


async def test_without_a_folder_people_are_told_which_setting_is_missing(tmp_path: Path) -> None:
    nowhere = board(None, tmp_path)
    call = cast(Any, StandInCall())
    removing = nowhere.remove("x", HERE, owner=True)
    for asked in (nowhere.play(call, "x"), nowhere.sounds(HERE), nowhere.add("x", "x.wav", b"", HERE), removing):
        with pytest.raises(UserError, match="nobody has set SOUNDS_DIR"):
            await asked
    assert await nowhere.search("x", HERE) == []


async def test_a_sound_is_added_and_played_and_nothing_of_it_is_left_after_the_call(tmp_path: Path) -> None:
    sounds, call = board(tmp_path / "sounds", tmp_path), StandInCall()
    before = set(psutil.Process().children(recursive=True))
    assert await sounds.add("short beep", "beep.wav", wav(0.1, 0.02), HERE) == "short beep"
    assert [each.title for each in await sounds.sounds(HERE)] == ["short beep"]
    assert await sounds.play(cast(Any, call), "beep") == "short beep"
    assert call.mixer.volume(Channel.EFFECTS) == pytest.approx(0.6), "the volume that was chosen in this place"
    frames = [call.mixer.take() for _ in range(FADE_FRAMES + 3)]
    assert frames[-1] is not None
    assert level(frames[-1]) > 0.02, "a quiet sound is made louder, even if it is too short to be measured as a whole"
    (end,) = call.ends
    await end()
    assert not sounds.stop(cast(Any, call))
    assert set(psutil.Process().children(recursive=True)) <= before


REFUSED = {
    "text": (b"Hello, I am a sound.\n" * 50, "It is not a sound file that I can play"),
    "a playlist": (b"#EXTM3U\nfile:///etc/passwd\n", "It is not a sound file that I can play"),
    "31 seconds": (wav(31.0, 0.1, rate=8_000, channels=1), "It is longer than 30 seconds"),
    "too many bytes": (bytes(MAX_MB * 1024**2 + 1), "is too large: 10 MB is the limit"),
    "nothing": (b"", "It is not a sound file that I can play"),
}


@pytest.mark.parametrize(("data", "told"), REFUSED.values(), ids=REFUSED)
async def test_a_file_that_is_no_short_sound_is_refused_before_it_is_stored(
    data: bytes, told: str, tmp_path: Path
) -> None:
    sounds = board(tmp_path / "sounds", tmp_path)
    with pytest.raises(UserError, match=told):
        await sounds.add("horn", "horn.mp3", data, HERE)
    assert not (tmp_path / "sounds").exists()


async def test_a_sound_of_the_operator_that_is_too_long_is_reported_even_if_it_was_played_as_music_before(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "sounds" / "song.wav", wav(31.0, 0.1, rate=8_000, channels=1))
    async with decoding(path, tmp_path / "cache" / "loudness"):
        pass
    with pytest.raises(UserError, match="❌ song: It is longer than 30 seconds"):
        await board(path.parent, tmp_path).play(cast(Any, StandInCall()), "song")


async def test_sounds_that_are_too_long_are_not_listed_until_their_files_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    long = write(folder / "long song.wav", wav(31.0, 0.1, rate=8_000, channels=1))
    write(folder / "short song.wav", wav(0.5, 0.1))
    write(folder / "broken.mp3", b"This is no sound.")
    os.mkfifo(folder / "pipe.wav")
    sounds = board(folder, tmp_path)
    before = set(psutil.Process().children(recursive=True))
    assert [each.title for each in await sounds.sounds(HERE)] == ["broken", "short song"]
    assert [each.title for each in await sounds.search("song", HERE)] == ["short song"]
    write(long, wav(0.6, 0.1))
    assert [each.title for each in await sounds.search("song", HERE)] == ["long song", "short song"]
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_sounds_whose_lengths_can_not_be_read_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths, "SECONDS", 0.0)
    write(tmp_path / "sounds" / "song.wav", wav(31.0, 0.1, rate=8_000, channels=1))
    assert [each.title for each in await board(tmp_path / "sounds", tmp_path).sounds(HERE)] == ["song"]


async def test_of_two_people_who_add_the_same_sound_one_is_refused(tmp_path: Path) -> None:
    sounds = board(tmp_path / "sounds", tmp_path)
    told = await asyncio.gather(
        sounds.add("horn", "a.wav", wav(0.5, 0.1), HERE),
        sounds.add("Horn", "b.wav", wav(0.6, 0.1), HERE),
        return_exceptions=True,
    )
    assert [str(each).split(".")[0] for each in told] == ["horn", "❌ There is a sound Horn already"]
