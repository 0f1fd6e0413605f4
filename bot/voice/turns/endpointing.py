"""Endpointing: how long a silence must last to be the end of a turn, by the words, the person and their microphone."""

from __future__ import annotations

from collections import deque

from bot.voice.turn import Microphone
from bot.voice.turns.settings import TurnSettings
from bot.voice.turns.voice_activity import Window

ABRUPT = 0.12
"""Seconds: a gate never closes so soon after the last voiced sample; a key is often released then."""
KEPT_OPEN = 0.15
"""Seconds: a gate that closes after some quiet would not have stayed open through a pause longer by this."""
OPEN_AFTER = 2.0
"""Seconds: whoever transmits silence for so long has an open microphone, or holds a key."""
_REMEMBERED = 10
_ENOUGH = 2
_KEY_SHARE = 0.3


class MicrophoneHistory:
    """One person's transmissions, as far as they tell the kinds apart. Takes windows and ends, in order.

    Voice activity closes after a fixed time of quiet, and so at every pause longer than that. A key is released
    right after the words, or keeps a pause open that is longer than the quiet at its end.
    """

    def __init__(self) -> None:
        self._keys: deque[bool] = deque(maxlen=_REMEMBERED)
        self._open = False
        self._spoken = False
        self._quiet = self._still = self._longest_still = self._kept_open = 0.0

    @property
    def kind(self) -> Microphone:
        """The best guess so far. Push-to-talk is only said when it is likely: it ends turns at once."""
        known = len(self._keys)
        if sum(self._keys) >= max(_ENOUGH, _KEY_SHARE * known):
            return Microphone.PUSH_TO_TALK
        if self._open:
            return Microphone.OPEN
        return Microphone.VOICE_ACTIVITY if known >= _ENOUGH else Microphone.UNKNOWN

    def heard(self, window: Window) -> None:
        """The transmission went on."""
        if window.voiced:
            self._kept_open = max(self._kept_open, self._longest_still if self._spoken else 0.0)
            self._spoken = True
            self._quiet = self._still = self._longest_still = 0.0
            return
        self._quiet += window.seconds
        # Noise may keep a gate open, but nothing keeps it open through stillness.
        self._still = self._still + window.seconds if window.still else 0.0
        self._longest_still = max(self._longest_still, self._still)
        if self._quiet >= OPEN_AFTER:
            self._open = True

    def ended(self, announced: bool) -> None:
        """The transmission is over. Where packets merely stayed away, its end says nothing."""
        if self._spoken and announced:
            self._keys.append(self._quiet < ABRUPT or self._kept_open > self._quiet + KEPT_OPEN)
            self._open = False
        self._spoken = False
        self._quiet = self._still = self._longest_still = self._kept_open = 0.0


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
