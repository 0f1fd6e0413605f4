"""One measured turn: when each stage was reached, and what that leaves to the bot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyTimes:
    """The instants of one turn, in monotonic seconds, which on Linux all processes share.

    Attributes:
        sent: the prompt's MESSAGE_CREATE was written to the bot's socket.
        model_asked: the model got the request.
        first_token: the model wrote its first token.
        clause_written: the model wrote the token that completes the first clause, its ``clause_tokens``-th.
        sentence_written: the same for the first sentence.
        voice_asked: the voice began with the first clause.
        first_audio: the voice gave its first sound.
        received: each voiced packet's arrival at the voice server; at least one.
        heard: the first of them reached the guest.
        underruns: 20 ms frames of silence that the bot put in for want of sound.
    """

    sent: float
    model_asked: float
    first_token: float
    clause_written: float
    clause_tokens: int
    sentence_written: float
    voice_asked: float
    first_audio: float
    received: tuple[float, ...]
    heard: float
    underruns: int

    @property
    def total(self) -> float:
        """Prompt to first packet."""
        return self.received[0] - self.sent

    @property
    def model(self) -> float:
        """The model's share: request to first token."""
        return self.first_token - self.model_asked

    @property
    def text_wait(self) -> float:
        """First token to first clause."""
        return self.clause_written - self.first_token

    @property
    def sentence_wait(self) -> float:
        """First token to first sentence: what waiting for a whole one would have cost."""
        return self.sentence_written - self.first_token

    @property
    def voice(self) -> float:
        """The voice's share: first clause to first sound."""
        return self.first_audio - self.voice_asked

    @property
    def to_model(self) -> float:
        """The bot's time from the prompt to the model's request."""
        return self.model_asked - self.sent

    @property
    def to_voice(self) -> float:
        """The time of bot and speech server from the first clause's last token to the voice."""
        return self.voice_asked - self.clause_written

    @property
    def to_packet(self) -> float:
        """The time of speech server and bot from the first sound to the first packet."""
        return self.received[0] - self.first_audio

    @property
    def plumbing(self) -> float:
        """What is left of the total without model, text wait and voice: the three ways between them."""
        return self.to_model + self.to_voice + self.to_packet

    @property
    def relay(self) -> float:
        """From the first packet's arrival at the voice server to the guest: the sandbox's own, counted nowhere."""
        return self.heard - self.received[0]
