"""Texts for people about a change of the engine that speaks in a call."""

from __future__ import annotations

from wire.messages import EngineChange, EngineChanged, Notice, Warned

_WHILE_AWAY: dict[EngineChange, str] = {
    "loading": "⏳ My voice is being loaded; {engine} speaks until it is there.",
    "too_slow": "🐢 My voice can't keep up at the moment; {engine} speaks until it can.",
    "out_of_memory": "⚠️ The graphics card is full, so {engine} speaks in place of my voice until there is room.",
    "failed": "⚠️ My voice has failed, so {engine} speaks until it works again: {detail}",
    "asked": "🐢 Low-performance mode is on, so {engine} speaks meanwhile.",
}
MAX_WARNINGS = 5
"""Maximum number of warnings that one call passes on. They are the server's own words."""
MAX_CHANGES = 20
"""Maximum number of changes of the engine that one call reports."""
BACK = "🎤 My own voice is back."


class VoiceNotices:
    """Texts for people about changes of the engine in one call. Each change is reported once.

    A server may send any text, as often as it likes. So each warning is passed on once, and a call has limits.
    """

    def __init__(self) -> None:
        self._state: EngineChange = "ready"
        self._warned = set[str]()
        self._changes = 0

    def text_for(self, notice: Notice) -> str | None:
        """The text to write into the prompt channel about a notice of the server; ``None`` if there is none."""
        match notice:
            case Warned(text) if text not in self._warned and len(self._warned) < MAX_WARNINGS:
                self._warned.add(text)
                return text
            case EngineChanged(engine, reason, detail) if reason != self._state and self._changes < MAX_CHANGES:
                self._changes += 1
                self._state = reason
                detail = detail or "the reason is not known"
                return BACK if reason == "ready" else _WHILE_AWAY[reason].format(engine=engine, detail=detail)
            case _:
                return None
