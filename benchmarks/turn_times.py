"""The times of a spoken turn and its reply, and of an interruption."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """The times of one turn, in monotonic seconds. On Linux, all processes share this clock.

    Attributes:
        microphone: the person's kind of microphone.
        taken_for: the kind that the bot took it for.
        last_voiced: the guest sent the frame with the last voiced sample.
        closed: the guest sent the last frame of the transmission; ``None`` if the microphone stays open.
        paused: the bot saw the first sign of an end.
        transcriber_asked, transcribed: the transcriber got the sound, and had the words.
        model_asked: the model got the request.
        first_token: the model wrote its first token.
        clause_written: the model wrote the token that completes the first clause.
        voice_asked: the voice began with the first clause.
        first_audio: the voice gave its first sound.
        turn_ended: the bot was sure that the person had finished.
        received: each voiced packet's arrival at the voice server; at least one.
    """

    microphone: str
    taken_for: str
    last_voiced: float
    closed: float | None
    paused: float
    transcriber_asked: float
    transcribed: float
    model_asked: float
    first_token: float
    clause_written: float
    voice_asked: float
    first_audio: float
    turn_ended: float
    received: tuple[float, ...]

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
        """The bot's time from the first sign of an end to the transcriber's request."""
        return self.transcriber_asked - self.paused

    @property
    def transcription(self) -> float:
        """The transcriber's share."""
        return self.transcribed - self.transcriber_asked

    @property
    def to_model(self) -> float:
        """The bot's time from the words to the model's request."""
        return self.model_asked - self.transcribed

    @property
    def model(self) -> float:
        """The model's share: from the request to the first token."""
        return self.first_token - self.model_asked

    @property
    def text_wait(self) -> float:
        """The time from the first token to the complete first clause."""
        return self.clause_written - self.first_token

    @property
    def to_voice(self) -> float:
        """The time of bot and speech server from the last token of the first clause until the voice begins with it."""
        return self.voice_asked - self.clause_written

    @property
    def voice(self) -> float:
        """The voice's share: from the first clause to the first sound."""
        return self.first_audio - self.voice_asked

    @property
    def to_packet(self) -> float:
        """The time from the first sound to the first packet.

        If the turn ended after the first sound was ready, this includes the wait for its end.
        """
        return self.received[0] - self.first_audio

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
        first_voiced: the guest sent the frame with the first voiced sample.
        last_packet: the reply's last voiced packet reached the voice server.
    """

    microphone: str
    first_voiced: float
    last_packet: float

    @property
    def until_silent(self) -> float:
        """For how many seconds the bot went on speaking after the person had begun."""
        return self.last_packet - self.first_voiced
