"""One spoken turn, and one interruption: when each stage was reached, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """The instants of one turn, in monotonic seconds, which on Linux all processes share.

    Attributes:
        microphone: what kind the person has.
        taken_for: what kind the bot took it for.
        last_voiced: the frame with the person's last voiced sample was sent.
        closed: the last frame of the transmission was sent; ``None`` where the microphone stays open.
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
        """Last voiced sample to first packet."""
        return self.received[0] - self.last_voiced

    @property
    def turn_wait(self) -> float:
        """The end-of-turn wait: last voiced sample to certainty."""
        return self.turn_ended - self.last_voiced

    @property
    def release_wait(self) -> float:
        """What is waited for after somebody has let go of their key; after the last voiced sample, if there is none."""
        return self.turn_ended - (self.last_voiced if self.closed is None else self.closed)

    @property
    def sign(self) -> float:
        """Last voiced sample to the first sign of an end."""
        return self.paused - self.last_voiced

    @property
    def to_transcriber(self) -> float:
        """The bot's time from that sign to the transcriber's request."""
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
        """The model's share: request to first token."""
        return self.first_token - self.model_asked

    @property
    def text_wait(self) -> float:
        """First token to first clause."""
        return self.clause_written - self.first_token

    @property
    def to_voice(self) -> float:
        """The time of bot and speech server from the first clause's last token to the voice."""
        return self.voice_asked - self.clause_written

    @property
    def voice(self) -> float:
        """The voice's share: first clause to first sound."""
        return self.first_audio - self.voice_asked

    @property
    def to_packet(self) -> float:
        """From the first sound to the first packet: the way, and the wait for certainty where that came later."""
        return self.received[0] - self.first_audio

    @property
    def work(self) -> float:
        """What the stand-ins took, one after the other."""
        return self.transcription + self.model + self.text_wait + self.voice

    @property
    def ratio(self) -> float:
        """The total over the longest of what nobody can do without: the wait, or the work."""
        return self.total / max(self.turn_wait, self.work)


@dataclass(frozen=True, slots=True)
class InterruptionTimes:
    """Somebody spoke into a reply. Monotonic seconds.

    Attributes:
        first_voiced: the frame with the person's first voiced sample was sent.
        last_packet: the reply's last voiced packet reached the voice server.
    """

    microphone: str
    first_voiced: float
    last_packet: float

    @property
    def silenced(self) -> float:
        """How long the bot went on."""
        return self.last_packet - self.first_voiced
