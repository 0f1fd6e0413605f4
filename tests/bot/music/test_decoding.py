"""Decoding music: all pieces are equally loud, and hostile files are refused within bounds."""

from __future__ import annotations

import asyncio
import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from audio.decode import Bounds, NotSoundError, TooLongSoundError
from audio.loudness import LoudnessMeter
from bot.music import decoding_process
from bot.music.decoding import FileSource, MusicError, decoding
from bot.music.decoding_process import BOUNDS, MOST_DB, NO_SOUND, TARGET_LUFS, UnplayableError, measure
from bot.music.loudness_store import MAX_KEPT, LoudnessStore
from tests.bot.music.pieces import wav, write

SECONDS = 3.0


def gain_db(data: bytes, folder: Path) -> float:
    gain, _ = measure(io.BytesIO(data), LoudnessStore(folder))
    return float(20 * np.log10(gain))


async def decode(source: FileSource, store: Path) -> bytes:
    async with decoding(source, store) as music:
        return b"".join([frame async for frame in music.frames()])


def loudness(pcm: bytes) -> float:
    meter = LoudnessMeter()
    meter.add(np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_767))
    return meter.lufs


@pytest.mark.parametrize(("level", "channels", "rate"), [(0.05, 2, 48_000), (0.5, 1, 22_050)])
async def test_quiet_and_loud_pieces_become_equally_loud(
    tmp_path: Path, level: float, channels: int, rate: int
) -> None:
    data = wav(SECONDS, level, channels=channels, rate=rate)

    async def fetch() -> bytes:
        return data

    sources: tuple[FileSource, ...] = (write(tmp_path / "piece.wav", data), fetch)
    for source in sources:
        pcm = await decode(source, tmp_path / "loudness")
        assert len(pcm) / 4 / 48_000 == pytest.approx(SECONDS, abs=0.05)
        assert loudness(pcm) == pytest.approx(TARGET_LUFS, abs=0.5)
    assert len(list((tmp_path / "loudness").iterdir())) == 1, "the same file is measured once"


def test_a_very_quiet_piece_is_amplified_up_to_a_limit_and_silence_stays_silent(tmp_path: Path) -> None:
    assert gain_db(wav(1.0, 0.001), tmp_path) == pytest.approx(MOST_DB)
    assert gain_db(wav(1.0, 0.0), tmp_path) == 0


def test_the_loudness_of_a_piece_is_measured_once(tmp_path: Path) -> None:
    data, store = wav(1.0, 0.2), LoudnessStore(tmp_path)
    first = measure(io.BytesIO(data), store)
    (kept,) = tmp_path.iterdir()
    before = kept.stat().st_mtime_ns
    assert measure(io.BytesIO(data), store) == pytest.approx(first)
    assert kept.stat().st_mtime_ns == before
    kept.write_text("nonsense")
    assert measure(io.BytesIO(data), store) == pytest.approx(first), "a broken store is no harm"


def test_the_store_forgets_the_oldest(tmp_path: Path) -> None:
    for number in range(MAX_KEPT + 3):
        (tmp_path / str(number)).touch()
    LoudnessStore(tmp_path).keep("new", -20.0, 1.0)
    assert len(list(tmp_path.iterdir())) == MAX_KEPT
    assert (tmp_path / "new").exists()


def header(channels: int, rate: int, stated: int) -> bytes:
    data = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", stated, b"WAVE", b"fmt ", 16, 1, channels, rate, rate, 2, 16)
    return data + struct.pack("<4sI", b"data", stated)


REFUSED = {
    "nothing": b"",
    "text": b"Hello, I am music.\n" * 50,
    "zeros": bytes(10_000),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "a stream's playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a cue sheet": b'FILE "/etc/passwd" WAVE\n  TRACK 01 AUDIO\n',
    "a session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\nc=IN IP4 127.0.0.1\n",
    "a dash manifest": b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
    "no samples": header(2, 48_000, 0),
    "no channels": header(0, 48_000, 1_000) + bytes(1_000),
    "a thousand channels": header(1_000, 48_000, 10_000) + bytes(10_000),
    "a strange rate": header(1, 4_000_000, 10_000) + bytes(10_000),
    "a cut off head": wav(1.0, 0.1)[:30],
    "noise": np.random.default_rng(1).bytes(20_000),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_no_sound_or_names_other_files_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises((NotSoundError, UnplayableError)):
        measure(io.BytesIO(data), LoudnessStore(tmp_path))


@pytest.mark.parametrize("bounds", [replace(BOUNDS, max_seconds=0.5), replace(BOUNDS, max_stated_seconds=0.5)])
def test_a_piece_that_is_too_long_is_refused(bounds: Bounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding_process, "BOUNDS", bounds)
    with pytest.raises(TooLongSoundError):
        measure(io.BytesIO(wav(1.0, 0.1)), LoudnessStore(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_people_are_told_why_a_file_can_not_be_played(tmp_path: Path) -> None:
    playlist = write(tmp_path / "list.mp3", REFUSED["a stream's playlist"])
    with pytest.raises(MusicError, match=NO_SOUND):
        await decode(playlist, tmp_path / "loudness")
    with pytest.raises(MusicError, match="It can't be read: No such file"):
        await decode(tmp_path / "nowhere.mp3", tmp_path / "loudness")


async def test_a_piece_that_is_stopped_leaves_no_process_and_was_not_decoded_ahead(tmp_path: Path) -> None:
    long = write(tmp_path / "long.wav", wav(60.0, 0.1, rate=16_000))
    before = set(psutil.Process().children(recursive=True))
    async with decoding(long, tmp_path / "loudness") as music:
        assert music.seconds == pytest.approx(60, abs=0.1)
        frames = music.frames()
        for _ in range(50):
            await anext(frames)
        (process,) = set(psutil.Process().children(recursive=True)) - before
        await asyncio.sleep(0.2)
        assert process.is_running(), "it waits for the reader instead of decoding all"
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.parametrize("steps", range(5))
async def test_a_piece_that_is_stopped_again_while_it_stops_leaves_no_process(steps: int, tmp_path: Path) -> None:
    """The piece is skipped, and the call ends ``steps`` steps of the event loop later."""
    long = write(tmp_path / "long.wav", wav(60.0, 0.1, rate=16_000))
    before = set(psutil.Process().children(recursive=True))
    begun = asyncio.Event()

    async def play() -> None:
        async with decoding(long, tmp_path / "loudness") as music:
            await anext(music.frames())
            begun.set()
            await asyncio.Event().wait()

    playing = asyncio.create_task(play())
    await begun.wait()
    playing.cancel()
    for _ in range(steps):
        await asyncio.sleep(0)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert set(psutil.Process().children(recursive=True)) <= before
