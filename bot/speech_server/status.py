"""How the speech server is, from its own answers."""

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
    """Whether the server can speak; ``text`` says which engine speaks and why, or what is missing.

    As a string it is the text, marked with a warning sign where nothing can be spoken.
    """

    ok: bool
    text: str

    def __str__(self) -> str:
        return self.text if self.ok else f"⚠️ {self.text}"


@dataclass(frozen=True, slots=True)
class PerformanceStatus:
    """The name of the engine that speaks now; ``spares_nothing``: it was to give way, and there is no simpler one."""

    engine: str
    spares_nothing: bool = False


def can_speak(health: dict[str, Any]) -> bool:
    """Whether an engine is there that speaks; raises ``KeyError`` and ``TypeError``."""
    wanted = health["engine"]
    return wanted is not None and health.get("speaking", wanted) is not None and health.get("ready") is not False


def describe_engine(health: dict[str, Any]) -> str:
    """Which engine speaks, and why if it stands in for another; raises ``KeyError`` and ``TypeError``."""
    wanted, speaking, state = health["engine"], health.get("speaking"), health.get("state")
    if state in (None, "ready") or speaking == wanted:
        return str(wanted)
    progress = f", {100 * health['loading']:.0f} %" if health.get("loading") is not None else ""
    return f"{speaking}, in place of {wanted} ({_WHY.get(state, 'away')}{progress})"
