"""Removes the titles that radio stations put between the bytes of their sound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

EVERY = "icy-metaint"
"""The header with the number of bytes of sound between two titles."""
LEAST, MOST = 1_024, 1_024 * 1_024
"""Bounds of the number in the header :data:`EVERY`. All real stations keep to them. With a smaller number, most bytes
could be titles."""
BLOCK_BYTES = 16
"""A title is preceded by a byte that says how many blocks of this size it has."""


def titles_every(headers: Mapping[str, str]) -> int | None:
    """The number of bytes between two titles; ``None`` if the station sends none, or no usable number.

    Some stations send titles even to clients that have not asked for them.
    """
    try:
        every = int(headers.get(EVERY, ""))
    except ValueError:
        return None
    return every if LEAST <= every <= MOST else None


async def without_titles(pieces: AsyncIterator[bytes], every: int) -> AsyncIterator[bytes]:
    """The sound alone, of a station that sends a title after every ``every`` bytes of sound."""
    sound, title = every, 0
    async for piece in pieces:
        kept, at = bytearray(), 0
        while at < len(piece):
            if title:
                skipped = min(title, len(piece) - at)
                at, title = at + skipped, title - skipped
            elif sound:
                part = piece[at : at + sound]
                kept += part
                at, sound = at + len(part), sound - len(part)
            else:
                title, sound = piece[at] * BLOCK_BYTES, every
                at += 1
        if kept:
            yield bytes(kept)
