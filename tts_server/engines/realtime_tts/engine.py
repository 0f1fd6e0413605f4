"""Adapter that makes a ``SpeechEngine`` of any engine that was written for RealtimeTTS.

It uses only RealtimeTTS's engine interface. It does not use RealtimeTTS's stream, sentence splitter and player, because
the server itself splits texts and stops speech.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
from RealtimeTTS.engines.base_engine import BaseEngine

from audio.decode import NotSoundError, resampled
from audio.samples import Samples
from tts_server.dsp import TempoChanger
from tts_server.engines.base import AlwaysLoaded, EngineError, Voice
from tts_server.engines.offline import nothing_fetched
from tts_server.engines.realtime_tts.failures import explain, no_sound
from tts_server.engines.realtime_tts.voices import RealtimeTtsVoices
from wire.parameters import SpeechParameters

# PortAudio's sample formats (portaudio.h), with which RealtimeTTS's engines declare the format of their sound.
PA_FLOAT32 = 1
PA_INT32 = 2
PA_INT16 = 8
PA_CUSTOM = 65536

FILE_RATE = 48_000
"""Sample rate, in Hz, for engines that put sound files into their queue: their sound is resampled to it."""
SILENCE_TIMEOUT = 60.0
"""If an engine that is speaking gives no sound for this many seconds, the text fails."""
STOP_TIMEOUT = 5.0
"""If an engine does not stop speaking the last text within this many seconds, the text that waits for it fails."""
_DTYPES: dict[int, np.dtype[Any]] = {
    PA_FLOAT32: np.dtype("<f4"),
    PA_INT32: np.dtype("<i4"),
    PA_INT16: np.dtype("<i2"),
}
_POLL_SECONDS = 0.01
_STOP_WAIT_SECONDS = 0.03
"""When a text is stopped, this is the maximum wait for the engine to stop, in seconds. Then the stopping goes on in the
background."""
# Enough bytes to recognize an MP3 file.
_HEAD_BYTES = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Traits:
    """Properties of an engine that RealtimeTTS's interface does not tell.

    Attributes:
        supports: the parameters that the engine takes: ``speed``, ``pitch_shift``, or both.
        voice: the engine's default voice.
        languages: BCP 47 tags by the engine's own names of languages.
        pcm_rate: the real sample rate of the engine's raw PCM in Hz, if the engine reports a wrong rate.
        prepare: changes each text before the engine gets it, such as escaping it for XML.
        variants: returns the suffixes that any of the engine's voices can have.
        online: whether the engine may connect to other machines.
        keys: the values of the engine's secrets, by the names of their environment variables.
    """

    supports: Collection[str] = ()
    voice: str | None = None
    languages: Mapping[str, str] = field(default_factory=dict)
    pcm_rate: int | None = None
    prepare: Callable[[str], str] = str
    variants: Callable[[], Collection[str]] = tuple
    online: bool = True
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


class RealtimeTtsEngine(AlwaysLoaded):
    """A ``SpeechEngine`` around one of RealtimeTTS's engines.

    The engine speaks in a separate thread and fills a queue, which :meth:`synthesize` empties. The engine has one queue
    and one current voice, so it speaks one text at a time. If the engine does not stop when it is told to,
    :meth:`synthesize` returns nevertheless, and the next text waits until the engine has stopped.
    """

    concurrency = 1

    def __init__(
        self,
        engine: BaseEngine,
        default_voice: str | None = None,
        traits: Traits = Traits(),
        *,
        silence_timeout: float = SILENCE_TIMEOUT,
        stop_timeout: float = STOP_TIMEOUT,
    ) -> None:
        """Wrap ``engine``.

        Args:
            engine: the engine to wrap.
            default_voice: the voice to speak with if a request names none; ``None`` for the engine's own default.
            traits: the engine's properties that RealtimeTTS's interface does not tell.
            silence_timeout: see :data:`SILENCE_TIMEOUT`.
            stop_timeout: see :data:`STOP_TIMEOUT`.

        Raises:
            EngineError: the engine's sound has an unknown format.
            UnknownVoiceError: the engine has no voice ``default_voice``.
        """
        audio_format, channels, rate = engine.get_stream_info()
        if audio_format not in _DTYPES and audio_format != PA_CUSTOM:
            raise EngineError(f"{engine.engine_name} produces sound in a format that can't be read ({audio_format})")
        self.name: str = engine.engine_name
        self._dtype = _DTYPES.get(audio_format)
        self._channels = max(1, channels)
        self.sample_rate: int = (traits.pcm_rate or rate) if self._dtype else FILE_RATE
        self.shifts_pitch = "pitch_shift" in traits.supports
        self._engine = engine
        self._traits = traits
        self._voices = RealtimeTtsVoices(engine.get_voices() or [], traits.languages, traits.variants())
        self._voices.choose_default(default_voice, traits.voice)
        self._silence_timeout = silence_timeout
        self._stop_timeout = stop_timeout
        self._stopping: threading.Thread | None = None

    def voices(self) -> Sequence[Voice]:
        """Return every voice that the engine lists."""
        return self._voices.all

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice for a request; a voice's id may end in a variant, as in ``en-us+f3``."""
        return self._voices.resolve(voice, language)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, and yield its sound as the engine produces it."""
        self._await_previous(stop)
        if stop.is_set():
            return
        # Each text has its own queue, so that sound of a stopped text is dropped.
        job = _SpeechJob(lambda: self._speak(text, voice, parameters))
        self._engine.queue = job.chunks
        job.start()
        try:
            yield from self._at_tempo(self._samples(job, stop), parameters)
        except NotSoundError as error:
            if stop.is_set():
                return
            # A failing engine may have put an error message into the queue in place of sound. Its exception says more.
            self._check(job)
            raise EngineError(f"{self.name}: {error}") from error
        finally:
            self._end(job)
        if not stop.is_set():
            self._check(job)

    def _speak(self, text: str, voice: Voice, parameters: SpeechParameters) -> bool:
        """Speak in the job's thread; return whether the engine reports success."""
        # Engines print messages, which must not mix with this program's standard output.
        with nothing_fetched(forbidden=not self._traits.online), contextlib.redirect_stdout(sys.stderr):
            return self._speak_here(text, voice, parameters)

    def _speak_here(self, text: str, voice: Voice, parameters: SpeechParameters) -> bool:
        original = self._voices.original(voice)
        if original is not None:
            self._engine.set_voice(original)
        # Set every parameter for each text, because an engine keeps the last values.
        wanted = {"speed": parameters.speed or 1.0, "pitch_shift": parameters.pitch_shift}
        if given := {name: value for name, value in wanted.items() if name in self._traits.supports}:
            self._engine.set_voice_parameters(**given)
        return bool(self._engine.synthesize(self._traits.prepare(text)))

    def _samples(self, job: _SpeechJob, stop: threading.Event) -> Generator[Samples, None, None]:
        pieces = self._pieces(job, stop)
        if self._dtype is None:
            return file_samples(pieces, self.sample_rate)
        return pcm_samples(pieces, self._dtype, self._channels)

    def _pieces(self, job: _SpeechJob, stop: threading.Event) -> Iterator[bytes]:
        last_sound_at = time.monotonic()
        while not stop.is_set():
            try:
                chunk = job.chunks.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() - last_sound_at > self._silence_timeout:
                    raise EngineError(f"{self.name} gave no sound for {self._silence_timeout:g} s") from None
                continue
            if chunk is None:
                return
            last_sound_at, job.sounded = time.monotonic(), True
            yield chunk

    def _at_tempo(
        self, chunks: Generator[Samples, None, None], parameters: SpeechParameters
    ) -> Generator[Samples, None, None]:
        if "speed" in self._traits.supports or parameters.speed in (None, 1.0):
            yield from chunks
            return
        tempo = TempoChanger(parameters.speed, self.sample_rate)
        for chunk in chunks:
            if len(ready := tempo.push(chunk)):
                yield ready
        yield tempo.finish()

    def _end(self, job: _SpeechJob) -> None:
        if job.ended.is_set():
            return
        self._stopping = threading.Thread(
            target=self._stop_until_ended, args=(job,), name=f"{self.name}-stop", daemon=True
        )
        self._stopping.start()
        self._stopping.join(_STOP_WAIT_SECONDS)

    def _stop_until_ended(self, job: _SpeechJob) -> None:
        # Repeat the stop, because an engine that is just starting forgets an earlier stop.
        while not job.ended.is_set():
            try:
                self._engine.stop()
            except Exception as error:
                _log.warning("%s could not be stopped: %s", self.name, error)
            job.ended.wait(_POLL_SECONDS)

    def _await_previous(self, stop: threading.Event) -> None:
        since = time.monotonic()
        while self._stopping is not None and self._stopping.is_alive() and not stop.is_set():
            if time.monotonic() - since > self._stop_timeout:
                raise EngineError(f"{self.name} hangs: it does not stop speaking when it is told to")
            self._stopping.join(_POLL_SECONDS)

    def _check(self, job: _SpeechJob) -> None:
        if not job.ended.is_set():
            return
        if job.error is not None:
            raise EngineError(explain(self.name, job.error, self._traits.keys)) from job.error
        # Some online engines report success although they could not reach their service.
        if not job.spoken or (self._traits.online and not job.sounded):
            raise EngineError(no_sound(self.name, self._traits.keys, online=self._traits.online))

    def close(self) -> None:
        """Stop the engine and shut it down; give up after the stop timeout."""
        closing = threading.Thread(target=self._shut_down, name=f"{self.name}-close", daemon=True)
        closing.start()
        closing.join(self._stop_timeout)

    def _shut_down(self) -> None:
        try:
            self._engine.stop()
            self._engine.shutdown()
        except Exception as error:
            _log.warning("%s did not shut down: %s", self.name, error)


