"""The report of ``!voice-status`` names the limits of the day that are reached."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from bot.commands.status_report import EngineTexts, StatusReporter
from bot.llm.personas import Character, Persona
from bot.speech_server.status import ServerHealth
from bot.voice.call_life import CallState
from bot.voice.manager import CallStatus
from config.sections import MemoryPolicy

REACHED = "Today's limit of 1,000 tokens is reached."
CALM = Character(
    "seiyuu",
    Persona(name="Seiyuu", also_called=(), description="x", moods={"calm": "calm."}, default_mood="calm"),
    "calm",
)


@pytest.mark.parametrize("limits", [(), (REACHED,)])
async def test_the_report_names_the_limits_of_the_day_that_are_reached(limits: tuple[str, ...]) -> None:
    async def health() -> ServerHealth:
        return ServerHealth(ok=True, text="fine")

    calls = MagicMock()
    calls.status.return_value = CallStatus(CallState.IDLE, (), 0, (), ())
    calls.current_on.return_value = None
    texts = EngineTexts(lambda _: CALM, lambda _: "a model", None, MemoryPolicy.ASK, lambda: limits)
    report = await StatusReporter(calls, texts, lambda: "ears", health).report(1, MagicMock())
    assert (f"⚠️ {REACHED}" in report.splitlines()) == bool(limits)
