"""Records a call as WAV files: one for each person, one for the bot's voice and one for music.

All files have the same start and length. There is one for music only if some was played.
"""

from __future__ import annotations

import logging
import queue
import re
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from audio.samples import HEARING_RATE, SPEAKING_RATE, Samples, Sound16
from audio.wav import MAX_SAMPLES, WavFile
from bot.llm.cleaning import clean_name
from bot.recorded_answers import RECORDINGS_DIR, Span

_log = logging.getLogger(__name__)

MAX_WAITING = 4_096
"""Maximum number of pieces of sound that wait for the disk: about 8 s of ten speakers. If more come, they are left
out."""
SAVE_SECONDS = 1.0
"""Seconds between two writes of the files to the disk."""
SLACK_SECONDS = 0.12
"""Gaps longer than this (in seconds) are filled with silence. Shorter gaps come from packets that arrive unevenly."""
MAX_AHEAD_SECONDS = 0.5
"""If a burst of late packets puts a file more than this (in seconds) ahead of the clock, sound is left out."""
SPARE_SECONDS = 60.0
"""A recording ends this many seconds before its WAV files would reach their greatest length."""

_UNSAFE = re.compile(r"[^\w-]+")


class RecordingError(Exception):
    """A recording can't be made. The message says why, for users."""


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """The limits at which a recording ends by itself.

    Attributes:
        hours: greatest length of a recording, in hours.
        min_free_bytes: least free space on the disk, in bytes. With less, the recording ends.
    """

    hours: float = 6.0
    min_free_bytes: int = 500_000_000


def recording_folder(data_dir: Path, channel: str, call: str, now: datetime) -> Path:
    """The folder in ``data_dir`` of a recording that begins ``now``: ``recordings/20260131T120000Z-Lounge.3f29c0de``.

    Its name ends with the id of the call, so that calls in channels of the same name get different folders.
    """
    return data_dir / RECORDINGS_DIR / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{file_name(channel)}.{call}"


def file_name(name: str) -> str:
    """Turn a name into a file name of at most 32 characters that is valid on all file systems."""
    return _UNSAFE.sub("_", unicodedata.normalize("NFKC", clean_name(name)))[:32].strip("_") or "unnamed"


class _Own(StrEnum):
    """The bot's own files, by their names without the ending."""

    VOICE = "bot"
    BACKGROUND = "music"


_Track = int | _Own
"""The file that sound belongs to: that of a person, by user id, or one of the bot's own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A piece of sound.

    Attributes:
        track: the file that the sound belongs to.
        at: when the sound arrived or was sent, in monotonic seconds.
        reply: id of the reply that the sound belongs to; ``None`` for other sound.
    """

    track: _Track
    sound: Samples
    at: float
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class _Forget:
    """A request to delete a person's file."""

    person: int


