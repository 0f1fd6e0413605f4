"""How much of a clause is made at a time: little for the first sound, then as much as the sound in hand allows.

Every piece costs the columns around it once more, so few are best. A machine that has other work makes them slowly, and
the next one must be there before what is in hand has been heard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

FIRST_PIECE, LONGEST_PIECE = 12, 192
"""In columns, 11.6 ms each at 22,050 Hz."""
_GROWTH = 2
"""A piece may be so many times as long as the one before, however slow the machine."""
_SHARE = 0.6
"""Of the sound in hand, in which the next piece is to be made by the measure of the one before it.

It needs about half: the measure is of a smaller piece, and a column of those takes longer.
"""
_REST = 1.5
"""A rest that is not longer than so many pieces is one: it is hardly worth a piece of its own."""


def pieces(
    columns: int, around: int, seconds_a_column: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[int, int]]:
    """Where each begins and ends, by the column. One is asked for when the one before it has been made.

    Args:
        columns: of the whole.
        around: columns that each costs on top of its own.
        seconds_a_column: how long one sounds.
    """
    begin, size, first_heard = 0, FIRST_PIECE, 0.0
    while begin < columns:
        end = columns if columns - begin <= _REST * size else begin + size
        asked = clock()
        yield begin, end
        now = clock()
        first_heard = first_heard or now
        in_hand = end * seconds_a_column - (now - first_heard)
        each = max(now - asked, 1e-6) / (end - begin + around)
        affordable = int(_SHARE * in_hand / each) - around
        begin, size = end, min(max(_GROWTH * size, affordable), LONGEST_PIECE)
