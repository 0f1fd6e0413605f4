"""Music on request, in calls over any transport: aloud, in writing, and by the model's tools."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.current_calls import Where, call_at
from bot.music.decoding import MusicError, Source
from bot.music.library import NotFoundInLibraryError, shown_title
from bot.music.player import PAUSED, SKIPPED, STOPPED, MusicPlayer, Playing, Track
from bot.music.service import MusicService
from bot.music.titles import TitleIndex
from bot.text import shorten
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.manager import CallManager
from bot.voice.spoken_music import MusicRefusedError
from bot.voice.utterances.voice_commands import VoiceCommand

OPENING_SECONDS = 15.0
"""Longest wait for the beginning of a piece, in seconds. If it begins or fails later, a message says so."""
MAX_NAME = 200
"""Maximum number of characters of a name that is looked for."""
MAX_TOLD = 5
"""Maximum number of waiting pieces that are named."""

NO_CALL = "There is no voice call here."
NO_LIBRARY = "There is no music here: nobody has set MUSIC_DIR."
NOTHING = "Nothing is playing."
NO_NAME = "Which piece? Say its name."
ENDED_BEFORE = "It was ended before it began."
FAILED = "❌ {title}: {error}"
OPENING = "⏳ {title} is being opened."


@dataclass(frozen=True, slots=True)
class MusicDone:
    """The result of a request about music.

    Attributes:
        written: a line for the prompt channel; empty if the channel has one already.
        sentence: the result in words, for the model. The model asks only for the operator's pieces, so it gets no title
            that people in the call have written.
        waits: whether the piece that was asked for waits until others have ended.
    """

    written: str
    sentence: str
    waits: bool = False


@dataclass(frozen=True, slots=True)
class AskedPiece:
    """A piece that somebody has asked for. Its title can be shown to people as it is."""

    title: str
    source: Source


class MusicControl:
    """Plays and controls the music of calls. Use it on the event loop.

    If music can't be played or changed, the methods raise :class:`~bot.music.decoding.MusicError`. It says why, in
    words that can be spoken.

    Args:
        manager: knows the calls.
        volume_at: returns the volume of music in a place, 0 to 2.
    """

    def __init__(
        self,
        manager: CallManager[Call[Any]],
        music: MusicService,
        volume_at: Callable[[int], Awaitable[float]],
    ) -> None:
        self._manager = manager
        self._music = music
        self._volume_at = volume_at

    @property
    def has_library(self) -> bool:
        """Whether there is music that can be asked for by its name."""
        return self._music.has_library

    async def play(self, where: Where, name: str) -> MusicDone:
        """Play the operator's piece of this name in the call at ``where``, after those that were asked for before."""
        self._require_call(where)
        if not self.has_library:
            raise MusicError(NO_LIBRARY)
        wanted = shorten(" ".join(name.split()), MAX_NAME)
        if not wanted:
            raise MusicError(NO_NAME)
        try:
            piece = await self._music.find(wanted)
        except NotFoundInLibraryError as error:
            raise MusicError(_spoken(error)) from error
        return await self.play_piece(where, AskedPiece(shown_title(piece.title), piece.path))

    async def play_piece(self, where: Where, piece: AskedPiece) -> MusicDone:
        """Play a piece in the call at ``where``, after those that were asked for before."""
        volume = await self._volume_at(self._require_call(where).server)
        # No await between this and the player's use, so the call can't end in between.
        call = self._require_call(where)
        try:
            player = self._music.require_player(call, volume)
            if player.playing is None and not player.waiting:
                begun = asyncio.get_running_loop().create_future()
                return await self._begin(call, player, Track(piece.title, piece.source, begun))
            before = player.add(Track(piece.title, piece.source))
        except (MusicError, UserError) as error:
            raise MusicError(_spoken(error)) from error
        plays = "Another piece plays" if before == 1 else f"{before} other pieces play"
        written = f"➕ {piece.title} ({before} before it)"
        return MusicDone(written, f"{piece.title} is in the queue. {plays} before it.", waits=True)

    async def _begin(self, call: Call[Any], player: MusicPlayer, track: Track) -> MusicDone:
        """Play the first piece, and wait until it begins."""
        begun = track.begun
        if begun is None:
            raise ValueError("nobody would learn that the piece begins")

        def tell(later: asyncio.Future[bool]) -> None:
            if later.cancelled():
                return
            error = later.exception()
            if error is not None:
                call.tell(FAILED.format(title=track.title, error=error))
            elif later.result():
                call.tell(f"▶️ {track.title}")

        try:
            player.add(track)
            await asyncio.wait([begun], timeout=OPENING_SECONDS)
            if not begun.done():
                sentence = f"{track.title} is being opened. It plays as soon as that is done."
                return MusicDone(OPENING.format(title=track.title), sentence)
            if not begun.result():
                raise MusicError(ENDED_BEFORE)
        finally:
            if not begun.done():
                begun.add_done_callback(tell)
        return MusicDone(f"▶️ {track.title}", f"{track.title} plays now.")

    def titles(self) -> TitleIndex:
        """The titles of the pieces, as they were at the last look into the library. Does not read the disk."""
        return self._music.titles

    async def look(self) -> None:
        """Look up which pieces the library has now, for :meth:`titles`."""
        await self._music.search("")

    async def carry_out(self, call: str, command: VoiceCommand, title: str) -> str:
        """Carry out what somebody asked aloud; see :class:`~bot.voice.spoken_music.SpokenMusicControl`."""
        try:
            match command:
                case VoiceCommand.PLAY:
                    return (await self.play(call, title)).written
                case VoiceCommand.MUSIC_PAUSE:
                    return self.pause(call).written
                case VoiceCommand.MUSIC_RESUME:
                    return self.resume(call).written
                case VoiceCommand.MUSIC_SKIP:
                    return self.skip(call).written
                case _:
                    return self.stop(call).written
        except MusicError as error:
            raise MusicRefusedError(str(error)) from error

    def pause(self, where: Where) -> MusicDone:
        """Pause the music."""
        player, playing = self.require_playing(where)
        if playing.paused:
            raise MusicError("The music is paused already.")
        player.pause()
        return MusicDone(PAUSED, "The music is paused.")

    def resume(self, where: Where) -> MusicDone:
        """Let the music go on after a pause."""
        player, playing = self.require_playing(where)
        if not playing.paused:
            raise MusicError("The music is not paused.")
        player.pause()
        return MusicDone(f"▶️ {playing.track.title}", "The music goes on.")

    def skip(self, where: Where) -> MusicDone:
        """End the piece that plays. The next one begins."""
        player, _ = self.require_playing(where)
        player.skip()
        return MusicDone(SKIPPED, f"The piece was ended. {'The next one' if player.waiting else 'No piece'} follows.")

    def stop(self, where: Where) -> MusicDone:
        """End all music, and forget what waits."""
        player, _ = self.require_playing(where)
        player.stop()
        return MusicDone(STOPPED, "The music is off, and nothing waits any more.")

    def now(self, where: Where) -> str:
        """What plays and what comes next, in sentences. Anybody may have written the titles."""
        player, playing = self.require_playing(where)
        waiting = [track.title for track in player.waiting]
        state = "is paused" if playing.paused else "plays"
        if playing.stream is None:
            state = "is being opened"
        length = "" if playing.live else f" of {round(playing.seconds)}"
        told = f"{playing.track.title} {state}"
        told += f", {round(playing.position)}{length} seconds." if playing.stream is not None else "."
        if not waiting:
            return f"{told} Nothing waits."
        more = f" and {len(waiting) - MAX_TOLD} more" if len(waiting) > MAX_TOLD else ""
        return f"{told} Next: {', '.join(waiting[:MAX_TOLD])}{more}."

    def _require_call(self, where: Where) -> Call[Any]:
        call = call_at(self._manager, where)
        if call is None:
            raise MusicError(NO_CALL)
        return call

    def require_playing(self, where: Where) -> tuple[MusicPlayer, Playing]:
        """The player of the call at ``where``, and what it plays now."""
        player = self._music.player(self._require_call(where))
        # A piece that somebody has ended is still fading out.
        if player is None or player.playing is None or (player.playing.skipped and not player.waiting):
            raise MusicError(NOTHING)
        return player, player.playing


def _spoken(error: Exception) -> str:
    """The text of an error without the emoji at its beginning."""
    return str(error).lstrip("❌❓ ")
