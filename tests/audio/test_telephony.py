"""Tests of the telephone encoders: G.711 agrees with the standard, and only complete frames of 20 ms come out."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from audio.encoders import Encoder
from audio.telephony import FRAME_SAMPLES, G711Encoder, TelephonePcmEncoder

# 16-bit samples, each with its codes in A-law and in mu-law by ITU-T G.711.
_TABLE = {
    0: (0xD5, 0xFF),
    8: (0xD5, 0xFE),
    -8: (0x55, 0x7E),
    100: (0xD3, 0xF2),
    -100: (0x53, 0x72),
    1000: (0xFA, 0xCE),
    -1000: (0x7A, 0x4E),
    5000: (0x86, 0xAB),
    -5000: (0x06, 0x2B),
    12345: (0xBD, 0x97),
    -12345: (0x3D, 0x17),
    32767: (0xAA, 0x80),
    -32767: (0x2A, 0x00),
}


@pytest.mark.parametrize(("law", "column"), [("alaw", 0), ("ulaw", 1)])
def test_g711_agrees_with_the_standard(law: Literal["alaw", "ulaw"], column: int) -> None:
    encoder = G711Encoder(law)
    samples = np.array(list(_TABLE), np.float32) / np.float32(32767)
    encoded = encoder.encode(samples) + encoder.finish()
    assert list(encoded[: len(_TABLE)]) == [entry[column] for entry in _TABLE.values()]
    silence = _TABLE[0][column]
    assert encoded[len(_TABLE) :] == bytes([silence]) * (FRAME_SAMPLES - len(_TABLE))


@pytest.mark.parametrize(
    ("encoder", "size"), [(TelephonePcmEncoder(), 320), (G711Encoder("alaw"), 160), (G711Encoder("ulaw"), 160)]
)
def test_only_whole_frames_come_out(encoder: Encoder, size: int) -> None:
    given = 0
    out = b""
    for samples in (1, 159, 160, 161, 7, 1000, 0, 33):
        part = encoder.encode(np.full(samples, 0.5, np.float32))
        given += samples
        out += part
        assert len(part) % size == 0
        assert len(out) == given // FRAME_SAMPLES * size
    assert len(out + encoder.finish()) == -(-given // FRAME_SAMPLES) * size
    assert encoder.finish() == b""
