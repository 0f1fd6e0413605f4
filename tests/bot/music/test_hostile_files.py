"""Hostile music files, in the operator's folder or attached to messages: their cost has bounds, they are never
too loud, and people are told what is wrong.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from audio.decode import NotSoundError, TooLongSoundError
from audio.encoders import write_audio_file
from bot.music import decoding as music_decoding
from bot.music import decoding_process
from bot.music.decoding import BROKEN_OFF, TOO_SLOW_TO_FETCH, Source, decoding
from bot.music.decoding_process import BOUNDS, NO_SOUND, TOO_LARGE, UnplayableError, measure
from bot.music.library import MAX_TITLE, NAMELESS, MusicLibrary, shown_title
from bot.music.loudness_store import LoudnessStore
from bot.music.player import MusicPlayer, Track
from bot.voice.mixing.mixer import Mixer
from tests.bot.music.hostile_files import (
    MP3,
    NOT_SOUND,
    PLAYED,
    TOO_LONG,
    encoded,
    flac,
    flac_frame,
    flac_tone,
    id3,
    wav_head,
)
from tests.bot.music.pieces import wav, write
from tests.timing import LIMIT
from tests.voice.mixing.sounds import ScriptedReply, peak

pytestmark = pytest.mark.usefixtures("forked_decoders")

LOUDEST = 10 ** (-1 / 20)
MOST_FRAMES = 500
"""More frames than any file here has: 10 s."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What people heard and were told of a piece. Notices of stalls are left out, because the test takes frames faster
    than a call does.
    """

    told: list[str]
    frames: list[bytes]


async def play(source: Source, folder: Path, during: Callable[[int], None] = lambda _: None) -> Heard:
    """Play a piece in the real player, and take its frames as fast as they come.

    Args:
        during: called after each frame, with the number of frames so far.
    """
    mixer, told, frames = Mixer(ScriptedReply()), list[str](), list[bytes]()
    player = MusicPlayer(mixer, partial(decoding, store=folder / "loudness"), told.append)
    before = set(psutil.Process().children(recursive=True))
    try:
        async with asyncio.timeout(LIMIT):
            player.add(Track("x", source))
            while player.playing is not None or player.waiting:
                frame = mixer.take()
                if frame is not None:
                    frames.append(frame)
                    assert len(frames) < MOST_FRAMES
                    during(len(frames))
                await asyncio.sleep(0 if frame is not None else 0.002)
    finally:
        await player.close()
    assert set(psutil.Process().children(recursive=True)) <= before
    assert all(peak(frame) <= LOUDEST for frame in frames)
    return Heard([text for text in told if not text.startswith("⏳")], frames)


def attached(data: bytes) -> Callable[[], Awaitable[bytes]]:
    async def fetch() -> bytes:
        return data

    return fetch


def source_of(data: bytes, folder: Path) -> Source:
    """The content as a file of the operator if its length is even, otherwise as an attachment."""
    return attached(data) if len(data) % 2 else write(folder / "Song.mp3", data)


@pytest.mark.parametrize("make", NOT_SOUND.values(), ids=NOT_SOUND)
async def test_files_that_can_not_be_played_are_reported(make: Callable[[], bytes], tmp_path: Path) -> None:
    assert await play(source_of(make(), tmp_path), tmp_path) == Heard([f"❌ x: {NO_SOUND}"], [])


@pytest.mark.parametrize("make", TOO_LONG.values(), ids=TOO_LONG)
async def test_a_file_that_claims_to_be_too_long_is_refused_at_once(make: Callable[[], bytes], tmp_path: Path) -> None:
    heard = await play(source_of(make(), tmp_path), tmp_path)
    assert heard == Heard(["❌ x: It is longer than 90 minutes."], [])


@pytest.mark.parametrize("make", PLAYED.values(), ids=PLAYED)
async def test_a_hostile_file_that_can_be_played_comes_to_an_end_and_is_not_too_loud(
    make: Callable[[], bytes], tmp_path: Path
) -> None:
    heard = await play(source_of(make(), tmp_path), tmp_path)
    assert heard.told == ["▶️ x"]
    assert heard.frames


async def test_a_float_file_that_is_far_too_loud_is_played_as_loudly_as_others(tmp_path: Path) -> None:
    heard = await play(attached(PLAYED["a billion times too loud"]()), tmp_path)
    assert max(map(peak, heard.frames)) < 0.3


def test_a_small_file_with_very_long_sound_is_not_decoded_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_process, "BOUNDS", replace(BOUNDS, max_seconds=30.0))
    bomb = flac([flac_frame(number, 8_000) for number in range(2_000)], 8_000)
    assert len(bomb) < 40_000, "the file is small, although it has four and a half hours of sound"
    with pytest.raises(TooLongSoundError):
        measure(io.BytesIO(bomb), LoudnessStore(tmp_path))


CONTAINERS = (("ogg", "libopus"), ("ipod", "aac"), ("matroska", "libopus"), ("mp3", "libmp3lame"))
STAGES = {kind: encoded(kind, codec) for kind, codec in CONTAINERS}
STAGES |= {"flac": flac(flac_tone()), "wav": wav(1.0, 0.1)}


@pytest.mark.parametrize("data", STAGES.values(), ids=STAGES)
def test_a_file_that_is_cut_off_anywhere_is_played_or_refused(data: bytes, tmp_path: Path) -> None:
    refused = 0
    for share in range(20):
        try:
            _, seconds = measure(io.BytesIO(data[: len(data) * share // 20]), LoudnessStore(tmp_path))
            assert 0 < seconds < 1.3
        except (NotSoundError, UnplayableError):
            refused += 1
    assert refused, "an empty file is refused"


async def test_a_picture_of_200_megabytes_is_passed_over(tmp_path: Path) -> None:
    size, song = 200_000_000, tmp_path / "Song.mp3"
    picture = b"APIC" + (size - 10).to_bytes(4, "big") + b"\0\0\0image/png\0\x03\0"
    write(song, id3(picture, stated=size))
    with song.open("r+b") as file:
        file.seek(size + 10)
        file.write(encoded(MP3, "libmp3lame"))
    heard = await play(song, tmp_path)
    assert heard.told == ["▶️ x"]
    assert len(heard.frames) > 25


# Pieces of the operator that are replaced by something that is no file, or that change while they play.


def fifo(path: Path) -> None:
    os.mkfifo(path)


def terabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (fifo, NO_SOUND),
        (Path.mkdir, "It can't be read: Is a directory."),
        (lambda path: path.symlink_to("/dev/zero"), NO_SOUND),
        (lambda path: path.symlink_to(path), "It can't be read: Too many levels of symbolic links."),
        (lambda path: None, "It can't be read: No such file or directory."),
        (terabyte, TOO_LARGE),
    ],
    ids=["a pipe", "a folder", "a device", "a link to itself", "nothing", "a terabyte"],
)
async def test_a_piece_that_is_no_file_any_more_is_refused(
    make: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    song = write(tmp_path / "music" / "Song.mp3", wav(1.0, 0.1))
    found = MusicLibrary(tmp_path / "music").find("song").path
    song.unlink()
    make(song)
    assert await play(found, tmp_path) == Heard([f"❌ x: {told}"], [])
    if make is not terabyte:
        assert MusicLibrary(tmp_path / "music").pieces() == [], "it is not offered either"


def cut(path: Path) -> None:
    os.truncate(path, 44)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))


@pytest.mark.parametrize("change", [cut, overwrite])
async def test_a_piece_that_is_destroyed_while_it_plays_ends_and_people_are_told(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    song = tmp_path / "Song.flac"
    noise = np.random.default_rng(1).normal(0, 0.1, 8 * 48_000).astype(np.float32)
    write_audio_file(song, noise, 48_000, "flac")
    heard = await play(song, tmp_path, lambda number: change(song) if number == 30 else None)
    assert heard.told == ["▶️ x", f"❌ x: {BROKEN_OFF}"]


async def test_a_piece_that_is_deleted_while_it_plays_is_played_to_its_end(tmp_path: Path) -> None:
    song = write(tmp_path / "Song.wav", wav(8.0, 0.1))
    heard = await play(song, tmp_path, lambda number: song.unlink(missing_ok=True))
    assert heard.told == ["▶️ x"]
    assert len(heard.frames) > 390


async def test_a_piece_that_grows_while_it_plays_is_played(tmp_path: Path) -> None:
    song = write(tmp_path / "Song.wav", wav_head(stated=2**32 - 1) + wav(6.0, 0.1)[44:])

    def grow(number: int) -> None:
        if number == 30:
            with song.open("ab") as file:
                file.write(wav(1.0, 0.1)[44:])

    heard = await play(song, tmp_path, grow)
    assert heard.told == ["▶️ x"]
    assert len(heard.frames) >= 300


# Attachments that do not come.


async def test_an_attachment_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music_decoding, "OPENING_SECONDS", 0.1)

    async def fetch() -> bytes:
        return await asyncio.Future[bytes]()

    assert (await play(fetch, tmp_path)).told == [f"❌ x: {TOO_SLOW_TO_FETCH}"]


# Names.


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Blue\nDanube\x00\x1b[31m", r"Blue Danube \[31m"),
        ("\u202e3pm.exe\u2066", "3pm.exe"),
        ("\udcff\udcfe", NAMELESS),
        ("caf\udce9", "caf"),
        ("\u200b", NAMELESS),
        ("@everyone `x`", r"\@everyone \`x\`"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_a_title_has_nothing_that_can_not_be_seen_or_sent(name: str, title: str) -> None:
    assert shown_title(name) == title


def test_a_name_of_300_characters_is_cut() -> None:
    assert len(shown_title("a" * 300)) == MAX_TITLE


def test_files_whose_names_are_no_text_are_found(tmp_path: Path) -> None:
    for name in (b"caf\xe9.mp3", b"\x1b[2J.mp3", b"a\nb.mp3", b"x" * 250 + b".mp3"):
        (tmp_path / os.fsdecode(name)).touch()
    titles = [shown_title(piece.title) for piece in MusicLibrary(tmp_path).pieces()]
    assert all(title.isprintable() and title.encode() and len(title) <= MAX_TITLE for title in titles)
    assert len(titles) == 4
