"""Measures the replies of a call, one after the other: their stages, what people heard, and their traces."""

from __future__ import annotations

from collections.abc import Callable

from bot.llm.prompt_report import PromptReport
from bot.llm.usage import TokenUsage
from bot.voice.events import ReplyEnded, Watcher
from bot.voice.metrics import ReplyMetrics, ReplySoFar, ReplyTimer
from bot.voice.turn import Outcome, SpokenTurn, TurnId
from wire.messages import SAMPLE_RATE

SAMPLES_PER_MS = SAMPLE_RATE / 1000


class MeasuredReplies:
    """The measurements of the current reply and of the latest ones. Use it only on the event loop.

    A note about a reply that is not the current one is ignored.

    Args:
        watch: gets the trace of each reply that was not discarded.
        clock: returns monotonic seconds.

    Attributes:
        metrics: the traces of the latest replies.
        quiet_since: when the last reply ended, in monotonic seconds; ``None`` before the first one and during a reply.
        turn: the turn that the current reply answers; ``None`` for a typed prompt.
    """

    def __init__(self, watch: Watcher, clock: Callable[[], float]) -> None:
        self.metrics = ReplyMetrics()
        self.quiet_since: float | None = None
        self.turn: TurnId | None = None
        self._watch = watch
        self._clock = clock
        self._timer: ReplyTimer | None = None
        self._heard = ""
        self._samples = self._underruns = 0

    @property
    def so_far(self) -> ReplySoFar | None:
        """The timings so far of the current reply; ``None`` if there is none."""
        if self._timer is None:
            return None
        return ReplySoFar(self._timer.reply, self._timer.elapsed(), self._timer.so_far())

    def begin(self, reply: str, prompt_at: float, turn: TurnId | None) -> None:
        """Begin to measure a reply whose prompt arrived at ``prompt_at``, in monotonic seconds."""
        self._timer = ReplyTimer(reply, prompt_at, self._clock)
        self.turn, self._heard = turn, ""
        self.note_sound(0)

    def commit(self, spoken: SpokenTurn | None) -> None:
        """Note that the current reply is wanted. Before this, it was perhaps speculative, and could be discarded.

        Args:
            spoken: the turn that it answers; ``None`` for a typed prompt.
        """
        if self._timer and spoken:
            self._timer.note_turn(spoken)
        self.quiet_since = None

    def note_stage(self, reply: str | None, stage: str, at: float | None = None) -> None:
        """Note that a reply has reached a stage, at a time in monotonic seconds; ``None`` for now."""
        if timer := self._timer_of(reply):
            timer.note_stage(stage, at)

    def note_text(self, reply: str) -> None:
        """Note that a piece of the model's answer has come."""
        if timer := self._timer_of(reply):
            timer.note_text()

    def note_tokens(self, reply: str, usage: TokenUsage) -> None:
        """Note how many tokens the model's prompt and answer have."""
        if timer := self._timer_of(reply):
            timer.note_tokens(usage)

    def note_prompt(self, reply: str, report: PromptReport) -> None:
        """Note what the model's prompt holds."""
        if timer := self._timer_of(reply):
            timer.note_prompt(report)

    def note_mood(self, mood: str | None) -> None:
        """Note the mood to which the current reply has moved the persona; ``None`` if the mood stays."""
        if self._timer is not None:
            self._timer.note_mood(mood)

    def note_words(self, heard: str) -> None:
        """Note the part of the current reply that people heard."""
        self._heard = heard

    def note_sound(self, samples: int, underruns: int = 0) -> None:
        """Note how much of the current reply was played.

        Args:
            samples: number of samples.
            underruns: number of frames of silence that were played because sound was late.
        """
        self._samples, self._underruns = samples, underruns

    def end(self, outcome: Outcome) -> None:
        """End the measurement of the current reply. No trace is made of a discarded one."""
        timer, self._timer = self._timer, None
        if timer is None or outcome is Outcome.DISCARDED:
            return
        self.quiet_since = self._clock()
        trace = timer.finish(outcome, audio=self._samples / SAMPLES_PER_MS, underruns=self._underruns)
        self.metrics.add(trace)
        self._watch(ReplyEnded(trace, self._heard, self.turn))

    def _timer_of(self, reply: str | None) -> ReplyTimer | None:
        return self._timer if self._timer is not None and self._timer.reply == reply else None
