"""How long a silence must last to be the end of a turn: by the words, the microphone, and the person."""

from __future__ import annotations

from bot.voice.turn import Microphone
from bot.voice.turns.settings import TurnSettings


class Endpointing:
    """What is known of one person's pauses, and the wait that follows from it. All times in seconds."""

    def __init__(self, settings: TurnSettings) -> None:
        self._settings = settings
        self._usual_pause = settings.stranger_pause
        self._longest_pause = 0.0

    def wait(self, finished: float | None, microphone: Microphone, transmitting: bool) -> float:
        """The silence to wait for, from the last voiced sample on.

        Args:
            finished: how likely the words so far are all of it; ``None`` while the words are not known.
            microphone: what kind this person has.
            transmitting: whether the microphone is still open.
        """
        settings = self._settings
        if microphone is Microphone.PUSH_TO_TALK and transmitting:
            return settings.held_key_wait
        if finished is None:
            return settings.unknown_wait
        shortest = settings.finished_wait_open if microphone is Microphone.OPEN else settings.finished_wait
        after_finished = min(max(self._usual_pause * settings.pause_margin, shortest), settings.patient_wait)
        return finished * after_finished + (1 - finished) * settings.unfinished_wait

    def resumed(self, pause: float) -> None:
        """The person went on after a pause."""
        self._longest_pause = max(self._longest_pause, pause)

    def was_cut_off(self, pause: float) -> None:
        """The person went on, but their turn had been ended: from now on wait as long as they took."""
        self._usual_pause = max(self._usual_pause, pause)

    def ended(self) -> None:
        """A turn is over: its longest pause counts towards what is usual."""
        above = self._longest_pause - self._usual_pause
        self._usual_pause += (self._settings.learning if above > 0 else self._settings.forgetting) * above
        self._longest_pause = 0.0
