"""Responses of transcription servers in every shape that they are known to use, and the limits that they set."""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.voice.transcribe.hallucinations import HeardSegment
from languages.names import language_code

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


SHORTEST_CALM, LONGEST_CALM = 15.0, 120.0
"""Seconds without speculation after a refusal; twice as long each time."""
LONGEST_WAIT = 86_400.0
LONGEST_PAUSE = 25.0
"""Seconds that what was said can wait. Where more is asked for it is tried all the same: it would be lost otherwise."""
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")


class RateLimits:
    """What one server has asked for. Belongs to the event loop.

    Args:
        clock: monotonic seconds.
        today: the time of day, for servers that name a date.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, today: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._today = today
        self._open_at = 0.0
        self._calm = 0.0
        self._calm_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the server may be asked at all."""
        return max(0.0, self._open_at - self._clock())

    @property
    def may_speculate(self) -> bool:
        """Whether the server may be asked for what may turn out not to be needed."""
        return self._clock() >= self._calm_until

    def refused(self, wait: float) -> None:
        """The server wants to be left alone for so many seconds."""
        now = self._clock()
        if now >= self._calm_until:
            # Refused again soon after speculation began again: speculate less.
            soon = now < self._calm_until + self._calm
            self._calm = min(2 * self._calm, LONGEST_CALM) if soon else SHORTEST_CALM
        if wait <= LONGEST_PAUSE:
            self._open_at = max(self._open_at, now + wait)
        self._calm_until = now + min(wait, LONGEST_CALM) + self._calm

    def asked_to_wait(self, headers: Mapping[str, str]) -> float | None:
        """The seconds that an answer's headers ask to wait; ``None`` where they don't say."""
        if (milliseconds := _wait(headers.get("Retry-After-Ms"))) is not None:
            return milliseconds / 1000
        written = headers.get("Retry-After", "").strip()
        if (seconds := _wait(written)) is not None:
            return seconds
        if (match := _DURATION.fullmatch(written)) and written:
            hours, minutes, rest, thousandths = (float(part or 0) for part in match.groups())
            return min(LONGEST_WAIT, 3600 * hours + 60 * minutes + rest + thousandths / 1000)
        try:
            date = email.utils.parsedate_to_datetime(written)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return min(LONGEST_WAIT, max(0.0, (date - self._today()).total_seconds()))


def _wait(written: str | None) -> float | None:
    try:
        value = float(written or "")
    except ValueError:
        return None
    return min(value, LONGEST_WAIT) if value >= 0 else None
