"""What a file really is, by its first bytes: its name and what its sender says of it count for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tts_server.voices.refusal import RecordingRefusedError

_SNIFFED_BYTES = 64


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that recordings come in: FFmpeg's name for it, and for the codecs allowed in it."""

    demuxer: str
    codecs: frozenset[str]


WAV = Format("wav", frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"}))
FLAC = Format("flac", frozenset({"flac"}))
MP3 = Format("mp3", frozenset({"mp3", "mp3float"}))
OGG = Format("ogg", frozenset({"opus", "vorbis", "flac"}))
M4A = Format("mov", frozenset({"aac", "alac"}))


def recognise(path: Path) -> Format:
    """The format of a file. Blocks for a moment.

    Raises:
        RecordingRefusedError: recordings don't come in it.
    """
    with path.open("rb") as file:
        found = format_of(file.read(_SNIFFED_BYTES))
    if found is None:
        raise RecordingRefusedError(
            "no_audio", "this is no recording that I know: send a WAV, FLAC, MP3, OGG (Opus or Vorbis) or M4A file"
        )
    return found


def format_of(start: bytes) -> Format | None:
    """The format of a file that begins so; ``None`` for all that recordings don't come in.

    Playlists, subtitles and whatever else could make FFmpeg open a second file are not among them.
    """
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        return WAV
    if start.startswith(b"fLaC"):
        return FLAC
    if start.startswith(b"OggS"):
        return OGG
    if start[4:8] == b"ftyp":
        return M4A
    return MP3 if start.startswith(b"ID3") or _begins_with_mpeg_layer_3(start) else None


def _begins_with_mpeg_layer_3(start: bytes) -> bool:
    """Whether an MPEG audio frame's header stands there: eleven bits set, then a version and the layer."""
    return len(start) > 2 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2 and start[1] & 0x18 != 0x08
