"""What the page is told while a call is on that is not its own."""

from __future__ import annotations

from typing import Any

from bot.voice.call import Call
from bot.voice.phone.transport import PhoneCall

CALL_ON_DISCORD = "❌ I'm in a call on Discord. I can talk here when it is over."
CALL_ON_PHONE = "❌ I'm in a phone call. I can talk here when it is over."


def elsewhere_text(call: Call[Any]) -> str:
    """The text for somebody on the page while this call is on elsewhere."""
    return CALL_ON_PHONE if isinstance(call, PhoneCall) else CALL_ON_DISCORD