class CallRecorder:
    """Records a call from :meth:`start` to :meth:`close`, in a thread of its own.

    :meth:`heard`, :meth:`spoken`, :meth:`background` and :meth:`forget` may be called from any thread. The first three
    never wait for the disk: if the disk is too slow, sound is left out, which is logged once.

    Args:
        folder: the folder of the recording, which :meth:`prepare` makes; see :func:`recording_folder`.
        name_of: returns a person's display name. It is called on the recorder's thread.
        on_end: called with the reason when the recording ends by itself, on the recorder's thread.
        bot_rate: sample rate of the bot's sound, in Hz.
        limits: the limits at which the recording ends by itself.
        disk_free: returns the free space in bytes on the disk of a folder.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        name_of: Callable[[int], str],
        on_end: Callable[[str], None],
        *,
        bot_rate: int = SPEAKING_RATE,
        limits: RecordingLimits | None = None,
        disk_free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._name_of = name_of
        self._on_end = on_end
        self._bot_rate = bot_rate
        limits = limits or RecordingLimits()
        self._min_free_bytes = limits.min_free_bytes
        self._max_seconds = min(limits.hours * 3_600, MAX_SAMPLES / max(bot_rate, HEARING_RATE) - SPARE_SECONDS)
        self._disk_free = disk_free
        self._clock = clock
        self._began = 0.0
        self._prepared = False
        self._recording = False
        self._overrun = False
        self._forgotten: frozenset[int] = frozenset()
        self._files: dict[_Track, WavFile] = {}
        self._spans: dict[str, tuple[Span, ...]] = {}
        self._waiting: queue.SimpleQueue[_Piece | _Forget | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="call recorder", daemon=True)

    @property
    def recording(self) -> bool:
        """Whether the recording has started and has not ended."""
        return self._recording

    @property
    def spans(self) -> Mapping[str, tuple[Span, ...]]:
        """Where each reply is in the bot's file; in several places if it paused. Complete after :meth:`close`."""
        return self._spans

    def prepare(self) -> None:
        """Make the folder, and check the free space. Blocks: it uses the disk.

        Raises:
            RecordingError: the folder can't be made, or the disk is nearly full.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            # Only the bot's own user may read the folder, since it has people's voices.
            self.folder.mkdir(mode=0o700)
            full = self._disk_full()
        except OSError as error:
            raise RecordingError(f"I can't record: {error.strerror or error} ({self.folder.name}).") from error
        if full:
            self.folder.rmdir()
            raise RecordingError("I can't record: the disk is nearly full.")
        self._prepared = True

    def discard(self) -> None:
        """Undo :meth:`prepare` if the recording was never started. Blocks: it uses the disk."""
        if self._prepared and not self._thread.ident:
            self.folder.rmdir()

    def start(self) -> None:
        """Start to record. Calls :meth:`prepare` if that was not done before.

        Raises:
            RecordingError: the folder can't be made, or the disk is nearly full.
        """
        if not self._prepared:
            self.prepare()
        self._began = self._clock()
        self._recording = True
        self._thread.start()

    def heard(self, person: int, sound: Sound16, at: float) -> None:
        """Record sound of a person, mono at 16,000 Hz. ``at`` is its time of arrival in monotonic seconds."""
        if person not in self._forgotten:
            self._enqueue(_Piece(person, sound, at))

    def spoken(self, sound: Samples, at: float, reply: str | None = None) -> None:
        """Record sound of the bot, mono at ``bot_rate``.

        Args:
            at: when the sound was sent, in monotonic seconds.
            reply: id of the reply that the sound belongs to.
        """
        self._enqueue(_Piece(_Own.VOICE, sound, at, reply))

    def background(self, sound: Samples, at: float) -> None:
        """Record what was played beneath the bot's voice, mono at ``bot_rate``, sent at ``at``."""
        self._enqueue(_Piece(_Own.BACKGROUND, sound, at))

    def _enqueue(self, piece: _Piece) -> None:
        if not self._recording:
            return
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put(piece)
        elif not self._overrun:
            self._overrun = True
            _log.warning("The disk is too slow for the recording: some sound is left out")

    def forget(self, person: int) -> None:
        """Delete this person's file, and record nothing more of the person. Works after :meth:`close` too."""
        self._forgotten |= {person}
        self._waiting.put(_Forget(person))
        if not self._recording:
            for path in self.folder.glob(f"*-{person}.wav"):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write the waiting sound and close the files. May be called again. Blocks: it uses the disk."""
        self._recording = False
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()

    # The following methods run on the recorder's thread.

    def _run(self) -> None:
        try:
            reason = self._record()
        except Exception:
            _log.exception("The recording failed")
            reason = "The recording has ended: a file could not be written."
        self._recording = False
        self._close_files()
        if reason is not None:
            _log.warning("%s", reason)
            self._on_end(f"⏹️ {reason}")

    def _record(self) -> str | None:
        """Record until :meth:`close` or a limit. Returns the text for users at a limit, and ``None`` otherwise."""
        save_at = self._clock() + SAVE_SECONDS
        while True:
            try:
                match self._waiting.get(timeout=SAVE_SECONDS):
                    case _Piece() as piece:
                        self._write(piece)
                    case _Forget(person):
                        self._delete(person)
                    case None:
                        return None
            except queue.Empty:
                pass
            if self._clock() >= save_at:
                save_at = self._clock() + SAVE_SECONDS
                for file in self._files.values():
                    file.save()
                reason = self._limit_reached()
                if reason is not None:
                    return reason

    def _write(self, piece: _Piece) -> None:
        """Write sound at its place in the file. Fill a gap with silence, and leave out sound that is too far ahead."""
        if piece.at < self._began or piece.track in self._forgotten:
            return
        file = self._files.get(piece.track) or self._open(piece.track)
        ahead = file.samples / file.rate - (piece.at - self._began)
        if ahead > MAX_AHEAD_SECONDS:
            return
        if ahead < -SLACK_SECONDS:
            file.pad(round((piece.at - self._began) * file.rate))
        file.write(piece.sound)
        if piece.reply is not None:
            self._note_span(piece.reply, Span(file.samples - len(piece.sound), file.samples))

    def _note_span(self, reply: str, span: Span) -> None:
        """Extend the reply's last span by ``span``. If there is a gap between the two, add ``span`` as a new one."""
        *before, last = self._spans.get(reply) or (Span(span.start, span.start),)
        joined = (Span(last.start, span.end),) if last.end == span.start else (last, span)
        self._spans[reply] = (*before, *joined)

    def _open(self, track: _Track) -> WavFile:
        if isinstance(track, _Own):
            file = WavFile(self.folder / f"{track}.wav", self._bot_rate)
        else:
            # The id tells apart two people of the same name.
            file = WavFile(self.folder / f"{file_name(self._name_of(track))}-{track}.wav", HEARING_RATE)
        self._files[track] = file
        return file

    def _delete(self, person: int) -> None:
        file = self._files.pop(person, None)
        if file is not None:
            file.delete()

    def _limit_reached(self) -> str | None:
        """The reason to end the recording, as a text for users; ``None`` if there is none."""
        if self._clock() - self._began >= self._max_seconds:
            return f"The recording has ended: {self._max_seconds / 3_600:.2g} hours is the limit."
        if self._disk_full():
            return "The recording has ended: the disk is nearly full."
        return None

    def _disk_full(self) -> bool:
        return self._disk_free(self.folder) < self._min_free_bytes

    def _close_files(self) -> None:
        """Pad all files to the same length and close them."""
        seconds = max((file.samples / file.rate for file in self._files.values()), default=0.0)
        for track, file in self._files.items():
            try:
                if track in self._forgotten:
                    file.delete()
                    continue
                file.pad(round(seconds * file.rate))
                file.close()
            except OSError:
                _log.exception("%s could not be closed properly", file.path.name)
        self._files.clear()
