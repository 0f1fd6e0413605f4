"""The limiter: peaks stay below its ceiling, and what is quiet enough passes untouched."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.samples import SPEAKING_FRAME
from bot.voice.mixing.limiter import CEILING, Limiter


@settings(max_examples=40)
@given(st.lists(st.floats(0, 6), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_no_peak_is_above_the_ceiling(levels: list[float], seed: int) -> None:
    limiter, random = Limiter(), np.random.default_rng(seed)
    for level in levels:
        sound = (random.uniform(-1, 1, (SPEAKING_FRAME, 2)) * level).astype(np.float32)
        sound[random.integers(SPEAKING_FRAME)] *= 3
        limited = limiter.limit(sound)
        assert np.abs(limited).max() <= CEILING + 1e-6
        assert (np.sign(limited) * np.sign(sound) >= 0).all()


def test_quiet_sound_passes_as_the_same_object() -> None:
    sound = np.full((SPEAKING_FRAME, 2), CEILING, np.float32)
    assert Limiter().limit(sound) is sound


def test_both_channels_get_the_same_gain_so_that_the_stereo_image_does_not_move() -> None:
    sound = np.full((SPEAKING_FRAME, 2), 0.4, np.float32)
    sound[:, 0] = 2.0
    limited = Limiter().limit(sound)
    assert np.allclose(limited[:, 1] / limited[:, 0], 0.2, atol=1e-4)


def test_the_gain_comes_back_after_a_peak() -> None:
    limiter = Limiter()
    limiter.limit(np.full((SPEAKING_FRAME, 2), 4.0, np.float32))
    quiet = np.full((SPEAKING_FRAME, 2), 0.1, np.float32)
    frames = [limiter.limit(quiet) for _ in range(20)]
    assert frames[0][0, 0] < 0.05
    assert frames[-1] is quiet


def test_the_gain_falls_before_a_peak_within_its_frame_and_not_at_once() -> None:
    sound = np.full((SPEAKING_FRAME, 2), 0.5, np.float32)
    sound[700:710] = 1.5
    gains = Limiter().limit(sound)[:, 0] / sound[:, 0]
    assert gains[0] == 1
    assert np.abs(np.diff(gains)).max() < 0.01
