"""Music from the web: files and streams of the hosts that the operator has named, through the guarded fetcher."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from yarl import URL

from bot.fetching.errors import FetchError, HostRefusedError
from bot.fetching.fetcher import (
    PRIVILEGED,
    WEB_PORTS,
    Fetcher,
    FetchLimits,
    FetchRequest,
    OpenFile,
    checked_url,
    host_of,
)
from bot.music.decoding import Content, MusicError, WebSource
from bot.music.library import ENDINGS, shown_title
from bot.music.station_titles import titles_every, without_titles
from bot.text import escape_markdown, shorten

MAX_MB = 25
"""Maximum size of a file. It is the same as for an attachment."""
MAX_REASON = 200
LIMITS = FetchLimits(size=MAX_MB * 1024**2, seconds=60.0, idle_seconds=15.0)
"""Bounds of a file. A stream has no size, and may take as long as it plays."""
STREAMED = frozenset(
    {"audio/mpeg", "audio/mp3", "audio/x-mpeg", "audio/aac", "audio/aacp", "audio/x-aac", "audio/ogg"}
    | {"application/ogg", "audio/opus", "audio/flac"}
)
"""The media types of streams. Content of another type is a file, unless headers show that it is from a station."""
STATION = "icy-"
"""The beginning of the headers by which many radio stations present themselves."""
REFUSED = "I may not fetch from {host}."
PAGE = "It is not a sound file that I can play, but a web page."
PLAYLIST = "It is not a sound file that I can play, but a list of addresses. Play one of those."
HLS = "It is not a sound file that I can play, but a stream in the form HLS, which I don't know."
_PAGES = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_HLS = re.compile(rb"\s*#EXTM3U\b.*^#EXT-X-", re.DOTALL | re.MULTILINE)
_PLAYLISTS = re.compile(rb"\s*(?:#EXTM3U\b|\[playlist\]|<asx\b|https?://)", re.IGNORECASE)
_MARKS = MappingProxyType({BOM_UTF8: "utf-8", BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"})
"""The byte-order marks with which programs on Windows begin a text, and the encoding that each stands for."""
_LOOKED_AT = 4_096
"""Bytes of a file that are looked at, to find out what it is if it is no sound."""
NOT_FETCHED = "I can't fetch it: {error}."
_WITHOUT_SCHEME = re.compile(
    r"https?:\S*|www\.\S+|(?:localhost|[\w-]+(?:\.[\w-]+)+)(?:/|:\d{2,5}(?:/|$))\S*", re.IGNORECASE
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WebPiece:
    """A sound file or a stream on the web. Its title is made from its address, and can be shown to people as it is."""

    title: str
    source: WebSource


def is_address(text: str) -> bool:
    """Whether a person means a web address, and not the name of a piece. Any scheme counts, to be refused later."""
    return _ADDRESS.match(_bare(text)) is not None


def lacks_scheme(text: str) -> bool:
    """Whether a text looks like a web address without its scheme, as browsers show addresses."""
    return _WITHOUT_SCHEME.fullmatch(_bare(text)) is not None


class WebMusic:
    """Makes pieces from web addresses. Nothing is fetched before a piece is about to be played.

    The operator has named the hosts, so one may be in the operator's network. No other host there is asked: a redirect
    from one host to another leads only to the public internet. What comes is only bytes for the decoder, which never
    learns the address, so a playlist leads nowhere.

    Args:
        hosts: the only hosts that are asked, also after a redirect, as :func:`~bot.fetching.fetcher.host_of` writes
            them.
    """

    def __init__(self, hosts: frozenset[str] = frozenset(), fetcher: Fetcher | None = None) -> None:
        self._hosts = hosts
        self._fetcher = fetcher or Fetcher()

    @property
    def has_hosts(self) -> bool:
        """Whether anything on the web may be played."""
        return bool(self._hosts)

    def piece(self, address: str) -> WebPiece:
        """The piece at an address.

        Raises:
            MusicError: the address may not be fetched. The text says why, for users.
        """
        address = _bare(address)
        try:
            url = checked_url(address)
        except FetchError as error:
            raise MusicError(_told(error)) from error
        if host_of(url) not in self._hosts:
            raise MusicError(REFUSED.format(host=shown_title(host_of(url))))
        if not _is_usual(url.port):
            raise MusicError(REFUSED.format(host=shown_title(f"{host_of(url)}:{url.port}")))
        return WebPiece(_title(url), WebSource(lambda: self._open(address)))

    @asynccontextmanager
    async def _open(self, address: str) -> AsyncIterator[Content]:
        with _faults_told():
            async with self._fetcher.open(FetchRequest(address, LIMITS, by_operator=True, hosts=self._hosts)) as file:
                yield _pieces(file) if _is_stream(file) else _sound(await file.read())


def _sound(data: bytes) -> bytes:
    """The content of a file. Raises :class:`MusicError` for a web page or playlist, which people take for music."""
    begin = _text(data[:_LOOKED_AT])
    for kind, told in ((_PAGES, PAGE), (_HLS, HLS), (_PLAYLISTS, PLAYLIST)):
        if kind.match(begin):
            raise MusicError(told)
    return data


def _text(begin: bytes) -> bytes:
    """The beginning of a file, converted to UTF-8 without a byte-order mark if it has such a mark."""
    for mark, encoding in _MARKS.items():
        if begin.startswith(mark):
            return begin.removeprefix(mark).decode(encoding, "ignore").encode()
    return begin


async def _pieces(file: OpenFile) -> AsyncIterator[bytes]:
    every, pieces = titles_every(file.headers), file.pieces()
    with _faults_told():
        async for piece in pieces if every is None else without_titles(pieces, every):
            yield piece


def _is_stream(file: OpenFile) -> bool:
    station = any(name.lower().startswith(STATION) for name in file.headers)
    return file.is_endless and (station or file.media_type in STREAMED)


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except HostRefusedError as error:
        raise MusicError(REFUSED.format(host=shown_title(error.host))) from error
    except FetchError as error:
        raise MusicError(_told(error)) from error


def _is_usual(port: int | None) -> bool:
    """Whether a port is one of the web's, or one that any program may have. The others belong to the system."""
    return port is not None and (port in WEB_PORTS or port >= PRIVILEGED)


def _told(error: FetchError) -> str:
    """The sentence about an error. Some of its words may come from a server."""
    return NOT_FETCHED.format(error=escape_markdown(shorten(" ".join(str(error).split()), MAX_REASON)))


def _bare(text: str) -> str:
    """An address without blanks, backticks and angle brackets. The last two keep Discord from showing a preview."""
    text = text.strip().strip("`")
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


def _title(url: URL) -> str:
    """The last part of an address without the ending of a sound file, or the host if that part has no words.

    Shoutcast's addresses end with ``/;``.
    """
    path = PurePosixPath(url.name.strip(";"))
    name = path.stem if path.suffix.lower() in ENDINGS else path.name
    return shown_title(name if any(map(str.isalnum, name)) else host_of(url))
