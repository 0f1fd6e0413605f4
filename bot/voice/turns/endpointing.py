"""Endpointing: decides how long a silence must last before the turn is over.

The wait depends on the words, on the person's usual pauses and on the kind of their microphone.
"""

from __future__ import annotations

from collections import deque

from bot.voice.turn import Microphone
from bot.voice.turns.settings import TurnSettings
from bot.voice.turns.voice_activity import Window

ABRUPT = 0.12
"""If a transmission ends within this many seconds of the last voiced window, a push-to-talk key was released.

A voice-activated microphone never closes so soon.
"""
KEPT_OPEN = 0.15
"""If a pause in a transmission is this many seconds longer than the quiet at the transmission's end, a key was held.

A voice-activated microphone would have closed in that pause.
"""
OPEN_AFTER = 2.0
"""Seconds of transmitted silence after which the microphone counts as open, unless it is known to be push-to-talk."""
_REMEMBERED = 10
"""Number of the newest transmissions that are remembered."""
_MIN_TRANSMISSIONS = 2
"""Least number of transmissions for a decision. Push-to-talk needs at least this many that were sent with a key."""
_KEY_SHARE = 0.3
"""A microphone counts as push-to-talk only if at least this share of its transmissions were sent with a key."""


class MicrophoneHistory:
    """Recognises the kind of a person's microphone by how their transmissions end, unless the transport knows it.

    A voice-activated microphone closes after a fixed time of quiet, so it closes in every pause that is longer than
    this time. A push-to-talk key is released right after the words, or it is held through a pause that is longer than
    the quiet at the end of the transmission.

    Attributes:
        known: the kind, as the transport knows it; ``None`` if it has to be recognised.
        key_released: True if the last transmission alone shows that a key was held and then released: it went on
            through a pause in which a voice-activated microphone would have closed. False as soon as the
            person transmits again.
    """

    def __init__(self) -> None:
        self.known: Microphone | None = None
        self.key_released = False
        self._keys: deque[bool] = deque(maxlen=_REMEMBERED)  # for each transmission: True if a key was probably held
        self._open = False
        self._spoken = False  # True if there was voice in the current transmission
        # Durations in the current transmission. In quiet there is no voice; in stillness there is hardly any sound.
        # In order: the quiet since the last voiced window, the stillness since the last sound, the longest stillness
        # since the last voiced window, and the longest stillness between voiced windows.
        self._quiet = self._still = self._longest_still = self._kept_open = 0.0

    @property
    def kind(self) -> Microphone:
        """The most likely kind so far. Push-to-talk needs good evidence, since a released key then ends the turn."""
        if self.known is not None:
            return self.known
        seen = len(self._keys)
        if sum(self._keys) >= max(_MIN_TRANSMISSIONS, _KEY_SHARE * seen):
            return Microphone.PUSH_TO_TALK
        if self._open:
            return Microphone.OPEN
        return Microphone.VOICE_ACTIVITY if seen >= _MIN_TRANSMISSIONS else Microphone.UNKNOWN

    def add_window(self, window: Window) -> None:
        """Take the next window of the transmission."""
        self.key_released = False
        if window.voiced:
            self._kept_open = max(self._kept_open, self._longest_still if self._spoken else 0.0)
            self._spoken = True
            self._quiet = self._still = self._longest_still = 0.0
            return
        self._quiet += window.seconds
        # Noise may keep a voice-activated microphone open, but stillness never does.
        self._still = self._still + window.seconds if window.still else 0.0
        self._longest_still = max(self._longest_still, self._still)
        if self._quiet >= OPEN_AFTER:
            self._open = True

    def transmission_ended(self, announced: bool) -> None:
        """End the transmission.

        Args:
            announced: True if the person's client announced the end. If packets only stopped coming, the end says
                nothing about the microphone.
        """
        if self._spoken and announced:
            self.key_released = self._kept_open > self._quiet + KEPT_OPEN
            self._keys.append(self._quiet < ABRUPT or self.key_released)
            self._open = False
        self._spoken = False
        self._quiet = self._still = self._longest_still = self._kept_open = 0.0


class Endpointing:
    """Learns one person's usual pauses and computes the silence to wait for. All durations are in seconds.

    Args:
        settings: the waits, and how fast pauses are learned.
    """

    def __init__(self, settings: TurnSettings) -> None:
        self._settings = settings
        self._usual_pause = settings.stranger_pause
        self._longest_pause = 0.0

    def wait(
        self, probability: float | None, microphone: Microphone, transmitting: bool, *, key_released: bool = False
    ) -> float:
        """The silence that ends the turn, counted from the last voiced window.

        Args:
            probability: probability that the turn is over, 0 to 1; ``None`` while there is no estimate.
            microphone: kind of the person's microphone.
            transmitting: True while the microphone transmits.
            key_released: True if the person has probably just released a key. A person who held the key through pauses
                releases it at the end. So after a finished sentence the person's usual pause does not lengthen the
                wait.
        """
        settings = self._settings
        if microphone is Microphone.PUSH_TO_TALK and transmitting:
            return settings.held_key_wait
        if probability is None:
            return settings.unknown_wait
        shortest = settings.finished_wait_open if microphone is Microphone.OPEN else settings.finished_wait
        expected = self._expected_pause()
        for_habit = 0.0 if key_released else expected + settings.pause_margin * (expected - settings.ordinary_pause)
        after_finished = min(max(for_habit, shortest), settings.patient_wait)
        return probability * after_finished + (1 - probability) * settings.unfinished_wait

    def speech_resumed(self, pause: float) -> None:
        """Learn that the person went on after a pause within a turn."""
        self._longest_pause = max(self._longest_pause, pause)

    def turn_was_cut_off(self, pause: float) -> None:
        """Learn that the person went on after a pause that had ended their turn. Such pauses now count as usual."""
        self._usual_pause = max(self._usual_pause, pause)

    def turn_ended(self) -> None:
        """Move the usual pause towards the longest pause of the turn that has just ended."""
        below = max(0.0, self._usual_pause - self._longest_pause)
        self._usual_pause = self._expected_pause() - self._settings.forgetting * below
        self._longest_pause = 0.0

    def _expected_pause(self) -> float:
        """The person's usual pause, lengthened if the current turn has had a longer one."""
        above = self._longest_pause - self._usual_pause
        return self._usual_pause + self._settings.learning * max(0.0, above)
