"""The gain that makes streams equally loud: it changes slowly and within bounds, and no peak exceeds the limiter's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from audio.decode import NotSoundError
from audio.loudness import LoudnessMeter
from audio.samples import SPEAKING_FRAME
from bot.music.live_process import AHEAD_FRAMES, FAULTS, frames, levelled
from bot.music.slow_gain import SlowGain
from bot.voice.mixing.levels import Stereo
from bot.voice.mixing.limiter import CEILING

TARGET, MOST = -16.0, 12.0
SECOND = 50
"""Number of frames in a second."""


def noise(seconds: float, level: float, seed: int = 1) -> list[Stereo]:
    count = round(seconds * SECOND)
    sound = level * np.random.default_rng(seed).uniform(-1, 1, (count, SPEAKING_FRAME, 2))
    return list(sound.astype(np.float32))


def loudness(sound: list[Stereo]) -> float:
    meter = LoudnessMeter()
    meter.add(np.concatenate(sound).reshape(-1))
    return meter.lufs


def decibels(sound: list[Stereo], gain: SlowGain) -> list[float]:
    """The gain after each frame."""
    found = []
    for frame in sound:
        gain.hear(frame)
        found.append(gain.decibels)
    return found


@pytest.mark.parametrize("level", [0.04, 0.1, 0.7])
def test_streams_become_as_loud_as_files_from_the_beginning(level: float) -> None:
    heard = list(levelled(noise(4.0, level)))
    assert len(heard) == 4 * SECOND
    assert loudness(heard[:SECOND]) == pytest.approx(TARGET, abs=1)
    assert loudness(heard[3 * SECOND :]) == pytest.approx(TARGET, abs=1)


def test_a_very_quiet_stream_is_not_blown_up_and_silence_stays_silent() -> None:
    quiet = noise(3.0, 0.01)
    assert loudness(list(levelled(quiet))) == pytest.approx(loudness(quiet) + MOST, abs=0.5)
    assert not np.any(list(levelled([np.zeros((SPEAKING_FRAME, 2), np.float32)] * SECOND)))


def test_the_gain_follows_over_seconds_and_stands_still_in_a_pause() -> None:
    gain = SlowGain(TARGET, MOST)
    loud, quiet = noise(2.0, 0.5), noise(30.0, 0.1, seed=2)
    before = decibels(loud, gain)[-1]
    rising = decibels(quiet, gain)
    fall = loudness(loud) - loudness(quiet)
    assert rising[SECOND] - before < fall / 4, "what is quiet within a piece stays quieter"
    assert rising[10 * SECOND] - before > fall / 2
    assert rising[-1] - before == pytest.approx(fall, abs=1)
    assert max(after - earlier for earlier, after in pairwise(rising)) < 0.1, "no step is heard"
    pause = decibels([np.zeros((SPEAKING_FRAME, 2), np.float32)] * (20 * SECOND), gain)
    assert pause[-1] == pytest.approx(pause[SECOND], abs=0.01)


def test_no_peak_is_above_the_ceiling_of_the_limiter() -> None:
    quiet, shout = noise(6.0, 0.03), noise(2.0, 1.0)
    heard = np.abs(np.concatenate(list(levelled([*quiet, *shout]))))
    assert heard.max() <= CEILING + 1e-6


def test_sound_is_cut_into_whole_frames_whatever_its_pieces_are() -> None:
    sound = np.linspace(-0.5, 0.5, 5 * 2 * SPEAKING_FRAME, dtype=np.float32)
    pieces = np.split(sound, [2, 1_000, 1_002, 7_000])
    assert np.array_equal(np.concatenate(list(frames(pieces))).reshape(-1), sound)
    assert list(frames([sound[:100]])) == []
    assert np.isfinite(list(frames([np.full(2 * SPEAKING_FRAME, np.nan, np.float32)]))).all()


def broken_off(sound: list[Stereo], fault: Exception) -> Iterator[Stereo]:
    yield from sound
    raise fault


def until_fault(sound: list[Stereo], fault: Exception) -> list[Stereo]:
    """What is heard of a stream that breaks off."""
    heard = []
    with pytest.raises(type(fault)):
        for frame in levelled(broken_off(sound, fault)):
            heard.append(frame)  # noqa: PERF402
    return heard


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("count", [AHEAD_FRAMES, AHEAD_FRAMES + 1, 4 * SECOND])
def test_all_frames_before_a_fault_are_heard(count: int, fault: type[Exception]) -> None:
    sound = noise(count / SECOND, 0.1)
    heard = until_fault(sound, fault())
    assert len(heard) == count
    assert np.array_equal(np.concatenate(heard), np.concatenate(list(levelled(sound))))


def test_a_stream_that_breaks_off_at_once_is_no_sound() -> None:
    assert until_fault(noise((AHEAD_FRAMES - 1) / SECOND, 0.1), NotSoundError()) == []
