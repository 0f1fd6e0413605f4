"""What people in a call are told of the voice: that another stands in for it, that it is back, that a card is full."""

from __future__ import annotations

from wire.messages import EngineChange, EngineChanged, Notice, Warned

_WHILE_AWAY: dict[EngineChange, str] = {
    "loading": "⏳ My voice is being loaded; {engine} speaks until it is there.",
    "too_slow": "🐢 My voice can't keep up at the moment; {engine} speaks until it can.",
    "out_of_memory": "⚠️ The graphics card is full, so {engine} speaks in place of my voice until there is room.",
    "failed": "⚠️ My voice has failed, so {engine} speaks until it works again: {detail}",
    "asked": "🐢 Low-performance mode is on, so {engine} speaks meanwhile.",
}
MAX_DETAIL = 500
BACK = "🎤 My own voice is back."


class VoiceNotices:
    """One call's: turns the server's notices into words, and each state into words once."""

    def __init__(self) -> None:
        self._state: EngineChange = "ready"

    def words(self, notice: Notice) -> str | None:
        """What to write in the prompt channel, where there is anything to say."""
        match notice:
            case Warned(text):
                return text
            case EngineChanged(engine, reason, detail) if reason != self._state:
                self._state = reason
                detail = detail[:MAX_DETAIL] or "the reason is not known"
                return BACK if reason == "ready" else _WHILE_AWAY[reason].format(engine=engine, detail=detail)
            case _:
                return None
