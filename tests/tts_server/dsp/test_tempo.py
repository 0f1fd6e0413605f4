"""Tempo changes: the right speed, at the same pitch."""

from __future__ import annotations

import numpy as np
import pytest

from audio.samples import Samples
from tests.tts_server.dsp.measures import clarity, frequency, onset, pieces, voice
from tts_server.dsp import TempoChanger

RATE = 24_000


def play(samples: Samples, tempo: float) -> Samples:
    changer = TempoChanger(tempo, RATE)
    parts = [changer.push(piece) for piece in pieces(samples, 480)]
    return np.concatenate([*parts, changer.finish()])


@pytest.mark.parametrize("tempo", [0.25, 0.4, 0.5, 0.9, 1.1, 1.9, 2, 3, 4])
@pytest.mark.parametrize("hertz", [90, 220])
def test_the_tempo_changes_by_the_requested_amount(tempo: float, hertz: float) -> None:
    spoken = voice(hertz, 4 * max(1, tempo), RATE)
    played = play(spoken, tempo)
    assert len(played) == round(len(spoken) / tempo)
    assert frequency(played, RATE) == pytest.approx(hertz, rel=0.005)
    assert clarity(played, hertz, RATE) > 15


@pytest.mark.parametrize("tempo", [0.25, 0.5, 2, 4])
def test_words_keep_their_relative_places(tempo: float) -> None:
    spoken = np.concatenate([np.zeros(RATE, np.float32), voice(200, 1, RATE), np.zeros(RATE, np.float32)])
    played = play(spoken, tempo)
    assert onset(played, RATE) == pytest.approx(1 / tempo, abs=0.05, rel=0.03)
    assert onset(played[::-1], RATE) == pytest.approx(1 / tempo, abs=0.05, rel=0.03)


def test_the_usual_tempo_changes_nothing() -> None:
    changer = TempoChanger(1, RATE)
    piece = voice(200, 0.02, RATE)
    assert changer.push(piece) is piece
    assert len(changer.finish()) == 0


@pytest.mark.parametrize("tempo", [0.2, 4.1, 0, -1, float("nan")])
def test_a_tempo_beyond_the_bounds_is_refused(tempo: float) -> None:
    with pytest.raises(ValueError, match="tempo"):
        TempoChanger(tempo, RATE)
