"""The times of one answer: from the moment when the model is asked to the first packet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStages:
    """The times of one answer, in monotonic seconds. On Linux, all processes share this clock.

    Attributes:
        model_asked: when the model got the request.
        first_token: when the model wrote its first token.
        clause_written: when the model wrote the token that completes the first clause.
        voice_asked: when the voice began with the first clause.
        first_audio: when the voice gave its first sound.
        received: when the voiced packets reached the voice server, one time for each packet. There is at least one.
    """

    model_asked: float
    first_token: float
    clause_written: float
    voice_asked: float
    first_audio: float
    received: tuple[float, ...]

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
        """The time of bot and speech server from the last token of the first clause until the voice begins with the
        clause.
        """
        return self.voice_asked - self.clause_written

    @property
    def voice(self) -> float:
        """The voice's share: from the first clause to the first sound."""
        return self.first_audio - self.voice_asked

    @property
    def to_packet(self) -> float:
        """The time of speech server and bot from the first sound to the first packet.

        The first sound may be ready before a spoken turn has ended. Then this includes the wait until the turn ends.
        """
        return self.received[0] - self.first_audio
