"""A transcript in the formats of OpenAI's API: json, text, verbose_json, srt and vtt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aiohttp import web

from bot.spoken_messages.file_transcriber import TranscribedPiece
from languages.names import language_name

GRANULARITIES = ("segment", "word")
_UNMEASURED: Mapping[str, Any] = MappingProxyType(
    {
        "seek": 0,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }
)
"""Fields that OpenAI's clients expect in a segment. The values are made up: the recogniser's own are not known here."""


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """The words of a sound file, in the formats of OpenAI's API.

    Attributes:
        seconds: the length of the sound file.
        granularities: the units for which ``verbose_json`` gives times: some of :data:`GRANULARITIES`.
    """

    pieces: Sequence[TranscribedPiece]
    seconds: float
    granularities: Collection[str] = ("segment",)

    @property
    def spoken(self) -> Sequence[TranscribedPiece]:
        """The pieces with words in them."""
        return [piece for piece in self.pieces if piece.text]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(piece.text for piece in self.spoken)

    @property
    def language(self) -> str | None:
        """Whisper's code for the language of the first words, such as "de"; ``None`` if it is not known."""
        return next((piece.language for piece in self.spoken if piece.language), None)

    def stt_fields(self) -> dict[str, Any]:
        """The fields of the response to ``POST /stt``."""
        segments = [{"start": piece.start, "end": piece.end, "text": piece.text} for piece in self.spoken]
        return {"text": self.text, "language": self.language, "segments": segments}


def _json(heard: FileTranscript) -> web.Response:
    return web.json_response({"text": heard.text})


def _text(heard: FileTranscript) -> web.Response:
    return web.Response(text=f"{heard.text}\n")


def _verbose(heard: FileTranscript) -> web.Response:
    fields: dict[str, Any] = {
        "task": "transcribe",
        "language": language_name(heard.language or ""),
        "duration": heard.seconds,
        "text": heard.text,
        "usage": {"type": "duration", "seconds": heard.seconds},
    }
    if "segment" in heard.granularities:
        fields["segments"] = [
            {"id": number, "start": each.start, "end": each.end, "text": each.text, **_UNMEASURED}
            for number, each in enumerate(heard.spoken)
        ]
    if "word" in heard.granularities:
        fields["words"] = [
            {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
            for piece in heard.spoken
            for word in piece.words
        ]
    return web.json_response(fields)


def _srt(heard: FileTranscript) -> web.Response:
    blocks = [
        f"{number}\n{_time(each.start, ',')} --> {_time(each.end, ',')}\n{each.text}\n\n"
        for number, each in enumerate(heard.spoken, 1)
    ]
    return web.Response(text="".join(blocks), content_type="application/x-subrip")


def _vtt(heard: FileTranscript) -> web.Response:
    blocks = [f"{_time(each.start, '.')} --> {_time(each.end, '.')}\n{_cue(each.text)}\n\n" for each in heard.spoken]
    return web.Response(text="".join(["WEBVTT\n\n", *blocks]), content_type="text/vtt")


def _cue(text: str) -> str:
    """The text of a WebVTT subtitle (a cue). The characters that have a meaning in WebVTT are escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{mark}{milliseconds:03}"


FORMATS: Mapping[str, Callable[[FileTranscript], web.Response]] = MappingProxyType(
    {"json": _json, "text": _text, "verbose_json": _verbose, "srt": _srt, "vtt": _vtt}
)
"""The functions that make the response from a transcript, by ``response_format``."""
WITH_TIMES = frozenset({"verbose_json", "srt", "vtt"})
"""The formats that say when each segment was said."""
