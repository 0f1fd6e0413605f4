"""Starts the tasks of a call's parts. Each part has a task group of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from bot.voice.turn import TurnId
from config.json_log import TURN

T = TypeVar("T")


def start_task(
    tasks: asyncio.TaskGroup | None, work: Coroutine[Any, Any, T], name: str, turn: TurnId | None = None
) -> asyncio.Task[T]:
    """Start a task in the task group of one part of a call.

    Args:
        tasks: the group; ``None`` if the part does not run.
        work: what the task does.
        name: name of the task.
        turn: the turn that the task works for, for the log; ``None`` if there is none.

    Raises:
        RuntimeError: the part does not run, or it is ending. The coroutine ``work`` is closed, so that Python does not
            warn that it was never awaited.
    """
    try:
        if tasks is None:
            raise RuntimeError(f"{name}: this part of the call does not run")
        context = copy_context()
        context.run(TURN.set, None if turn is None else str(turn))
        return tasks.create_task(work, name=name, context=context)
    except RuntimeError:
        work.close()
        raise
