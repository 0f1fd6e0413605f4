"""Reads Ogg files with Opus by the letter of RFC 3533 and RFC 7845, without the program's own code."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

_PAGE = struct.Struct("<4sBBqIIIB")
_POLYNOMIAL = 0x04C11DB7


@dataclass(frozen=True, slots=True)
class OggFacts:
    """Facts about a file, from its pages.

    Attributes:
        channels: number of channels.
        samples: length at 48,000 Hz: the last granule position less the pre-skip.
        pages_fit: whether all pages are of one stream, in order, and have the right checksum.
    """

    channels: int
    samples: int
    pages_fit: bool

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a whole file; raises :class:`ValueError` if it is not Opus in Ogg."""
        at, numbers, serials, granule, sums, head = 0, [], set(), 0, True, b""
        while at < len(data):
            mark, version, _, granule, serial, number, checksum, segments = _PAGE.unpack_from(data, at)
            if mark != b"OggS" or version != 0:
                raise ValueError("not an Ogg page")
            laces = data[at + _PAGE.size : at + _PAGE.size + segments]
            end = at + _PAGE.size + segments + sum(laces)
            head = head or data[at + _PAGE.size + segments : end]
            sums = sums and _checksum(data[at : at + 22] + bytes(4) + data[at + 26 : end]) == checksum
            numbers.append(number)
            serials.add(serial)
            at = end
        magic, _, channels, pre_skip = struct.unpack_from("<8sBBH", head)
        if magic != b"OpusHead":
            raise ValueError("not Opus")
        fit = sums and len(serials) == 1 and numbers == [*range(len(numbers))]
        return cls(channels, granule - pre_skip, fit)


def _checksum(page: bytes) -> int:
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (_POLYNOMIAL if register & 1 << 31 else 0)) & 0xFFFFFFFF
    return register
