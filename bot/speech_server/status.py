"""State of the speech server: health and low-performance mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_WHY = {
    "loading": "not loaded yet",
    "too_slow": "too slow just now",
    "out_of_memory": "the card is full",
    "failed": "it failed",
    "asked": "low-performance mode",
}


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """Health of the speech server.

    ``ok`` is True if it can speak. ``text`` names the engine that speaks, or says what is missing. ``str`` gives this
    text, with a warning sign if ``ok`` is False.
    """

    ok: bool
    text: str

    def __str__(self) -> str:
        return self.text if self.ok else f"⚠️ {self.text}"


@dataclass(frozen=True, slots=True)
class PerformanceStatus:
    """State of low-performance mode, in which a simpler engine speaks.

    ``engine`` is the engine that speaks now. ``spares_nothing`` is True if the mode has no effect, because there is no
    simpler engine.
    """

    engine: str
    spares_nothing: bool = False


def can_speak(health: dict[str, Any]) -> bool:
    """Whether an engine can speak according to the answer of ``/health``; raises ``KeyError`` and ``TypeError``."""
    wanted = health["engine"]
    return wanted is not None and health.get("speaking", wanted) is not None and health.get("ready") is not False


def describe_engine(health: dict[str, Any]) -> str:
    """Name the engine that speaks, and say why it is a fallback if it is one.

    The argument is the answer of ``/health``. Raises ``KeyError`` and ``TypeError`` if it is malformed.
    """
    wanted, speaking, state = health["engine"], health.get("speaking"), health.get("state")
    if state in (None, "ready") or speaking == wanted:
        return str(wanted)
    progress = f", {100 * health['loading']:.0f} %" if health.get("loading") is not None else ""
    return f"{speaking}, in place of {wanted} ({_WHY.get(state, 'away')}{progress})"
