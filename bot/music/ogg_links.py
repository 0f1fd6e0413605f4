"""Chained Ogg, as radio stations send it. Each piece of music is a link, with a beginning and a codec of its own."""

from __future__ import annotations

from collections.abc import Callable

_SIGN = b"OggS\0"
_FLAGS, _SEGMENTS = 5, 26
"""Offsets in the head of a page: of its flags, and of the number of its segments. The segments' sizes follow."""
_HEAD_BYTES = _SEGMENTS + 1
_BEGINS = 2
"""The flag of a page with which the sound of a link begins."""


class OggLinks:
    """A stream for FFmpeg. If it is Ogg, each link of its chain seems to be a stream of its own.

    By itself, FFmpeg decodes a link with what it knows of the one before: there is a click, or FFmpeg gives up if the
    rate, the channels or the codec differ. So :meth:`read` returns nothing at the end of each link, until :meth:`go_on`
    moves to the next one.
    Other formats are handed on as they are. No more than one page (64 KiB) is held.

    Args:
        read: reads at most this many bytes, and returns those that have arrived; empty at the end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._source = read
        self._held = bytearray()
        self._open = 0
        """How many of the bytes that are held may be handed on."""
        self._is_ogg: bool | None = None
        self._begun = False
        """Whether a page without the flag :data:`_BEGINS` has come in this link."""

    def read(self, most: int) -> bytes:
        """At most ``most`` bytes; empty at the end of the link."""
        if self._is_ogg is None:
            self._is_ogg = self._hold(len(_SIGN)) and self._held.startswith(_SIGN)
        if not self._is_ogg and not self._held:
            return self._source(most)
        if self._open == 0:
            self._open = self._next() if self._is_ogg else len(self._held)
        piece = bytes(self._held[: min(most, self._open)])
        del self._held[: len(piece)]
        self._open -= len(piece)
        return piece

    def go_on(self) -> bool:
        """Begin the next link. Returns whether there is one."""
        self._begun = False
        return bool(self._held)

    def _next(self) -> int:
        """The size of the next page; 0 if it belongs to the next link, or if there is none."""
        if not self._hold(_HEAD_BYTES):
            return len(self._held)
        if not self._held.startswith(_SIGN):
            # Something is missing. FFmpeg finds its way to the next page.
            at = self._held.find(_SIGN, 1)
            return at if at > 0 else len(self._held) - len(_SIGN) + 1
        begins = bool(self._held[_FLAGS] & _BEGINS)
        if begins and self._begun:
            return 0
        self._begun = self._begun or not begins
        head = _HEAD_BYTES + self._held[_SEGMENTS]
        if not self._hold(head):
            return len(self._held)
        size = head + sum(self._held[_HEAD_BYTES:head])
        return size if self._hold(size) else len(self._held)

    def _hold(self, count: int) -> bool:
        """Read until ``count`` bytes are held. Returns whether there were as many."""
        while len(self._held) < count:
            piece = self._source(count - len(self._held))
            if not piece:
                return False
            self._held += piece
        return True
