"""Many equal refusals at once become few messages, so that other answers need not wait behind them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail

_log = logging.getLogger(__name__)

COUNTED = "{text}\n-# This answers {count} messages."

Send = Callable[[str], Awaitable[object]]


class MergedAnswers:
    """Sends refusals. While one is being sent, equal ones for the channel are counted, and then sent as one message.

    Discord takes five messages in five seconds in a channel. Forty refusals would delay every other answer there by 40
    seconds. Use it on the event loop.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str], int] = {}

    async def send(self, channel: int, text: str, send: Send) -> None:
        """Send a refusal, or count it in the next one. An error of Discord, or of the way to it, is logged."""
        key = (channel, text)
        if key in self._counts:
            self._counts[key] += 1
            return
        count = 1
        try:
            while count:
                self._counts[key] = 0
                try:
                    await send(text if count == 1 else COUNTED.format(text=text, count=count))
                except DISCORD_ERRORS as cause:
                    _log.warning(
                        "Could not answer %d message(s) in channel %d: %s", count, channel, discord_error_detail(cause)
                    )
                count = self._counts[key]
        finally:
            del self._counts[key]
