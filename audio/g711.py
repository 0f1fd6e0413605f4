"""G.711, the sound of telephones: one byte for each sample, by the u-law or the A-law. The tables are made by numpy."""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Law: TypeAlias = Literal["ulaw", "alaw"]
"""The u-law is used in North America and Japan, the A-law elsewhere."""
Int16s: TypeAlias = npt.NDArray[np.int16]
_BIAS = 0x84
_U_LOUDEST = 0x7FFF - _BIAS
_A_SIGNS = 0x55
"""The A-law inverts every second bit, so that silence has no long rows of zeros."""


def decode_g711(data: bytes, law: Law) -> Int16s:
    """Decode bytes of G.711 to 16-bit samples. Every byte is valid."""
    return _decoded(law)[np.frombuffer(data, np.uint8)]


def encode_g711(samples: Int16s, law: Law) -> bytes:
    """Encode 16-bit samples as G.711."""
    return _encoded(law)[samples.astype(np.int32) + 0x8000].tobytes()


@cache
def _decoded(law: Law) -> Int16s:
    """The sample of each byte."""
    codes = np.arange(256, dtype=np.int32)
    if law == "ulaw":
        inverted = ~codes & 0xFF
        exponent, mantissa = (inverted >> 4) & 7, inverted & 15
        size = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
        return np.where(inverted & 0x80, -size, size).astype(np.int16)
    plain = codes ^ _A_SIGNS
    exponent, mantissa = (plain >> 4) & 7, plain & 15
    low = (mantissa << 4) + 8
    size = np.where(exponent == 0, low, (low + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(plain & 0x80, size, -size).astype(np.int16)


@cache
def _encoded(law: Law) -> npt.NDArray[np.uint8]:
    """The byte of each sample, from the lowest sample on."""
    samples = np.arange(-0x8000, 0x8000, dtype=np.int32)
    if law == "ulaw":
        size = np.minimum(np.abs(samples), _U_LOUDEST) + _BIAS
        exponent = np.maximum(_highest_bit(size) - 7, 0)
        codes = (exponent << 4) | ((size >> (exponent + 3)) & 15)
        return np.asarray(~np.where(samples < 0, codes | 0x80, codes) & 0xFF, np.uint8)
    size = np.where(samples < 0, ~samples, samples)
    exponent = np.maximum(_highest_bit(size) - 7, 0)
    mantissa = np.where(exponent == 0, size >> 4, (size >> (exponent + 3))) & 15
    codes = (exponent << 4) | mantissa
    return np.asarray(np.where(samples < 0, codes, codes | 0x80) ^ _A_SIGNS, np.uint8)


def _highest_bit(numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The number of the highest bit that is set, from 0; 0 for 0."""
    return np.frexp(np.maximum(numbers, 1).astype(np.float64))[1].astype(np.int32) - 1
