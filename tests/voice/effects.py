"""Events in, effects out: helpers for tests of state machines, and of other code that returns lists of events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

_Kind = TypeVar("_Kind")
_Effect = TypeVar("_Effect")
_Effect_co = TypeVar("_Effect_co", covariant=True)


class StateMachine(Protocol[_Effect_co]):
    """Turns each event into effects."""

    def handle(self, event: Any) -> Iterable[_Effect_co]:
        """Handle one event; returns its effects in order."""
        ...


def effects_of(machine: StateMachine[_Effect], *events: object) -> list[_Effect]:
    """Feed events to a state machine in order; returns all their effects."""
    return [effect for event in events for effect in machine.handle(event)]


def only(kind: type[_Kind], effects: Iterable[object]) -> list[_Kind]:
    """The effects of one class."""
    return [effect for effect in effects if isinstance(effect, kind)]


def kinds(effects: Iterable[object]) -> list[type]:
    """The class of each effect."""
    return [type(effect) for effect in effects]
