"""Metrics of the server, in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Metrics:
    """Counters since the start, and the number of connections. Use it only on the event loop."""

    connections: int = 0
    replies: int = 0
    cancels: int = 0
    audio_seconds: float = 0.0
    first_audio_seconds: float = 0.0
    first_audio_count: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def record_reply(self, audio_seconds: float, first_chunk_ms: float | None) -> None:
        """Count a whole reply."""
        self.replies += 1
        self.audio_seconds += audio_seconds
        if first_chunk_ms is not None:
            self.first_audio_seconds += first_chunk_ms / 1000
            self.first_audio_count += 1

    def record_error(self, code: str) -> None:
        """Count an error that was sent to a client."""
        self.errors[code] += 1

    def exposition(self) -> str:
        """All metrics as Prometheus reads them."""
        lines = [
            *_metric("tts_connections", "gauge", "WebSockets open now.", self.connections),
            *_metric("tts_replies_total", "counter", "Replies spoken whole.", self.replies),
            *_metric("tts_cancels_total", "counter", "Cancel messages from clients.", self.cancels),
            *_metric(
                "tts_audio_seconds_total", "counter", "Seconds of speech in replies spoken whole.", self.audio_seconds
            ),
            "# HELP tts_first_audio_seconds Seconds from a reply's first clause to its first audio.",
            "# TYPE tts_first_audio_seconds summary",
            f"tts_first_audio_seconds_sum {self.first_audio_seconds:g}",
            f"tts_first_audio_seconds_count {self.first_audio_count}",
            "# HELP tts_errors_total Errors that were sent to clients.",
            "# TYPE tts_errors_total counter",
            *(f'tts_errors_total{{code="{code}"}} {count}' for code, count in sorted(self.errors.items())),
        ]
        return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, help_text: str, value: float) -> tuple[str, str, str]:
    return f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", f"{name} {value:g}"
