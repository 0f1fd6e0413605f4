"""The process that decodes a stream of the web: ``python -m bot.music.live_process``.

It decodes what comes over its standard input, as it comes, and writes what
:mod:`bot.music.decoding_process` writes: one line of JSON, and then the sound. Nobody can measure a stream before it is
played, so a slow gain levels it. The process reads no faster than its output is read, so it needs little memory.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from audio.decode import COMMON_FORMATS, NotSoundError, TooLongSoundError, decoded
from audio.samples import SPEAKING_FRAME, SPEAKING_RATE, Samples
from bot.music.decoding_process import BROKEN_OFF, MOST_DB, NO_SOUND, TARGET_LUFS, confine, sane, say
from bot.music.ogg_links import OggLinks
from bot.music.slow_gain import SlowGain
from bot.voice.mixing.levels import Stereo, to_frame
from config.output import whole_output

MAX_HOURS = 12
"""After this time a stream is ended."""
TOO_LONG = 2
"""Exit status of a process that has ended a stream after :data:`MAX_HOURS`."""
MEMORY_BYTES, CPU_SECONDS = 1024**3, 3_600
AHEAD_FRAMES = 25
"""Number of frames (0.5 s) that are measured before the first one is levelled, so that its loudness is known."""
BOUNDS = replace(
    COMMON_FORMATS,
    demuxers="ogg,mp3,aac,flac",
    max_seconds=3_600.0 * MAX_HOURS,
    max_broken_packets=1_000,
    probe_bytes=256 * 1024,
)
FAULTS = (NotSoundError, TooLongSoundError, MemoryError)
"""The errors that end the sound of a stream before the stream ends."""
STDIN = 0


def main() -> int:
    """Decode the stream. Returns the exit status."""
    confine(MEMORY_BYTES, CPU_SECONDS)
    output = whole_output()
    begun = False
    try:
        for frame in levelled(frames(links(OggLinks(partial(os.read, STDIN))))):
            if not begun:
                begun = True
                say(output, {"seconds": 0.0})
            output.write(to_frame(frame))
            output.flush()
    except TooLongSoundError:
        return TOO_LONG
    except (NotSoundError, MemoryError):
        if begun:
            return BROKEN_OFF
    if not begun:
        say(output, {"error": NO_SOUND})
    return 0


def links(chain: OggLinks, max_seconds: float = BOUNDS.max_seconds) -> Iterator[Samples]:
    """The sound of all links of a stream, one after the other, in the pieces of :func:`~audio.decode.decoded`."""
    left = max_seconds
    while True:
        bounds = replace(BOUNDS, max_seconds=left)
        for piece in decoded(chain, SPEAKING_RATE, bounds, channels=2):  # type: ignore[arg-type]
            left -= len(piece) / 2 / SPEAKING_RATE
            yield piece
        if not chain.go_on():
            return


def frames(sound: Iterable[Samples]) -> Iterator[Stereo]:
    """Stereo sound, left and right samples taking turns, in whole frames. An incomplete frame at the end is dropped."""
    size = 2 * SPEAKING_FRAME
    rest = np.zeros(0, np.float32)
    for piece in sound:
        rest = np.concatenate([rest, sane(piece)])
        whole = len(rest) // size * size
        yield from rest[:whole].reshape(-1, SPEAKING_FRAME, 2)
        rest = rest[whole:]


def levelled(sound: Iterable[Stereo]) -> Iterator[Stereo]:
    """The frames, as loud as other music. If the sound breaks off, all frames before that are yielded first.

    A stream that breaks off before :data:`AHEAD_FRAMES` is no sound: any bytes can look like a little sound.
    """
    gain, waiting, fault = SlowGain(TARGET_LUFS, MOST_DB), deque[Stereo](), None
    try:
        for frame in sound:
            gain.hear(frame)
            waiting.append(frame)
            if len(waiting) > AHEAD_FRAMES:
                yield gain.level(waiting.popleft())
    except FAULTS as error:
        if len(waiting) < AHEAD_FRAMES:
            raise
        fault = error
    yield from map(gain.level, waiting)
    if fault is not None:
        raise fault


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader has stopped the stream.
        os._exit(0)
