"""The text on the page while no call can begin there because of other calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.voice.call import Call
from bot.voice.phone.transport import PhoneCall

CALL_ON_DISCORD = "❌ I'm in a call on Discord. I can talk here when it is over."
CALLS_ON = "❌ I'm in {count} calls already. I can talk here when one of them is over."
CALL_ON_PHONE = "❌ I'm in a phone call. I can talk here when it is over."


def elsewhere_text(calls: Sequence[Call[Any]]) -> str:
    """The text for somebody on the page while these calls are on elsewhere, so that no other can begin."""
    if len(calls) > 1:
        return CALLS_ON.format(count=len(calls))
    return CALL_ON_PHONE if any(isinstance(call, PhoneCall) for call in calls) else CALL_ON_DISCORD