class _SpeechJob:
    """One text that an engine speaks, in a daemon thread, so that a hanging engine can't keep the process alive.

    Attributes:
        chunks: the sound so far; ``None`` marks the end.
        ended: set when the engine has returned.
        spoken: whether the engine reported success.
        sounded: whether there was any sound.
        error: the engine's exception, if it raised one.
    """

    def __init__(self, speak: Callable[[], bool]) -> None:
        self.chunks: queue.Queue[bytes | None] = queue.Queue()
        self.ended = threading.Event()
        self.spoken = self.sounded = False
        self.error: Exception | None = None
        self._speak = speak

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="realtime-tts", daemon=True).start()

    def _run(self) -> None:
        try:
            self.spoken = self._speak()
        except Exception as error:
            self.error = error
        finally:
            self.ended.set()
            self.chunks.put(None)


def pcm_samples(pieces: Iterator[bytes], dtype: np.dtype[Any], channels: int) -> Generator[Samples, None, None]:
    """Convert raw PCM, in pieces that may end within a sample, to mono samples of -1 to 1.

    Args:
        pieces: the PCM.
        dtype: integers, whose lowest value becomes -1, or floats, which are taken as they are.
        channels: the number of channels, which are mixed to one.
    """
    frame_bytes = dtype.itemsize * channels
    scale = 1 / -float(np.iinfo(dtype).min) if np.issubdtype(dtype, np.integer) else 1.0
    rest = b""
    for piece in pieces:
        data = rest + piece
        whole = len(data) - len(data) % frame_bytes
        rest = data[whole:]
        if whole:
            frames = np.frombuffer(data[:whole], dtype).reshape(-1, channels)
            yield np.asarray(frames.mean(axis=1, dtype=np.float32) * np.float32(scale), np.float32)


