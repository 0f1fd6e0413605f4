"""Errors of the speech server's client."""

from __future__ import annotations

from bot.user_error import UserError


class SpeechUnavailable(Exception):  # noqa: N818
    """The speech server can't be reached. The text says why, for people."""


class SpeechLimitError(SpeechUnavailable):
    """The voice costs money, and today's limit is reached, so the speech server was not asked."""


class LowPerformanceError(UserError):
    """Low-performance mode could not be switched on or off. The text says why, for people."""


class VoicesError(UserError):
    """A request about voices failed. The text is for people.

    ``status`` is the HTTP status of the server's refusal; ``None`` if it was no refusal, or the server is away.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class VoiceExistsError(VoicesError):
    """There is already a voice with this name."""


class UnknownVoiceError(VoicesError):
    """There is no voice with this name. ``offer`` is a sentence that names similar voices; empty if there are none."""

    def __init__(self, message: str, offer: str) -> None:
        super().__init__(message)
        self.offer = offer


class UnspeakableError(Exception):
    """The speech server's better engine can't speak a text. The error's text says why."""


class VoiceAwayError(Exception):
    """The speech server can't be reached, or can't answer now. The text says why."""


class VoiceLimitError(VoiceAwayError):
    """The voice costs money, and today's limit is reached, so the speech server was not asked."""


class RedirectedError(ValueError):
    """The server redirects a request to another address, which the client does not ask. The text names the server."""


class ServerFailed(Exception):  # noqa: N818
    """A speech server has failed or is too slow, so another one is used, if there is one. The text says why.

    Attributes:
        slow: whether it was too slow.
    """

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow
