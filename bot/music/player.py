"""The player of a call: plays one piece of music after another through the call's mixer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bot.music.decoding import BROKEN, DecodedMusic, MusicError, Source
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import Channel, MixedStream, StreamState
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

MAX_QUEUED = 20
"""Number of pieces that may wait."""

PAUSED = "⏸️ Paused."
SKIPPED = "⏭️ Skipped."
STOPPED = "⏹️ The music is off."
FULL = f"{MAX_QUEUED} pieces wait already."
OVER = "The call is over."
ENDED = "⏹️ {title}: its server has ended it."


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A piece that somebody wants to hear.

    Attributes:
        begun: gets True when the piece begins, False if it is skipped before, or the error if it can't be played.
            If it is ``None``, the player tells everybody of the piece instead.
    """

    title: str
    source: Source
    begun: asyncio.Future[bool] | None = None


@dataclass(slots=True, eq=False)
class Playing:
    """The piece that plays now.

    Attributes:
        stream: its sound in the mixer; ``None`` while it is being opened.
        seconds: its length, when it is known.
        live: whether it is a stream without an end. Sound that comes during a pause is lost.
    """

    track: Track
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stream: MixedStream | None = None
    seconds: float = 0.0
    live: bool = False
    skipped: bool = False
    paused: bool = False

    @property
    def position(self) -> float:
        """Seconds of the piece that were played."""
        return self.stream.position if self.stream is not None else 0.0

    @property
    def over(self) -> bool:
        """Whether nothing more of the piece will be heard."""
        return self.skipped or (self.stream is not None and self.stream.state is StreamState.OVER)


class MusicPlayer:
    """Plays tracks in their order. Use it only on the event loop. :meth:`close` ends everything that it has started.

    Args:
        mixer: the mixer of the call.
        open_source: decodes a piece; see :func:`~bot.music.decoding.decoding`.
        tell: writes to the people of the call what happens without their asking.
    """

    def __init__(
        self,
        mixer: Mixer,
        open_source: Callable[[Source], AbstractAsyncContextManager[DecodedMusic]],
        tell: Callable[[str], None],
    ) -> None:
        self._mixer = mixer
        self._open = open_source
        self._tell = tell
        self._waiting: deque[Track] = deque()
        self._playing: Playing | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def playing(self) -> Playing | None:
        """The piece that plays now, or is being opened."""
        return self._playing

    @property
    def waiting(self) -> tuple[Track, ...]:
        """The pieces that come next."""
        return tuple(self._waiting)

    def add(self, track: Track) -> int:
        """Play a piece after all others. Returns how many are before it.

        Raises:
            MusicError: too many wait, or the call is over.
        """
        if self._closed:
            raise MusicError(OVER)
        if len(self._waiting) >= MAX_QUEUED:
            raise MusicError(FULL)
        before = len(self._waiting) + (self._playing is not None)
        self._waiting.append(track)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="music")
        return before

    def pause(self) -> bool:
        """Pause what plays, or go on after a pause. Returns whether it is paused now; ``False`` if nothing plays."""
        playing = self._playing
        if playing is None:
            return False
        playing.paused = not playing.paused
        if playing.stream is not None:
            (playing.stream.pause if playing.paused else playing.stream.resume)()
        playing.changed.set()
        return playing.paused

    def skip(self) -> bool:
        """End what plays; the next piece begins. Returns whether anything played."""
        playing = self._playing
        if playing is None or playing.skipped:
            return False
        playing.skipped = True
        if playing.stream is not None:
            playing.stream.stop()
        playing.changed.set()
        return True

    def stop(self) -> bool:
        """End what plays, and forget what waits. Returns whether anything played."""
        self._forget_waiting()
        return self.skip()

    def _forget_waiting(self) -> None:
        for track in self._waiting:
            # These pieces will never play, and nobody else tells the people who wait for them.
            if track.begun is not None and not track.begun.done():
                track.begun.set_result(False)
        self._waiting.clear()

    async def close(self) -> None:
        """End everything, and forget what waits."""
        self._closed = True
        self._forget_waiting()
        if self._task is not None:
            await end_tasks(self._task)

    async def _run(self) -> None:
        while self._waiting:
            track = self._waiting.popleft()
            self._playing = Playing(track)
            try:
                await self._play(self._playing)
            except MusicError as error:
                self._fail(track, error)
            except Exception:
                _log.exception("A piece of music could not be played")
                self._fail(track, MusicError(BROKEN))
            finally:
                self._playing = None
                if track.begun is not None and not track.begun.done():
                    track.begun.set_result(False)

    def _fail(self, track: Track, error: MusicError) -> None:
        if track.begun is not None and not track.begun.done():
            track.begun.set_exception(error)
        else:
            self._tell(f"❌ {track.title}: {error}")

    async def _play(self, playing: Playing) -> None:
        """Play a piece to its end, or until it is skipped."""
        opening = asyncio.create_task(self._feed(playing), name="music: decoding")
        skipping = asyncio.create_task(self._until(playing, lambda: playing.skipped), name="music: skipping")
        try:
            await asyncio.wait([opening, skipping], return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
        finally:
            await end_tasks(opening, skipping)
            if playing.stream is not None:
                playing.stream.stop()

    async def _feed(self, playing: Playing) -> None:
        """Play a piece to its end or to a fault. All sound before the fault is played before people are told of it."""
        fault: MusicError | None = None
        try:
            async with self._open(playing.track.source) as music:
                stream = self._begin(playing, music)
                await self._write(playing, stream, music)
        except MusicError as error:
            if playing.stream is None:
                raise
            stream, fault = playing.stream, error
        stream.end()
        await self._until(playing, lambda: playing.over)
        if playing.skipped:
            return
        if fault is not None:
            raise fault
        if playing.live:
            self._tell(ENDED.format(title=playing.track.title))

    def _begin(self, playing: Playing, music: DecodedMusic) -> MixedStream:
        stream, begun = self._stream(playing), playing.track.begun
        playing.seconds, playing.live, playing.stream = music.seconds, music.live, stream
        if begun is None:
            self._tell(f"▶️ {playing.track.title}")
        elif not begun.done():
            begun.set_result(True)
        return stream

    async def _write(self, playing: Playing, stream: MixedStream, music: DecodedMusic) -> None:
        """Decode a piece, as fast as it is played, until there is no more of it or nobody wants it any more."""
        async for frame in music.frames():
            await self._until(playing, lambda: not stream.full or (playing.live and playing.paused))
            if playing.over:
                return
            if not stream.full:
                stream.write(frame)

    def _stream(self, playing: Playing) -> MixedStream:
        loop, told = asyncio.get_running_loop(), False

        def on_loop() -> None:
            nonlocal told
            playing.changed.set()
            if not told and stream.state is StreamState.STALLED:
                told = True
                self._tell(f"⏳ {playing.track.title} has stalled. It goes on when there is more of it.")

        def changed() -> None:
            # When a call ends, its event loop may be closed while the sending thread still has a frame.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(on_loop)

        stream = MixedStream(Channel.MUSIC, changed)
        if playing.paused:
            stream.pause()
        self._mixer.add(stream)
        return stream

    @staticmethod
    async def _until(playing: Playing, true: Callable[[], bool]) -> None:
        while not true():
            playing.changed.clear()
            await playing.changed.wait()
