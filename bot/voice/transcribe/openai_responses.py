"""Parsing of transcription servers' responses in all known formats, and the rate limits that servers set."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.retry_after import retry_after
from bot.voice.transcribe.hallucinations import TranscriptSegment
from languages.names import language_code

_TIMES = re.compile(r"^(\d+\s*:\s*)?\d+:\d{2}[.,]\d{3}\s*-->\s*(\d+:)?\d+:\d{2}[.,]\d{3}.*$")
"""Matches the line with the times of a caption in SRT and WebVTT."""


class AnswerError(ValueError):
    """The body is no transcription. The text is the server's own error message, or empty."""


@dataclass(frozen=True, slots=True)
class TranscriptionResponse:
    """A server's response.

    Attributes:
        segments: segments of text.
        language: Whisper's code for the language, such as "de"; ``None`` if the server does not name it.
    """

    segments: tuple[TranscriptSegment, ...]
    language: str | None = None


def read_answer(body: bytes) -> TranscriptionResponse:
    """Parse the body of a response. Its content type is not needed.

    Known formats are the JSON of OpenAI's API in its plain and its verbose form, whisper.cpp's JSON, lists of segments,
    the events of streamed transcriptions, and captions (SRT, WebVTT). Plain text is refused, since the page of a proxy
    would look like a transcript.

    Raises:
        AnswerError: the body has none of these formats, or is an error message.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if text.startswith(("data:", "event:")):
        return _read_events(text)
    if (captions := _read_captions(text)) is not None:
        return captions
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError("") from error
    return _read_json(answer)


def _read_json(answer: Any) -> TranscriptionResponse:
    """Read parsed JSON of any known form; raises :class:`AnswerError`."""
    match answer:
        case {"error": error} if error:
            raise AnswerError(complaint(answer))
        case {"text": str() | None as text}:
            # Some servers answer null if nothing was said.
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
    """The server's own error message in parsed JSON; empty if there is none."""
    match answer:
        case {"error": {"message": str() as text}} | {"error": str() as text} | {"detail": str() as text}:
            return " ".join(text.split())[:300]
        case {"message": str() as text}:
            return " ".join(text.split())[:300]
        case _:
            return ""


def _segments(listed: object, text: str) -> tuple[TranscriptSegment, ...]:
    """Parse the segments of a response.

    Args:
        listed: parsed JSON that may be a list of segments.
        text: whole text of the response. If the segments are malformed or have another text, ``text``
            becomes the only segment.
    """
    segments = tuple(map(_segment, listed)) if isinstance(listed, list) and all(map(_is_segment, listed)) else ()
    said = "".join(segment.text for segment in segments)
    if text.strip() and _without_spaces(said) != _without_spaces(text):
        return (TranscriptSegment(text),)
    return tuple(segment for segment in segments if segment.text.strip())


def _is_segment(listed: object) -> bool:
    return isinstance(listed, dict) and isinstance(listed.get("text"), str)


def _segment(listed: Mapping[str, Any]) -> TranscriptSegment:
    return TranscriptSegment(
        listed["text"],
        # Servers answer 0 for a value that they don't measure.
        _number(listed.get("no_speech_prob")) or None,
        _number(listed.get("avg_logprob")) or None,
        _number(listed.get("compression_ratio")) or None,
    )


def _number(value: object) -> float | None:
    """The value if it is a finite number, or else ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        # A whole number may be too large for a float.
        return None


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _read_events(text: str) -> TranscriptionResponse:
    """Parse the events of a streamed transcription: its final text; if there is none, all pieces joined."""
    pieces: list[str] = []
    for line in text.splitlines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data in ("", "[DONE]"):
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
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
    return TranscriptionResponse((TranscriptSegment("".join(pieces)),))


def _read_captions(text: str) -> TranscriptionResponse | None:
    """Parse captions (SRT or WebVTT); returns ``None`` if the text has no lines with times."""
    lines = [line.strip() for line in text.splitlines()]
    if not any(map(_TIMES.match, lines)):
        return TranscriptionResponse(()) if text == "WEBVTT" else None
    # The number of a caption is a line of its own, above the line with the times.
    words = [
        line
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if not _TIMES.match(line) and not (line.isdigit() and _TIMES.match(below)) and not line.startswith("WEBVTT")
    ]
    return TranscriptionResponse((TranscriptSegment(" ".join(words)),))


SHORTEST_SPECULATION_PAUSE, MAX_SPECULATION_PAUSE = 15.0, 120.0
"""Shortest and longest pause of speculation after a refusal, in seconds.

Speculation means requests that are not final: their turn may go on. A refusal soon after such a pause makes the next
pause twice as long.
"""
MAX_DELAY = 25.0
"""Longest wait that is obeyed for final requests, in seconds.

If a server asks for a longer wait, the next final request is sent all the same. Otherwise its words would be lost.
"""


class RateLimits:
    """The rate limits of one server: when it may be asked again, and when speculation may go on.

    Use it on the event loop.

    Args:
        clock: returns monotonic seconds.
        today: function that returns the date and time now. It is needed if a server names a date.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, today: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._today = today
        self._open_at = 0.0
        self._pause = 0.0
        self._paused_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the server may be asked again."""
        return max(0.0, self._open_at - self._clock())

    @property
    def may_speculate(self) -> bool:
        """True if requests that are not final may be made."""
        return self._clock() >= self._paused_until

    def record_refusal(self, wait: float) -> None:
        """Record that the server has refused a request, and asks to wait for ``wait`` seconds."""
        now = self._clock()
        if now >= self._paused_until:
            # If the server refuses soon after the last pause of speculation, the next pause is longer.
            soon = now < self._paused_until + self._pause
            self._pause = min(2 * self._pause, MAX_SPECULATION_PAUSE) if soon else SHORTEST_SPECULATION_PAUSE
        if wait <= MAX_DELAY:
            self._open_at = max(self._open_at, now + wait)
        self._paused_until = now + min(wait, MAX_SPECULATION_PAUSE) + self._pause

    def asked_to_wait(self, headers: Mapping[str, str]) -> float | None:
        """The seconds for which the headers of a refusal ask to wait; ``None`` if they don't."""
        return retry_after(headers, self._today())
