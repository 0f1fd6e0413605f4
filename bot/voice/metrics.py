"""Reply timings: a trace for each reply, from the prompt to the last packet, and statistics over recent replies."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Self

from bot.llm.prompt_report import PromptReport
from bot.llm.usage import TokenUsage
from bot.voice.turn import Outcome, SpokenTurn

KEPT_TRACES = 200
"""Number of newest traces that are kept for the statistics."""
SHORTEST_WRITING = 20.0
"""If a model has written for less than this many milliseconds, its speed is not calculated."""


@dataclass(frozen=True, slots=True)
class ReplyTrace:
    """The timings of one reply, in milliseconds. A stage that was not reached is ``None``.

    Time 0 is the arrival of the prompt. For a spoken prompt it is the arrival of the packet with the last voiced
    sample, so that the timings include all waiting for the end of the turn. Stages of a speculative reply can come
    before ``turn_ended``.

    Attributes:
        reply: id of the reply.
        outcome: how the reply ended.
        waited: when the reply was begun. Until then, the prompt waited.
        microphone: a value of :class:`~bot.voice.turn.Microphone`; ``None`` for a typed prompt.
        speech_paused: when the last pause of the turn was noticed.
        transcribed: when the words of the turn were known.
        turn_ended: when the turn counted as over.
        first_token: when the model's first token came.
        first_clause: when the speech server began to synthesize the first segment.
        first_audio: when the first sound of the speech server came.
        first_packet: when the first voiced frame was sent.
        last_packet: when the last frame was sent.
        audio: length of the sound that was played.
        underruns: length of the silence that was played because sound came too late, in frames of 20 ms.
        prompt_tokens: number of tokens in the model's prompt; ``None`` if the server did not tell it.
        cached_tokens: how many of these tokens the server took from its prompt cache; ``None`` if the server did not
            tell it.
        answer_tokens: number of tokens that the model wrote; ``None`` if the server did not tell it.
        tokens_per_second: tokens that the model wrote per second, from its first to its last one; ``None`` if that is
            not known.
        turns_left_out: how many earlier turns were left out of the prompt, because there was no room for them.
        tools_left_out: how many tools the model was not told of, because there was no room for them.
        mood: the mood to which the reply has moved the persona; ``None`` if the mood stayed.
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
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    answer_tokens: int | None = None
    tokens_per_second: float | None = None
    turns_left_out: int = 0
    tools_left_out: int = 0
    mood: str | None = None

    def as_json(self) -> dict[str, object]:
        """The trace as a dictionary of JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReplySoFar:
    """The timings of a reply that is still being made or spoken, in milliseconds since its prompt arrived.

    Attributes:
        reply: id of the reply.
        elapsed: the time now.
        stages: the stages that were reached, by their fields in :class:`ReplyTrace`.
    """

    reply: str
    elapsed: float
    stages: Mapping[str, float]


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
"""Field names of the stages in their usual order, each with its name for users."""
EVENT_STAGES: Mapping[str, str] = MappingProxyType(
    {
        "microphone": "speech_paused",
        "end_of_turn": "turn_ended",
        "words": "transcribed",
        "first_token": "first_token",
        "first_clause": "first_clause",
        "first_sound": "first_audio",
        "first_packet": "first_packet",
        "last_packet": "last_packet",
    }
)
"""The names of the stages for other programs (docs/api.md), with the corresponding fields of a trace."""


class ReplyTimer:
    """Measures when one reply reaches each stage. Only the first time counts.

    Args:
        reply: id of the reply.
        prompt_at: when the prompt arrived, in monotonic seconds.
        clock: returns monotonic seconds.
    """

    def __init__(self, reply: str, prompt_at: float, clock: Callable[[], float]) -> None:
        self._reply = reply
        self._prompt_at = prompt_at
        self._clock = clock
        self._waited = self._since(clock())
        self._stages: dict[str, float] = {}
        self._microphone: str | None = None
        self._usage = TokenUsage()
        self._last_token: float | None = None
        self._turns_left_out = self._tools_left_out = 0
        self._mood: str | None = None

    @property
    def reply(self) -> str:
        """Id of the reply."""
        return self._reply

    def _since(self, at: float) -> float:
        return round(1000 * (at - self._prompt_at), 2)

    def note_stage(self, stage: str, at: float | None = None) -> bool:
        """Note that a stage was reached. Returns False if it had been reached before.

        Args:
            stage: a key of :data:`STAGES`.
            at: when the stage was reached, in monotonic seconds; ``None`` for now.
        """
        if stage in self._stages:
            return False
        self._stages[stage] = self._since(self._clock() if at is None else at)
        return True

    def note_turn(self, turn: SpokenTurn) -> None:
        """Note the stages of the turn in which the prompt was spoken."""
        self._microphone = turn.microphone.value
        self.note_stage("speech_paused", turn.paused_at)
        self.note_stage("transcribed", turn.transcribed_at)
        self.note_stage("turn_ended", turn.ended_at)

    def note_tokens(self, usage: TokenUsage) -> None:
        """Note the token counts that the model's server has reported last."""
        self._usage = usage

    def note_prompt(self, report: PromptReport) -> None:
        """Note what was cut from the model's prompt."""
        self._turns_left_out, self._tools_left_out = report.left_out_messages, len(report.left_out_tools)

    def note_mood(self, mood: str | None) -> None:
        """Note the mood to which the reply has moved the persona; ``None`` if the mood stays."""
        self._mood = mood

    def note_text(self) -> None:
        """Note that a piece of the model's answer has come."""
        self.note_stage("first_token")
        self._last_token = self._since(self._clock())

    def elapsed(self) -> float:
        """Milliseconds since the prompt arrived."""
        return self._since(self._clock())

    def so_far(self) -> Mapping[str, float]:
        """The stages that were reached, with their times in milliseconds."""
        return {"waited": self._waited, **self._stages}

    def finish(self, outcome: Outcome, *, audio: float = 0.0, underruns: int = 0) -> ReplyTrace:
        """Return the finished trace. ``audio`` is the length of the sound that was played, in milliseconds."""
        stages: dict[str, float | None] = {stage: self._stages.get(stage) for stage in STAGES}
        return ReplyTrace(
            self._reply,
            outcome,
            self._waited,
            self._microphone,
            audio=round(audio),
            underruns=underruns,
            prompt_tokens=self._usage.prompt_tokens,
            cached_tokens=self._usage.cached_tokens,
            answer_tokens=self._usage.answer_tokens,
            tokens_per_second=self._tokens_per_second(),
            turns_left_out=self._turns_left_out,
            tools_left_out=self._tools_left_out,
            mood=self._mood,
            **stages,
        )

    def _tokens_per_second(self) -> float | None:
        first, last, tokens = self._stages.get("first_token"), self._last_token, self._usage.answer_tokens
        # The first token is where the time begins. An answer that came in one piece says nothing about the speed.
        if first is None or last is None or tokens is None or tokens < 2 or last - first < SHORTEST_WRITING:
            return None
        return round(1000 * (tokens - 1) / (last - first), 1)


@dataclass(frozen=True, slots=True)
class Summary:
    """Median and 95th percentile of one stage over recent replies, in milliseconds."""

    median: float
    p95: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self | None:
        """The summary of these values; ``None`` if there are none."""
        if not values:
            return None
        return cls(statistics.median(values), sorted(values)[min(len(values) - 1, int(0.95 * len(values)))])


class ReplyMetrics:
    """Statistics over the last :data:`KEPT_TRACES` traces of a call."""

    def __init__(self) -> None:
        self._traces: deque[ReplyTrace] = deque(maxlen=KEPT_TRACES)

    def add(self, trace: ReplyTrace) -> None:
        """Add a trace."""
        self._traces.append(trace)

    @property
    def traces(self) -> tuple[ReplyTrace, ...]:
        """The traces, the newest last."""
        return tuple(self._traces)

    @property
    def last(self) -> ReplyTrace | None:
        """The newest trace; ``None`` if there is none."""
        return self._traces[-1] if self._traces else None

    def summary(self, stage: str) -> Summary | None:
        """Median and 95th percentile of a stage; ``None`` if no reply reached it."""
        return Summary.of([value for trace in self._traces if (value := getattr(trace, stage)) is not None])
