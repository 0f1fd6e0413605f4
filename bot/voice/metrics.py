"""One trace a turn: when each stage of the way from the prompt to the first packet was reached."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from bot.voice.turn import Outcome, SpokenTurn

KEPT_TRACES = 200


@dataclass(frozen=True, slots=True)
class TurnTrace:
    """The timings of one turn, in milliseconds; ``None`` where a stage was not reached.

    They count from the prompt's arrival, or, where it was spoken, from the arrival of the packet with the last voiced
    sample: no timer of ours hides in front of them. ``speech_paused`` is the first sign that the person had finished,
    ``transcribed`` when the words were known, ``turn_ended`` when it was sure. ``first_clause`` is when the voice took
    up the first segment, ``first_packet`` when its first frame was sent. Of a speculative reply, stages
    can be earlier than ``turn_ended``. ``audio`` is the length of what was played; ``underruns`` counts 20 ms frames
    of silence put in for want of sound.
    """

    reply: str
    outcome: Outcome
    waited: float
    microphone: str | None = None
    speech_paused: float | None = None
    transcribed: float | None = None
    turn_ended: float | None = None
    first_token: float | None = None
    first_clause: float | None = None
    first_audio: float | None = None
    first_packet: float | None = None
    last_packet: float | None = None
    audio: float = 0.0
    underruns: int = 0

    def as_json(self) -> dict[str, object]:
        """The trace as a JSON object."""
        return asdict(self)


STAGES: Mapping[str, str] = MappingProxyType(
    {
        "speech_paused": "pause",
        "transcribed": "words",
        "turn_ended": "end of turn",
        "first_token": "first token",
        "first_clause": "first clause",
        "first_audio": "first audio",
        "first_packet": "first packet",
        "last_packet": "last packet",
    }
)
"""The stages in their usual order: the names of the trace's fields, and what people call them."""


class ReplyTimer:
    """Stamps the stages of one turn as they are reached; each only the first time.

    Args:
        prompt_at: when the prompt arrived, monotonic seconds.
        clock: the monotonic clock.
    """

    def __init__(self, reply: str, prompt_at: float, clock: Callable[[], float]) -> None:
        self._reply = reply
        self._prompt_at = prompt_at
        self._clock = clock
        self._waited = self._since(clock())
        self._stages: dict[str, float] = {}
        self._microphone: str | None = None

    def _since(self, at: float) -> float:
        return round(1000 * (at - self._prompt_at), 2)

    def reached(self, stage: str, at: float | None = None) -> bool:
        """Stamp ``stage``, one of :data:`STAGES`, at ``at`` or now; False when it had been reached before."""
        if stage in self._stages:
            return False
        self._stages[stage] = self._since(self._clock() if at is None else at)
        return True

    def spoken(self, turn: SpokenTurn) -> None:
        """Stamp the stages that lie before the prompt."""
        self._microphone = turn.microphone.value
        self.reached("speech_paused", turn.paused_at)
        self.reached("transcribed", turn.transcribed_at)
        self.reached("turn_ended", turn.ended_at)

    def finish(self, outcome: Outcome, *, audio: float = 0.0, underruns: int = 0) -> TurnTrace:
        """Close the trace; ``audio`` in milliseconds."""
        stages: dict[str, float | None] = {stage: self._stages.get(stage) for stage in STAGES}
        return TurnTrace(
            self._reply,
            outcome,
            self._waited,
            self._microphone,
            audio=round(audio),
            underruns=underruns,
            **stages,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """Median and 95th percentile of one stage over recent turns, in milliseconds."""

    median: float
    p95: float


class TurnMetrics:
    """The last :data:`KEPT_TRACES` traces of a call."""

    def __init__(self) -> None:
        self._traces: deque[TurnTrace] = deque(maxlen=KEPT_TRACES)

    def add(self, trace: TurnTrace) -> None:
        """Keep a trace."""
        self._traces.append(trace)

    @property
    def last(self) -> TurnTrace | None:
        """The newest trace."""
        return self._traces[-1] if self._traces else None

    def summary(self, stage: str) -> Summary | None:
        """Median and 95th percentile of a stage, or ``None`` when no turn reached it."""
        values = sorted(value for trace in self._traces if (value := getattr(trace, stage)) is not None)
        if not values:
            return None
        return Summary(statistics.median(values), values[min(len(values) - 1, int(0.95 * len(values)))])
