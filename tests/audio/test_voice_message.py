"""Tests of voice messages: the file is Opus in Ogg, its length is exact, and the waveform shows where sound is loud."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.decode import Bounds, decoded
from audio.level import rms
from audio.samples import SPEAKING_RATE, Samples
from audio.voice_message import MAX_POINTS, VoiceMessage, VoiceMessageEncoder, waveform
from tests.ogg import OggFacts
from tests.tones import silence, tone

BOUNDS = Bounds(demuxers="ogg", codecs=frozenset({"opus"}), max_seconds=60)


def message(*pieces: Samples) -> VoiceMessage:
    encoder = VoiceMessageEncoder()
    for piece in pieces:
        encoder.encode(piece)
    return encoder.finish()


def test_the_file_is_opus_in_ogg_with_the_same_sound() -> None:
    made = message(tone(1.0), silence(0.5), tone(0.25))
    assert made.ogg.startswith(b"OggS")
    with av.open(io.BytesIO(made.ogg)) as file:
        assert (file.streams.audio[0].codec_context.name, file.streams.audio[0].channels) == ("opus", 1)
    heard = np.concatenate([*decoded(io.BytesIO(made.ogg), SPEAKING_RATE, BOUNDS)])
    for start, end, level in ((0.1, 0.9, rms(tone(1.0))), (1.1, 1.4, 0.0), (1.55, 1.7, rms(tone(1.0)))):
        part = heard[round(start * SPEAKING_RATE) : round(end * SPEAKING_RATE)]
        assert rms(part) == pytest.approx(level, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=4).filter(sum))
def test_the_length_of_the_message_and_of_its_file_is_exact_to_the_sample(lengths: list[int]) -> None:
    made = message(*(tone(1.0)[:length] for length in lengths))
    assert made.seconds == sum(lengths) / SPEAKING_RATE
    facts = OggFacts.read(made.ogg)
    assert facts.pages_fit, "the pages have the right numbers and checksums"
    assert facts.samples == sum(lengths), "the file's last granule position less its pre-skip"


@pytest.mark.parametrize("seconds", [0.02, 1.0, 25.6, 25.7, 60.0])
def test_the_waveform_has_a_point_for_each_100_ms_and_never_more_than_256(seconds: float) -> None:
    made = message(*(tone(1.0) for _ in range(int(seconds))), tone(seconds % 1))
    assert len(made.waveform) == min(MAX_POINTS, max(1, -(-round(1000 * seconds) // 100)))


def test_the_waveform_is_high_where_the_sound_is_loud() -> None:
    loud, quiet = tone(0.3), 0.25 * tone(0.2)
    shape = [*message(silence(0.2), loud, quiet).waveform]
    assert shape[:2] == [0, 0]
    assert shape[2:5] == [pytest.approx(255, abs=2)] * 3
    assert shape[5:] == [pytest.approx(64, abs=2)] * 2


def test_the_pieces_in_which_the_sound_comes_do_not_matter() -> None:
    whole = tone(1.3)
    pieces = [*np.array_split(whole, 17)]
    assert message(*pieces).waveform == message(whole).waveform


@pytest.mark.parametrize("sound", [silence(0.5), np.full(24_000, np.nan, np.float32)])
def test_silence_and_samples_that_are_no_numbers_have_a_flat_line(sound: Samples) -> None:
    assert message(sound).waveform == bytes(5)


def test_too_loud_sound_is_clipped() -> None:
    assert message(4 * tone(0.5)).waveform[1] == 255


@given(st.lists(st.floats(0, 1e6), max_size=2_000))
def test_any_loudness_gives_a_waveform_that_discord_takes(powers: list[float]) -> None:
    shape = waveform(np.array(powers, np.float64))
    assert 1 <= len(shape) <= MAX_POINTS
    assert not any(powers) or max(shape) == 255
