"""Uploaded recordings are read in child processes, which hostile files cost little memory and time."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from audio.encoders import WavEncoder
from audio.level import rms
from tests.tts_server.voices.hostile import hours_of_flac, id3_bomb, mp4_bomb
from tests.tts_server.voices.memory import MEGABYTE, readers, watched_memory
from tests.tts_server.voices.sounds import GOOD_FORMATS, decoded, encoded, good_files, speech, wav
from tts_server.voices.decoding import RATE, RecordingRefusedError
from tts_server.voices.preparation import LEVEL
from tts_server.voices.reading import read_recording

MAX_MEMORY = 250 * MEGABYTE
"""Maximum memory of a process that reads a file. For a good file, the process takes about 110 MB."""


def processor_seconds() -> float:
    """The processor time of this process's children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("name", GOOD_FORMATS)
async def test_a_recording_in_any_format_is_accepted(name: str, tmp_path: Path) -> None:
    source = tmp_path / "anything at all"
    source.write_bytes(good_files()[name])
    recording = await read_recording(source, tmp_path / "out.flac")
    samples, rate, channels = decoded(recording.path.read_bytes())
    assert (rate, channels) == (RATE, 1)
    assert len(samples) / RATE == pytest.approx(recording.seconds)
    assert recording.seconds == pytest.approx(len(speech()) / RATE, abs=0.8)
    assert rms(samples) == pytest.approx(LEVEL, rel=0.05)


async def test_sound_that_this_server_streams_is_accepted(tmp_path: Path) -> None:
    # A WAV header without a length.
    encoder = WavEncoder(RATE)
    source = tmp_path / "spoken.wav"
    source.write_bytes(encoder.encode(speech()) + encoder.finish())
    assert (await read_recording(source, tmp_path / "out.flac")).seconds > 13


@pytest.mark.parametrize("bomb", [hours_of_flac, id3_bomb, mp4_bomb])
async def test_bombs_cost_neither_memory_nor_time(bomb: Callable[[], bytes], tmp_path: Path) -> None:
    source = tmp_path / "bomb"
    source.write_bytes(bomb())
    worked = processor_seconds()
    with watched_memory() as memory, pytest.raises(RecordingRefusedError):
        await read_recording(source, tmp_path / "out.flac")
    assert 0 < memory.largest_reader < MAX_MEMORY
    assert processor_seconds() - worked < 10
    assert not (tmp_path / "out.flac").exists()


async def test_a_good_recording_with_a_bomb_in_its_metadata_is_accepted(tmp_path: Path) -> None:
    source = tmp_path / "bomb.mp3"
    source.write_bytes(id3_bomb() + good_files()["mp3"])
    with watched_memory() as memory:
        assert (await read_recording(source, tmp_path / "out.flac")).seconds > 13
    assert 0 < memory.largest_reader < MAX_MEMORY


async def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    source = tmp_path / "slow.wav"
    source.write_bytes(wav(speech()))
    with pytest.raises(RecordingRefusedError, match="takes too long"):
        await read_recording(source, tmp_path / "out.flac", limit=0.01)
    assert not readers()


async def test_a_cancelled_request_leaves_no_process(tmp_path: Path) -> None:
    source = tmp_path / "good.wav"
    source.write_bytes(wav(speech()))
    reading = asyncio.create_task(read_recording(source, tmp_path / "out.flac"))
    async with asyncio.timeout(60):
        while not readers():
            await asyncio.sleep(0.001)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not readers()


async def test_a_recording_of_more_than_two_minutes_is_refused_with_the_reason(tmp_path: Path) -> None:
    source = tmp_path / "long"
    source.write_bytes(encoded("mp3", "libmp3lame", speech().repeat(9)))
    with pytest.raises(RecordingRefusedError, match="longer than 2 minutes"):
        await read_recording(source, tmp_path / "out.flac")
