"""Waits for a model server that is loading its model, is overloaded, or can't be reached by its proxy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from bot.llm.errors import ModelError, Refusal
from bot.retry_after import retry_after

FIRST_PAUSE = 0.25
"""First pause between two attempts, in seconds, if the server names no time. The pause doubles each time."""
MAX_PAUSE = 2.0
"""Longest pause between two attempts, in seconds, if the server names no time."""
MAX_BLIND_WAITS = 3
"""Maximum number of waits for a server that has too many requests, or that a proxy can't reach, if the answer does not
say how long to wait. After these waits, the request fails."""
MAX_LOADING_PAUSE = 5.0
"""Longest pause between two attempts while the server loads its model, in seconds, even if it asks for a longer one."""

# The status of overloaded servers, such as Anthropic's. http.HTTPStatus lacks it.
_OVERLOADED = 529
_NOT_READY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_EARLY, _OVERLOADED})
_BEHIND_A_PROXY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""Statuses with which a proxy answers while the server behind it restarts or is gone."""
_LOADING = re.compile(
    r"\bloading (?:the )?model|model (?:is )?(?:still |currently )?(?:being )?load(?:ing|ed)\b|currently loading"
    r"|still loading|not ready|not loaded yet|warming up",
    re.IGNORECASE,
)
_DELAY_IN_BODY = re.compile(
    r"(?:\"retryDelay\"\s*:\s*\"|(?:try again|retry) in )(?:(?P<minutes>\d{1,4})m(?!s)\s?)?"
    r"(?P<amount>\d{1,9}(?:\.\d{1,9})?)\s?(?P<unit>ms|s)\b",
    re.IGNORECASE,
)
_MILLISECONDS = 1000


class ServerWait:
    """The waits of one request.

    Args:
        begin_by: the event loop's time by which the reply must have begun.
        notice_after: seconds that the server may be loading its model before ``when_loading`` is called, once.

    Attributes:
        loading_error: the last error with which the server said that it was loading its model.
    """

    def __init__(self, begin_by: float, notice_after: float, when_loading: Callable[[], None]) -> None:
        self._begin_by = begin_by
        self._notice_after = notice_after
        self._when_loading: Callable[[], None] | None = when_loading
        self._loading_since: float | None = None
        self._notice: asyncio.TimerHandle | None = None
        self._waits = 0
        self.loading_error: ModelError | None = None

    async def until_ready(self, refusal: Refusal, failure: ModelError) -> None:
        """Wait until the server may be ready.

        Raises ``failure`` at once if that would take too long or the quota is used up, and after
        :data:`MAX_BLIND_WAITS` waits if the server neither loads its model nor names a time.
        """
        self._waits += 1
        loading = _is_loading(refusal)
        if loading:
            self.loading_error = failure
            self._set_notice()
        wanted = wait_asked_for(refusal, datetime.now(UTC))
        pause = pause_before(self._waits)
        if not loading:
            if refusal.quota_used_up or (wanted is None and self._waits > MAX_BLIND_WAITS):
                raise failure
            pause = max(pause, wanted or 0.0)
        elif wanted is not None:
            pause = min(max(pause, wanted), MAX_LOADING_PAUSE)
        if asyncio.get_running_loop().time() + pause >= self._begin_by:
            raise failure
        await asyncio.sleep(pause)

    def stop(self) -> None:
        """Cancel the notice: the server is ready, or nobody waits any more."""
        if self._notice is not None:
            self._notice.cancel()
            self._notice = None

    def _set_notice(self) -> None:
        loop = asyncio.get_running_loop()
        self._loading_since = loop.time() if self._loading_since is None else self._loading_since
        if self._notice is None and self._when_loading is not None:
            self._notice = loop.call_at(self._loading_since + self._notice_after, self._tell)

    def _tell(self) -> None:
        call, self._when_loading = self._when_loading, None
        if call is not None:
            call()


def says_it_is_loading(text: str) -> bool:
    """Whether a server's message says that it is loading its model."""
    return _LOADING.search(text) is not None


def _is_loading(refusal: Refusal) -> bool:
    """Whether the server is loading its model. Some servers say this with a status that means something else."""
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return False
    return refusal.status in _NOT_READY or says_it_is_loading(refusal.body)


def may_succeed_later(refusal: Refusal) -> bool:
    """Whether the same request may succeed later."""
    return refusal.status in _BEHIND_A_PROXY | {HTTPStatus.TOO_MANY_REQUESTS} or _is_loading(refusal)


def wait_asked_for(refusal: Refusal, now: datetime) -> float | None:
    """Seconds to wait before the next attempt, as the server asks for it; ``None`` if it asks for no valid time.

    Most servers name the time in a header. Gemini and Groq write it into the body. The result can be very large, so the
    caller needs a limit of its own.
    """
    if (asked := retry_after(refusal.headers, now)) is not None:
        return asked
    if found := _DELAY_IN_BODY.search(refusal.body):
        amount = float(found["amount"])
        seconds = amount / _MILLISECONDS if found["unit"].lower() == "ms" else amount
        return 60 * int(found["minutes"] or 0) + seconds
    return None


def pause_before(attempt: int) -> float:
    """Seconds to wait before retry number ``attempt`` (the first retry is 1), if the server names no time."""
    return min(FIRST_PAUSE * 2.0 ** min(attempt - 1, 16), MAX_PAUSE)
