"""What can go wrong with the speech server. Where a text is for people, the error says so."""

from __future__ import annotations

from bot.user_error import UserError


class SpeechUnavailable(Exception):  # noqa: N818
    """The speech server can't be reached; the text says why, for people."""


class LowPerformanceError(UserError):
    """The server could not be asked; the text says why, for people."""


class VoicesError(UserError):
    """What was asked of the voices could not be done; the text is for people."""


class VoiceExistsError(VoicesError):
    """There is already a voice with that name."""


class UnknownVoiceError(VoicesError):
    """There is no voice of that name. ``offer`` is a sentence that names those near it; empty where there are none."""

    def __init__(self, message: str, offer: str) -> None:
        super().__init__(message)
        self.offer = offer


class UnspeakableError(Exception):
    """The better voice can't say this; the text says why."""


class VoiceAwayError(Exception):
    """The speech server can't be asked now; the text says why."""


class AnswerTooLargeError(ValueError):
    """An answer of the server's has more bytes than it may have."""
