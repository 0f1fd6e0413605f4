"""A stream of sound that is mixed beneath the bot's voice, such as one piece of music or an effect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, StrEnum, auto

from audio.samples import FRAME_SECONDS
from bot.voice.mixing.levels import FRAME_BYTES, Stereo, approach, from_frame, scaled

FADE_SECONDS = 0.1
"""Seconds in which a stream fades in, and out before it pauses, stops or stalls."""
FADE_FRAMES = round(FADE_SECONDS / FRAME_SECONDS)
START_FRAMES = 25
"""Number of frames (0.5 s) that have to be waiting before a stream begins or goes on, unless no more will come."""
FULL_FRAMES, LOW_FRAMES = 100, 50
"""Number of waiting frames (2 s, 384 kB) at which a stream is full, and number (1 s) at which there is room again."""


class Channel(StrEnum):
    """The channels of the mixer beside the bot's voice. Each has a volume of its own."""

    MUSIC = "music"
    EFFECTS = "effects"
    BED = "bed"
    """A quiet sound while the bot thinks."""
    AMBIENCE = "ambience"
    """Background sound that belongs to the persona, during the whole call."""


AMBIENCE_SHARE = 0.4
"""The volume of ambience, as a share of that of music."""
HUSHED = frozenset({Channel.BED})
"""The channels that are silent while the bot speaks."""
DUCKED = frozenset({Channel.MUSIC, Channel.BED, Channel.AMBIENCE})
"""The channels that get quieter while somebody speaks."""


class StreamState(Enum):
    """What a stream does now."""

    BUFFERING = auto()
    """It has not begun: there is not enough sound yet."""
    PLAYING = auto()
    STALLED = auto()
    """It has faded out, because its sound comes too slowly. It goes on when there is enough again."""
    OVER = auto()


class _Wanted(Enum):
    PLAY = auto()
    PAUSE = auto()
    STOP = auto()


class MixedStream:
    """One stream: frames that wait to be mixed. It fades in when it begins or goes on, and out before it falls silent.

    The event loop calls everything but :meth:`take`. The mixer calls :meth:`take` on the sending thread. Both threads
    share a deque, whose operations are atomic, and never wait for each other.

    Args:
        channel: the channel in which the stream plays.
        changed: called on the sending thread when the state has changed, or when there is room again. It must not
            block.

    Attributes:
        state: changed by the sending thread alone.
        played: number of frames that were taken.
    """

    def __init__(self, channel: Channel, changed: Callable[[], None] = lambda: None) -> None:
        self.channel = channel
        self.state = StreamState.BUFFERING
        self.played = 0
        self.wake: Callable[[], None] = lambda: None
        self._changed = changed
        self._frames: deque[bytes] = deque()
        self._wanted = _Wanted.PLAY
        self._ended = False
        self._gain = 0.0

    @property
    def full(self) -> bool:
        """Whether no more frames should be written now. The stream reports when there is room again."""
        return len(self._frames) >= FULL_FRAMES and self.state is not StreamState.OVER

    @property
    def paused(self) -> bool:
        """Whether the stream is to be silent until :meth:`resume`."""
        return self._wanted is _Wanted.PAUSE

    @property
    def position(self) -> float:
        """Seconds of the stream that were taken."""
        return self.played * FRAME_SECONDS

    def write(self, pcm: bytes) -> None:
        """Add a frame: 3,840 bytes of stereo 16-bit PCM at 48,000 Hz. A shorter one is filled up with silence."""
        self._frames.append(pcm.ljust(FRAME_BYTES, b"\0"))
        self.wake()

    def end(self) -> None:
        """No more frames come. The stream is over when those that wait were played."""
        self._ended = True
        self.wake()

    def pause(self) -> None:
        """Fade out, and keep the frames that wait."""
        if self._wanted is _Wanted.PLAY:
            self._wanted = _Wanted.PAUSE

    def resume(self) -> None:
        """Fade in again after :meth:`pause`."""
        if self._wanted is _Wanted.PAUSE:
            self._wanted = _Wanted.PLAY
            self.wake()

    def stop(self) -> None:
        """Fade out and be over."""
        self._wanted = _Wanted.STOP
        self.wake()

    def take(self) -> Stereo | None:
        """The next frame, or ``None`` while the stream is silent or when it is over."""
        if self.state is StreamState.OVER:
            return None
        enough = self._enough()
        target = 1.0 if self._wanted is _Wanted.PLAY and enough else 0.0
        if target == self._gain == 0.0:
            self._fall_silent(enough)
            return None
        if not self._frames:
            self._gain = 0.0
            self._become(StreamState.OVER if self._ended else StreamState.STALLED)
            return None
        frame = self._frames.popleft()
        self.played += 1
        before, self._gain = self._gain, approach(self._gain, target, FADE_SECONDS)
        if target:
            self._become(StreamState.PLAYING)
        if len(self._frames) == LOW_FRAMES:
            self._changed()
        return scaled(from_frame(frame), before, self._gain)

    def _enough(self) -> bool:
        """Whether there is enough sound to play: to begin, to go on after a stall, or to go on now."""
        needed = FADE_FRAMES + 1 if self.state is StreamState.PLAYING else START_FRAMES
        return self._ended or len(self._frames) >= needed

    def _fall_silent(self, enough: bool) -> None:
        if self._wanted is _Wanted.STOP:
            self._become(StreamState.OVER)
        elif not enough and self.state is StreamState.PLAYING:
            self._become(StreamState.STALLED)

    def _become(self, state: StreamState) -> None:
        if state is self.state:
            return
        self.state = state
        if state is StreamState.OVER:
            self._frames.clear()
        self._changed()
