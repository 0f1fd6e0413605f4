"""Which rules a call's turns are detected by."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any
from unittest.mock import MagicMock

import pytest

from bot.call_factory import CallFactory
from bot.voice.turns.settings import TELEPHONE_SETTINGS, TurnSettings
from bot.voice.turns.turns import TurnPolicy


@pytest.mark.parametrize(("kind", "settings"), [("phone", TELEPHONE_SETTINGS), ("discord", TurnSettings())])
def test_turns_on_a_telephone_are_detected_by_rules_for_its_narrow_band(kind: str, settings: TurnSettings) -> None:
    class Made:
        """Takes the place of the call, and keeps its engines."""

        def __init__(self, transport: Any, engines: Any, *_: object, **__: object) -> None:
            self.engines = engines
            self.when_closed = MagicMock()

    factory = CallFactory(*(MagicMock() for field in fields(CallFactory)))
    factory = replace(factory, turn_policy=TurnPolicy(MagicMock(), MagicMock(), TurnSettings(), TELEPHONE_SETTINGS))
    transport = MagicMock()
    transport.kind = kind
    made: Any = factory.make(Made, transport, 0, 1.0, MagicMock())  # type: ignore[type-var]
    assert made.engines.turn_policy.settings == settings
    often = replace(settings, next_interim=settings.next_interim_often)
    assert made.engines.turn_policy.with_interims().settings == often
