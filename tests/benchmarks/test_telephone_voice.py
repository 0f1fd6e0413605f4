"""The benchmark of the bot's voice on a telephone: the sound that a caller hears, and when the target is met."""

from __future__ import annotations

import numpy as np
import pytest

from audio.g711 import Law
from audio.level import rms
from audio.samples import HEARING_RATE
from benchmarks.telephone_voice import FULL_BAND, LAWS, Understood, as_heard_by_caller, verdicts
from sandbox.voice.opus import SAMPLE_RATE

AT = np.arange(SAMPLE_RATE) / SAMPLE_RATE


@pytest.mark.parametrize("law", LAWS)
def test_a_caller_hears_the_bots_voice_in_the_band_of_telephones_alone(law: Law) -> None:
    low, high = 0.2 * np.sin(2 * np.pi * 1_000 * AT), 0.2 * np.sin(2 * np.pi * 6_000 * AT)
    heard = as_heard_by_caller((low + high).astype(np.float32), law)[HEARING_RATE // 4 : HEARING_RATE * 3 // 4]
    assert rms(heard) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)
    assert int(np.argmax(np.abs(np.fft.rfft(heard)))) * 2 == 1_000


def test_a_telephone_may_have_two_points_more_wrong_words_than_the_full_band() -> None:
    rows = [Understood(FULL_BAND, 100, 3, 3.0), Understood("alaw", 100, 5, 5.0), Understood("ulaw", 1000, 51, 5.1)]
    assert [met for _, met in verdicts(rows)] == [True, False]
