"""State of the speech server: health and low-performance mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from wire.fields import finite_number

_WHY = {
    "loading": "not loaded yet",
    "too_slow": "too slow just now",
    "out_of_memory": "the graphics card is full",
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

    def standing_in_for(self, place: str, *, spared: bool) -> ServerHealth:
        """This health, as that of a server that is used in place of the one at ``place``.

        Args:
            spared: whether the one at ``place`` is not used because today's limit is reached.
        """
        why = "for which today's limit is reached" if spared else "which doesn't answer or is too slow"
        return ServerHealth(self.ok, f"{self.text}, standing in for {place}, {why}")


@dataclass(frozen=True, slots=True)
class PerformanceStatus:
    """State of low-performance mode, in which a simpler engine speaks.

    Attributes:
        engine: the engine that speaks now.
        spares_nothing: whether the mode has no effect, because there is no simpler engine.
        was_low: whether the mode was on before.
        limited: whether the mode is on because today's limit is reached.
        costs_money: whether what this engine speaks costs money.
    """

    engine: str
    spares_nothing: bool = False
    was_low: bool = False
    limited: bool = False
    costs_money: bool = False


@dataclass(frozen=True, slots=True)
class EngineState:
    """Which engine speaks now, and how far the preferred one is loaded.

    Attributes:
        engine: name of the preferred engine; ``None`` while the server starts.
        speaking: name of the engine that speaks now; ``None`` while the server starts.
        state: ``ready`` if the preferred engine speaks, or the reason why it does not, such as ``loading``.
        loading: progress of loading, 0 to 1; ``None`` if nothing is being loaded.
    """

    engine: str | None
    speaking: str | None
    state: str
    loading: float | None

    @classmethod
    def of(cls, health: dict[str, Any]) -> Self:
        """Read the answer of ``/health``. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        progress = health.get("loading")
        loading = None if progress is None else min(max(finite_number(progress), 0.0), 1.0)
        return cls(_name(health["engine"]), _name(health.get("speaking")), str(health.get("state", "ready")), loading)


def _name(value: object) -> str | None:
    return None if value is None else str(value)[:200]


def can_speak(health: dict[str, Any]) -> bool:
    """Whether an engine can speak according to the answer of ``/health``; raises ``KeyError`` and ``TypeError``."""
    wanted = health["engine"]
    return wanted is not None and health.get("speaking", wanted) is not None and health.get("ready") is not False


def describe_engine(health: dict[str, Any]) -> str:
    """Name the engine that speaks. If it is a fallback, say why it speaks, and whether it costs money.

    The argument is the answer of ``/health``. Raises ``KeyError``, ``TypeError`` and ``ValueError`` if it is malformed.
    """
    wanted, speaking, state = health["engine"], health.get("speaking"), health.get("state")
    if state in (None, "ready") or speaking == wanted:
        return str(wanted)
    progress = f", {100 * finite_number(health['loading']):.0f} %" if health.get("loading") is not None else ""
    costs = "; it costs money" if health.get("costs_money") is True else ""
    return f"{speaking}, in place of {wanted} ({_WHY.get(state, 'away')}{progress}{costs})"
