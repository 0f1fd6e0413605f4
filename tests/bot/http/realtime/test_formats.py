"""Sound of Realtime clients that are telephones: each 20 ms goes through at once, in both directions."""

from __future__ import annotations

import pytest

from audio.samples import HEARING_RATE
from bot.http.realtime.formats import SoundDecoder, SoundEncoder
from bot.http.realtime.session import A_LAW, PCM, RATES, U_LAW


@pytest.mark.parametrize("kind", [A_LAW, U_LAW])
def test_no_sound_of_a_telephone_is_held_back_for_more(kind: str) -> None:
    decoder, encoder = SoundDecoder(kind), SoundEncoder(kind)
    for _ in range(10):
        assert len(decoder.decode(bytes(160))) == 2 * HEARING_RATE // 50
        assert len(encoder.encode(bytes(2 * RATES[PCM] // 50))) == 160
    assert 0 < len(encoder.rest()) < 20, "less than 3 ms of sound were held back"
