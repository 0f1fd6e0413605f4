"""G.711: the same bytes and samples as the codec of ffmpeg, for every byte and every sample."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
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
def test_every_byte_is_the_sample_that_ffmpeg_makes_of_it(law: Law) -> None:
    data = bytes(range(256))
    (frame,) = ffmpeg(law, "r").decode(av.Packet(data))
    assert decode_g711(data, law).tolist() == frame.to_ndarray().ravel().tolist()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_sample_comes_back_as_near_as_with_ffmpeg(law: Law) -> None:
    own, other = (
        decode_g711(data, law).astype(int)
        for data in (encode_g711(EVERY_SAMPLE, law), encoded_by_ffmpeg(law, EVERY_SAMPLE))
    )
    samples = EVERY_SAMPLE.astype(int)
    own_error, other_error = np.abs(own - samples), np.abs(other - samples)
    # Near the border of two steps either may be taken.
    assert (own_error <= np.maximum(other_error, np.abs(samples) // 16 + 16)).all()
    assert own_error.mean() <= 1.02 * other_error.mean()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_bytes_come_back_as_they_were(law: Law) -> None:
    data = bytes(code for code in range(256) if not (law == "ulaw" and code == 0x7F))  # The u-law's second zero.
    assert encode_g711(decode_g711(data, law), law) == data


def test_nothing_is_nothing() -> None:
    assert decode_g711(b"", "ulaw").size == 0
    assert encode_g711(np.empty(0, np.int16), "alaw") == b""
