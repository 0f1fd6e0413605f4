"""The times of one reply to a typed prompt, and the bot's own share of them."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.answer_stages import AnswerStages


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTimes(AnswerStages):
    """The times of one reply, in monotonic seconds.

    Attributes:
        sent: when the prompt's MESSAGE_CREATE was written to the bot's socket.
        clause_tokens: the number of the token that completes the first clause.
        sentence_written: when the model wrote the token that completes the first sentence.
        heard: when the first voiced packet reached the guest.
        underruns: number of frames of silence, 20 ms each, that were sent within the reply because sound was late.
    """

    sent: float
    clause_tokens: int
    sentence_written: float
    heard: float
    underruns: int

    @property
    def total(self) -> float:
        """The time from the prompt to the first packet."""
        return self.received[0] - self.sent

    @property
    def sentence_wait(self) -> float:
        """The time from the first token to the complete first sentence: the wait if whole sentences were spoken."""
        return self.sentence_written - self.first_token

    @property
    def to_model(self) -> float:
        """The bot's time from the prompt until it asks the model."""
        return self.model_asked - self.sent

    @property
    def plumbing(self) -> float:
        """The bot's own three shares: the total without the model, the text wait and the voice."""
        return self.to_model + self.to_voice + self.to_packet

    @property
    def relay(self) -> float:
        """The sandbox's own time for the first packet, from the voice server to the guest. It is not counted."""
        return self.heard - self.received[0]
