"""Unpacks compressed bodies piece by piece, up to a limit, so that a small body can't fill the memory."""

from __future__ import annotations

import zlib

from bot.fetching.errors import FetchError, TooLargeError

ACCEPT_ENCODING = "gzip, deflate"
"""The value of the header ``Accept-Encoding``: the compressions that :class:`Unpacker` knows."""
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_DEFLATE_METHOD = 8
"""The low half of the first byte of zlib's format. Some servers leave zlib's header out of ``deflate``."""


class Unpacker:
    """Collects the pieces of a body and unpacks them.

    Args:
        encoding: the value of the header ``Content-Encoding``.
        limit: the largest number of bytes, both of the body as it comes and of the unpacked body.

    Raises:
        FetchError: the compression is not known.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding = encoding.strip().lower() or "identity"
        if self._encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            raise FetchError("it is packed in a way that I don't know")
        self._limit = limit
        self._came = 0
        self._body = bytearray()
        self._decompressor: zlib._Decompress | None = None

    def add(self, piece: bytes) -> None:
        """Add the next bytes that came.

        Raises:
            TooLargeError: there are more bytes than allowed.
            FetchError: the bytes are not what ``encoding`` says.
        """
        self._came += len(piece)
        if self._came > self._limit:
            raise too_large(self._limit)
        if self._encoding == "identity":
            self._body += piece
            return
        if not piece:
            return
        if self._decompressor is None:
            self._decompressor = zlib.decompressobj(self._window(piece))
        # One byte more than allowed is asked for, to tell a body that fits exactly from one that does not.
        room = self._limit - len(self._body) + 1
        try:
            self._body += self._decompressor.decompress(piece, room)
        except zlib.error as error:
            raise FetchError("it is packed in a broken way") from error
        if len(self._body) > self._limit:
            raise too_large(self._limit)

    def finish(self) -> bytes:
        """The unpacked body.

        Raises:
            FetchError: the compressed body breaks off.
        """
        if self._decompressor is not None and not self._decompressor.eof:
            raise FetchError("it is packed in a broken way")
        return bytes(self._body)

    def _window(self, piece: bytes) -> int:
        if self._encoding != "deflate":
            return _GZIP
        return _ZLIB if piece[0] & 0x0F == _DEFLATE_METHOD else _RAW


def too_large(limit: int) -> TooLargeError:
    """The error for more than ``limit`` bytes."""
    return TooLargeError(f"it has more than {limit / (1024 * 1024):.3g} MB")
