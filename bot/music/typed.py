"""Music as people ask for it in writing: on Discord, and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.current_calls import Where
from bot.music.control import OPENING, AskedPiece, MusicControl
from bot.music.decoding import MusicError
from bot.music.library import NotFoundInLibraryError, shown_title
from bot.music.player import Playing
from bot.music.service import MusicService
from bot.music.web_music import is_address, lacks_scheme
from bot.text import escape_markdown
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.mixing.stream import Channel
from config.spelling import comparable

EXAMPLES = 5
"""Number of pieces that are named to a person who does not say which one to play."""
ALL = "all"
"""The word after ``skip`` that ends all music."""
BAR = 20
"""Length of the bar that shows how much was played."""

WHAT = "❌ Say what to play: `{prefix}play NAME`{more}."
NO_LIBRARY = "❌ I have no music here (nobody has set MUSIC_DIR).{more}"
NO_SCHEME = "❓ If that is a web address, begin it with `https://` or `http://`."
ONE_ADDRESS = "❌ One address at a time, please."
ENDLESS = ". {title} has no end: `{prefix}skip` ends it."
NOTHING = "🎵 Nothing is playing. `{prefix}play NAME` plays a piece."
PLAYS_ON = " The music plays on: `{prefix}skip all` ends it."
OF_OTHER_BOTS: Mapping[str, str] = MappingProxyType(
    {
        "resume": "❓ `{prefix}pause` pauses the music, and typed once more lets it go on.",
        "next": "❓ `{prefix}skip` ends this piece of music, and the next one begins.",
        "radio": "❓ `{prefix}play ADDRESS` plays a radio station, if my operator has allowed its host.",
        "np": "❓ `{prefix}nowplaying` shows which music plays.",
        "stopmusic": "❓ `{prefix}skip all` ends all music.",
    }
)
"""Commands of other music bots, and what does the same here."""
NOT_SKIPPED = "❓ `{prefix}skip` ends this piece, and `{prefix}skip all` ends all music."


class TypedMusic:
    """Carries out typed requests about the music of calls. Use it on the event loop.

    All methods but :meth:`playing` return the answer for the person. All may raise :class:`~bot.user_error.UserError`.

    Args:
        prefix: the characters that a command begins with.
        takes_files: whether people can attach sound files where they type.
    """

    def __init__(self, control: MusicControl, music: MusicService, prefix: str, *, takes_files: bool) -> None:
        self._control = control
        self._music = music
        self._prefix = prefix
        self._takes_files = takes_files

    async def play(self, where: Where, words: str) -> str:
        """Play what these words name: one of the operator's pieces, or one on the web."""
        return await self.play_piece(where, await self._find(words))

    async def play_piece(self, where: Where, piece: AskedPiece) -> str:
        """Play a piece, after those that were asked for before."""
        try:
            done = await self._control.play_piece(where, piece)
        except MusicError as error:
            raise UserError(f"❌ {piece.title}: {error}") from error
        return done.written + (self._endless(where) if done.waits else "")

    def _endless(self, where: Where) -> str:
        """The sentence that is added if a person has asked for a piece while a stream plays; otherwise empty."""
        try:
            _, playing = self._control.require_playing(where)
        except MusicError:
            return ""
        endless = playing.live and not playing.skipped
        return ENDLESS.format(title=playing.track.title, prefix=self._prefix) if endless else ""

    def pause(self, where: Where) -> str:
        """Pause the music, or let it go on."""
        paused = self.playing(where).paused
        return (self._control.resume if paused else self._control.pause)(where).written

    def skip(self, where: Where, what: str = "") -> str:
        """End the piece that plays, so that the next one begins. If ``what`` is :data:`ALL`, end all music."""
        self.playing(where)
        if what.strip().casefold() == ALL:
            return self._control.stop(where).written
        if what.strip():
            raise UserError(NOT_SKIPPED.format(prefix=self._prefix))
        return self._control.skip(where).written

    def queue(self, where: Where) -> str:
        """Tell what plays, and what comes next."""
        line = playing_line(self.playing(where))
        waiting = self._control.require_playing(where)[0].waiting
        return "\n".join([line, *(f"{number}. {track.title}" for number, track in enumerate(waiting, 1))])

    def playing(self, where: Where) -> Playing:
        """The piece that plays now."""
        try:
            return self._control.require_playing(where)[1]
        except MusicError as error:
            raise UserError(NOTHING.format(prefix=self._prefix)) from error

    async def _find(self, words: str) -> AskedPiece:
        if not words.strip():
            more = f", `{self._prefix}play ADDRESS`" if self._music.web.has_hosts else ""
            more += ", or attach a sound file" if self._takes_files else ""
            raise UserError(WHAT.format(prefix=self._prefix, more=more) + await self._examples())
        if is_address(words):
            if sum(map(is_address, words.split())) > 1:
                raise UserError(ONE_ADDRESS)
            try:
                piece = self._music.web.piece(words)
            except MusicError as error:
                raise UserError(f"❌ {error}") from error
            return AskedPiece(piece.title, piece.source)
        if not self._music.has_library:
            raise UserError(NO_SCHEME if lacks_scheme(words) else NO_LIBRARY.format(more=self._instead()))
        try:
            found = await self._music.find(words)
        except NotFoundInLibraryError as error:
            raise UserError(NO_SCHEME if lacks_scheme(words) else escape_markdown(str(error))) from error
        return AskedPiece(shown_title(found.title), found.path)

    def _instead(self) -> str:
        """A sentence about what people can play without a library; empty if there is nothing."""
        ways = ["give me a web address"] if self._music.web.has_hosts else []
        ways += ["attach a sound file"] if self._takes_files else []
        return f" {' or '.join(ways).capitalize()}." if ways else ""

    async def _examples(self) -> str:
        pieces = await self._music.search("")
        if not pieces:
            return ""
        titles = ", ".join(shown_title(piece.title) for piece in pieces[:EXAMPLES])
        return f" I have {titles}{f' and {len(pieces) - EXAMPLES} more' if len(pieces) > EXAMPLES else ''}."


def music_hint(call: Call[Any], prefix: str) -> str:
    """The sentence that is added to the answer if a person wants silence while music plays; otherwise empty."""
    return PLAYS_ON.format(prefix=prefix) if call.mixer.plays(Channel.MUSIC) else ""


def named_otherwise(typed: str, prefix: str) -> str | None:
    """The answer to a command of other music bots, in any spelling; ``None`` for any other name."""
    answer = OF_OTHER_BOTS.get(comparable(typed))
    return answer.format(prefix=prefix) if answer is not None else None


def playing_line(playing: Playing) -> str:
    """The title of what plays, and whether it is paused, or being opened."""
    if playing.stream is None and not playing.paused:
        return OPENING.format(title=playing.track.title)
    return f"{'⏸️' if playing.paused else '▶️'} {playing.track.title}"


def playing_text(playing: Playing) -> str:
    """What plays, and a bar with the position and the length: ``▬▬▬🔘▬▬ 1:05 / 3:20``.

    Of a stream, only the position is shown; of a piece that is being opened, neither.
    """
    if playing.stream is None:
        return playing_line(playing)
    if playing.live:
        return f"{playing_line(playing)}\n🔴 {_minutes(playing.position)}"
    share = playing.position / playing.seconds if playing.seconds else 0.0
    at = min(int(share * BAR), BAR - 1)
    bar = f"{'▬' * at}🔘{'▬' * (BAR - 1 - at)}"
    return f"{playing_line(playing)}\n{bar} {_minutes(playing.position)} / {_minutes(playing.seconds)}"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