def file_samples(pieces: Iterator[bytes], rate: int) -> Generator[Samples, None, None]:
    """Decode a sound file that arrives in pieces, to mono samples at ``rate`` Hz.

    MP3 is decoded frame by frame as it arrives. For other formats the decoder may need more of the file first.

    Raises:
        NotSoundError: the bytes contain no sound.
    """
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    if not head:
        return
    pieces = itertools.chain([head], pieces)
    heard = False
    try:
        for samples in resampled(_mp3_frames(pieces) if _is_mp3(head) else _frames(pieces), rate):
            heard = True
            yield samples
    except av.FFmpegError as error:
        raise NotSoundError(f"its output can't be read as sound: {error}") from error
    if not heard:
        raise NotSoundError(f"its output is not sound; it begins with {head[:40]!r}")


def _is_mp3(head: bytes) -> bool:
    return head.startswith(b"ID3") or (head[0] == 0xFF and head[1] & 0xE0 == 0xE0)


def _mp3_frames(pieces: Iterator[bytes]) -> Iterator[av.AudioFrame]:
    # A demuxer would read 4 KB, which is more than half a second of sound, before it returned the first frame.
    codec = av.CodecContext.create("mp3", "r")
    if not isinstance(codec, av.AudioCodecContext):
        raise TypeError("mp3 is not an audio codec")
    # An empty piece makes the parser return the bytes that it still holds.
    for piece in itertools.chain(pieces, [b""]):
        for packet in codec.parse(piece):
            try:
                yield from codec.decode(packet)
            except av.InvalidDataError:
                # The packet is a tag, or a frame that depends on a missing earlier frame.
                continue


def _frames(pieces: Iterator[bytes]) -> Iterator[av.AudioFrame]:
    with av.open(_PiecesFile(pieces), "r") as container:
        if not container.streams.audio:
            raise NotSoundError("its output has no sound in it")
        yield from container.decode(container.streams.audio[0])


class _PiecesFile:
    """A file object over pieces of bytes. It can only be read forwards."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
