"""Finds the call that is meant when somebody asks for something in a place."""

from __future__ import annotations

from typing import Any

from bot.tools.tool import Asker
from bot.voice.call import Call
from bot.voice.manager import CallManager

Where = int | str
"""Where somebody asks for something: the id of a call, of a Discord server, or of the page."""


def call_at(manager: CallManager[Call[Any]], where: Where) -> Call[Any] | None:
    """The active call that is meant; ``None`` if there is none. In a place with several calls, none is meant."""
    found = [call for call in manager.calls if where in (call.id, call.server)]
    return found[0] if len(found) == 1 else None


def where_asked(asker: Asker) -> Where:
    """The id of the call in which a person asks; outside of calls, the id of the place."""
    return asker.server if asker.call is None else asker.call
