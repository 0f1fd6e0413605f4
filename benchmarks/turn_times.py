"""The times of a spoken turn and its reply, and of an interruption."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.answer_stages import AnswerStages


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimes(AnswerStages):
    """The times of one turn and its answer, in monotonic seconds.

    Attributes:
        microphone: the person's kind of microphone.
        taken_for: the kind that the bot took it for.
        last_voiced: when the guest sent the frame with the last voiced sample.
        closed: when the guest sent the last frame of the transmission; ``None`` if the microphone stays open.
        paused: when the bot saw the first sign that the turn was over.
        transcriber_asked, transcribed: when the transcriber got the sound, and when it had the words.
        turn_ended: when the bot was sure that the person had finished.
    """

    microphone: str
    taken_for: str
    last_voiced: float
    closed: float | None
    paused: float
    transcriber_asked: float
    transcribed: float
    turn_ended: float

    @property
    def total(self) -> float:
        """The time from the last voiced sample to the first packet."""
        return self.received[0] - self.last_voiced

    @property
    def turn_wait(self) -> float:
        """The wait for the end of the turn: from the last voiced sample until the bot is sure."""
        return self.turn_ended - self.last_voiced

    @property
    def release_wait(self) -> float:
        """The wait for the end of the turn, from the release of the push-to-talk key.

        Without a key (the microphone stays open), it is measured from the last voiced sample.
        """
        return self.turn_ended - (self.last_voiced if self.closed is None else self.closed)

    @property
    def sign(self) -> float:
        """The time from the last voiced sample to the first sign of an end."""
        return self.paused - self.last_voiced

    @property
    def to_transcriber(self) -> float:
        """The bot's time from the first sign of an end until it asks the transcriber."""
        return self.transcriber_asked - self.paused

    @property
    def transcription(self) -> float:
        """The transcriber's share."""
        return self.transcribed - self.transcriber_asked

    @property
    def to_model(self) -> float:
        """The bot's time from the words until it asks the model."""
        return self.model_asked - self.transcribed

    @property
    def work(self) -> float:
        """The time of the transcriber, the model and the voice, with the wait for the complete first clause."""
        return self.transcription + self.model + self.text_wait + self.voice

    @property
    def ratio(self) -> float:
        """The total divided by ``turn_wait`` or ``work``, whichever is longer. Neither can be avoided."""
        return self.total / max(self.turn_wait, self.work)


@dataclass(frozen=True, slots=True)
class InterruptionTimes:
    """The times of an interruption, in monotonic seconds.

    Attributes:
        microphone: the person's kind of microphone.
        first_voiced: when the guest sent the frame with the first voiced sample.
        last_packet: when the reply's last voiced packet reached the voice server.
    """

    microphone: str
    first_voiced: float
    last_packet: float

    @property
    def until_silent(self) -> float:
        """For how many seconds the bot went on speaking after the person had begun."""
        return self.last_packet - self.first_voiced
