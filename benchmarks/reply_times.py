"""The times of one reply to a typed prompt, and the bot's own share of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyTimes:
    """The times of one reply, in monotonic seconds. On Linux, all processes share this clock.

    Attributes:
        sent: the prompt's MESSAGE_CREATE was written to the bot's socket.
        model_asked: the model got the request.
        first_token: the model wrote its first token.
        clause_written: the model wrote the token that completes the first clause, number ``clause_tokens``.
        sentence_written: the model wrote the token that completes the first sentence.
        voice_asked: the voice began with the first clause.
        first_audio: the voice gave its first sound.
        received: each voiced packet's arrival at the voice server; at least one.
        heard: the first voiced packet reached the guest.
        underruns: number of 20 ms frames of silence in the reply that were sent because sound was late.
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
        """The time from the prompt to the first packet."""
        return self.received[0] - self.sent

    @property
    def model(self) -> float:
        """The model's share: from the request to the first token."""
        return self.first_token - self.model_asked

    @property
    def text_wait(self) -> float:
        """The time from the first token to the complete first clause."""
        return self.clause_written - self.first_token

    @property
    def sentence_wait(self) -> float:
        """The time from the first token to the complete first sentence: the wait if whole sentences were spoken."""
        return self.sentence_written - self.first_token

    @property
    def voice(self) -> float:
        """The voice's share: from the first clause to the first sound."""
        return self.first_audio - self.voice_asked

    @property
    def to_model(self) -> float:
        """The bot's time from the prompt to the model's request."""
        return self.model_asked - self.sent

    @property
    def to_voice(self) -> float:
        """The time of bot and speech server from the last token of the first clause until the voice begins with it."""
        return self.voice_asked - self.clause_written

    @property
    def to_packet(self) -> float:
        """The time of speech server and bot from the first sound to the first packet."""
        return self.received[0] - self.first_audio

    @property
    def plumbing(self) -> float:
        """The bot's own three shares: the total without the model, the text wait and the voice."""
        return self.to_model + self.to_voice + self.to_packet

    @property
    def relay(self) -> float:
        """The sandbox's own time for the first packet, from the voice server to the guest. It is not counted."""
        return self.heard - self.received[0]
