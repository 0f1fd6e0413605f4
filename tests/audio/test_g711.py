"""Tests of G.711: every byte is decoded as ffmpeg decodes it, and every sample gets a byte that the standard allows."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from audio.g711 import Int16s, Law, decode_g711, encode_g711

CODECS = {"ulaw": "pcm_mulaw", "alaw": "pcm_alaw"}
EVERY_SAMPLE: Int16s = np.arange(-0x8000, 0x8000, dtype=np.int32).astype(np.int16)


def ffmpeg(law: Law, mode: Any) -> Any:
    codec: Any = av.CodecContext.create(CODECS[law], mode)
    codec.sample_rate, codec.layout = 8_000, "mono"
    if mode == "w":
        codec.format = "s16"
    return codec


def encoded_by_ffmpeg(law: Law, samples: Int16s) -> bytes:
    codec = ffmpeg(law, "w")
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8_000
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_byte_is_decoded_to_the_same_sample_as_by_ffmpeg(law: Law) -> None:
    data = bytes(range(256))
    (frame,) = ffmpeg(law, "r").decode(av.Packet(data))
    assert decode_g711(data, law).tolist() == frame.to_ndarray().ravel().tolist()


def decision_values(law: Law) -> npt.NDArray[np.int64]:
    """The borders between the steps of positive samples, for 16 bits, by the tables 1a and 2a of ITU-T G.711."""
    # The tables count in 13 bits (A-law) and 14 bits (u-law). Each segment has 16 equal steps.
    if law == "alaw":
        segments = [(0, 2), (32, 2), (64, 4), (128, 8), (256, 16), (512, 32), (1024, 64), (2048, 128)]
        return 8 * np.concatenate([first + step * np.arange(16) for first, step in segments])
    segments = [(31, 4), (95, 8), (223, 16), (479, 32), (991, 64), (2015, 128), (4063, 256)]
    low = np.concatenate([[0], 1 + 2 * np.arange(15)])
    return 4 * np.concatenate([low, *(first + step * np.arange(16) for first, step in segments)])


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_sample_becomes_a_byte_of_the_standards_tables(law: Law) -> None:
    borders = decision_values(law)
    assert len(borders) == 128
    # Bytes for the steps from silence on: the u-law inverts all bits, the A-law every second one.
    bits = 0x7F if law == "ulaw" else 0x55
    positive, negative = (0x80, 0x00)
    wrong = []
    for sample, byte in zip(EVERY_SAMPLE.tolist(), encode_g711(EVERY_SAMPLE, law), strict=True):
        sign = positive if sample >= 0 else negative
        allowed = {(step ^ bits) | sign for step in steps_of(abs(sample), borders)}
        if byte not in allowed:
            wrong.append((sample, byte))
    assert not wrong


def steps_of(size: int, borders: npt.NDArray[np.int64]) -> set[int]:
    """The steps in which a sample of this size lies. On a border, the standard leaves open which of two it is."""
    above = int(np.searchsorted(borders, size, side="right")) - 1
    return {above, max(0, above - 1)} if size == borders[above] else {above}


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_sample_comes_back_about_as_exact_as_with_ffmpeg(law: Law) -> None:
    own, other = (
        decode_g711(data, law).astype(int)
        for data in (encode_g711(EVERY_SAMPLE, law), encoded_by_ffmpeg(law, EVERY_SAMPLE))
    )
    samples = EVERY_SAMPLE.astype(int)
    own_error, other_error = np.abs(own - samples), np.abs(other - samples)
    # Near the border of two steps, either step may be taken.
    assert (own_error <= np.maximum(other_error, np.abs(samples) // 16 + 16)).all()
    assert own_error.mean() <= 1.02 * other_error.mean()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_bytes_come_back_as_they_were(law: Law) -> None:
    data = bytes(code for code in range(256) if not (law == "ulaw" and code == 0x7F))  # The u-law's second zero.
    assert encode_g711(decode_g711(data, law), law) == data


def test_an_empty_sound_becomes_no_bytes_and_no_bytes_become_an_empty_sound() -> None:
    assert decode_g711(b"", "ulaw").size == 0
    assert encode_g711(np.empty(0, np.int16), "alaw") == b""
