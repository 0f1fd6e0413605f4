"""The sounds of one call: short sounds that play over speech and music, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from audio.samples import FRAME_SECONDS
from bot.music.decoding import DecodedMusic, MusicError, Source
from bot.user_error import UserError
from bot.voice.call import CALL_OVER
from bot.voice.mixing.levels import FRAME_BYTES
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import FADE_FRAMES, Channel, MixedStream, StreamState

MAX_SECONDS = 30.0
"""Length of the longest sound."""
MAX_FRAMES = round(MAX_SECONDS / FRAME_SECONDS) + 1
MAX_AT_ONCE = 3
"""Number of sounds that may play at the same time."""

TOO_LONG = f"It is longer than {MAX_SECONDS:.0f} seconds."
STOPPED = "❌ It was stopped before it began."
BUSY = f"❌ {MAX_AT_ONCE} sounds play already. Try again in a moment."

OpenSource = Callable[[Source], AbstractAsyncContextManager[DecodedMusic]]


class CallSounds:
    """The sounds that play in a call. Use it on the event loop. :meth:`close` ends everything that it has started.

    Sounds are not turned down while somebody speaks, and an interruption of the bot does not end them.

    Args:
        mixer: the mixer of the call.
        open_source: decodes a sound; see :func:`~bot.music.decoding.decoding`.
    """

    def __init__(self, mixer: Mixer, open_source: OpenSource) -> None:
        self._mixer = mixer
        self._open = open_source
        self._opening: set[asyncio.Task[None]] = set()
        self._streams: list[MixedStream] = []
        self._closed = False

    async def play(self, source: Source) -> None:
        """Play a sound at once, over those that play. Returns when it begins.

        Raises:
            UserError: :data:`MAX_AT_ONCE` sounds play already, or the call is over.
            MusicError: the sound can't be played.
        """
        if self._closed:
            raise UserError(CALL_OVER)
        self._streams = [stream for stream in self._streams if stream.state is not StreamState.OVER]
        if len(self._streams) + len(self._opening) >= MAX_AT_ONCE:
            raise UserError(BUSY)
        opening = asyncio.create_task(self._begin(source), name="sound: decoding")
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            await asyncio.wait([opening])
        finally:
            opening.cancel()
        if opening.cancelled():
            raise UserError(CALL_OVER if self._closed else STOPPED)
        opening.result()

    def stop(self) -> bool:
        """Fade out all sounds, and forget those that have not begun. Returns whether there were any."""
        stopped = bool(self._opening) or any(stream.state is not StreamState.OVER for stream in self._streams)
        for opening in self._opening:
            opening.cancel()
        for stream in self._streams:
            stream.stop()
        return stopped

    async def close(self) -> None:
        """End everything."""
        self._closed = True
        self.stop()
        await asyncio.gather(*self._opening, return_exceptions=True)

    async def _begin(self, source: Source) -> None:
        """Decode all of a sound, which is 6 MB at most, and let it play."""
        async with self._open(source) as sound:
            frames = []
            async for frame in sound.frames():
                frames.append(frame)
                # The decoder refuses sounds that are too long. This bound limits the bot's memory even if it does not.
                if len(frames) > MAX_FRAMES:
                    raise MusicError(TOO_LONG)
        stream = MixedStream(Channel.EFFECTS)
        # A stream fades in. Silence comes first, so that the fade takes nothing of a drum's beat.
        for frame in (*[bytes(FRAME_BYTES)] * FADE_FRAMES, *frames):
            stream.write(frame)
        stream.end()
        self._streams.append(stream)
        self._mixer.add(stream)
