"""What transcription servers answer, in every shape that they are known to use."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.voice.transcribe.guards import HeardSegment
from bot.voice.transcribe.languages import language_code

_TIMES = re.compile(r"^(\d+\s*:\s*)?\d+:\d{2}[.,]\d{3}\s*-->\s*(\d+:)?\d+:\d{2}[.,]\d{3}.*$")
"""The line with the times of a caption in SRT and WebVTT."""


class AnswerError(ValueError):
    """The answer is none of a transcription server's; the text is the server's own complaint where there is one."""


@dataclass(frozen=True, slots=True)
class TranscriptionResponse:
    """What was recognised. ``language`` is Whisper's code, where the server tells it."""

    segments: tuple[HeardSegment, ...]
    language: str | None = None


def read_answer(body: bytes) -> TranscriptionResponse:
    """Read an answer, whatever content type it is labelled with.

    Known are the JSON of OpenAI's API in its plain and its verbose form, whisper.cpp's own, lists of segments, the
    events of streamed transcriptions, and captions (SRT, WebVTT). Bare text is refused: a proxy's page would be taken
    for somebody's words.

    Raises:
        AnswerError: it is nothing of these.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if text.startswith(("data:", "event:")):
        return _read_events(text)
    if (captions := _read_captions(text)) is not None:
        return captions
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise AnswerError("") from error
    return _read_json(answer)


def _read_json(answer: Any) -> TranscriptionResponse:
    match answer:
        case {"error": error} if error:
            raise AnswerError(complaint(answer))
        case {"text": str() | None as text}:
            # Some answer null where nothing was said.
            segments = _segments(answer.get("segments"), text or "")
            return TranscriptionResponse(
                segments, language_code(answer.get("language") or answer.get("detected_language"))
            )
        case {"segments": list() as listed} | {"transcription": list() as listed} if segments := _segments(listed, ""):
            return TranscriptionResponse(segments, language_code(answer.get("language")))
        case [{"text": str()}, *_] as listed:
            return TranscriptionResponse(_segments(listed, ""))
        case _:
            raise AnswerError("")


def complaint(answer: object) -> str:
    """The server's own words about what is wrong; empty where there are none."""
    match answer:
        case {"error": {"message": str() as text}} | {"error": str() as text} | {"detail": str() as text}:
            return " ".join(text.split())[:300]
        case {"message": str() as text}:
            return " ".join(text.split())[:300]
        case _:
            return ""


def _segments(listed: object, text: str) -> tuple[HeardSegment, ...]:
    """The segments as far as they can be used; the whole text as one where they can't, or don't say the same."""
    segments = tuple(map(_segment, listed)) if isinstance(listed, list) and all(map(_is_segment, listed)) else ()
    said = "".join(segment.text for segment in segments)
    if text.strip() and _bare(said) != _bare(text):
        return (HeardSegment(text),)
    return tuple(segment for segment in segments if segment.text.strip())


def _is_segment(listed: object) -> bool:
    return isinstance(listed, dict) and isinstance(listed.get("text"), str)


def _segment(listed: Mapping[str, Any]) -> HeardSegment:
    return HeardSegment(
        listed["text"],
        # Servers that don't measure something answer 0.
        _number(listed.get("no_speech_prob")) or None,
        _number(listed.get("avg_logprob")) or None,
        _number(listed.get("compression_ratio")) or None,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _bare(text: str) -> str:
    return "".join(text.split())


def _read_events(text: str) -> TranscriptionResponse:
    """The events of a streamed transcription: its last whole text, or the pieces put together."""
    pieces: list[str] = []
    for line in text.splitlines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data in ("", "[DONE]"):
            continue
        try:
            event = json.loads(data)
        except ValueError as error:
            raise AnswerError("") from error
        match event:
            case {"delta": str() as piece}:
                pieces.append(piece)
            case {"type": "transcript.text.done", "text": str()}:
                return _read_json(event)
            case {"text": str() as piece}:
                pieces.append(piece + " ")
            case {"error": _}:
                raise AnswerError(complaint(event))
            case _:
                continue
    return TranscriptionResponse((HeardSegment("".join(pieces)),))


def _read_captions(text: str) -> TranscriptionResponse | None:
    """The words of captions; ``None`` where there are no times in it."""
    lines = [line.strip() for line in text.splitlines()]
    if not any(map(_TIMES.match, lines)):
        return TranscriptionResponse(()) if text == "WEBVTT" else None
    # A caption's number stands alone above its times.
    words = [
        line
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if not _TIMES.match(line) and not (line.isdigit() and _TIMES.match(below)) and not line.startswith("WEBVTT")
    ]
    return TranscriptionResponse((HeardSegment(" ".join(words)),))
