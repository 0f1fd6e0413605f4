"""The rules by which a call detects people's turns: a telephone has rules of its own."""

from __future__ import annotations

from dataclasses import fields, replace
from unittest.mock import MagicMock

import pytest

from bot.call_factory import CallFactory
from bot.voice.engines import CallEngines
from bot.voice.turns.settings import TELEPHONE_SETTINGS, TurnSettings
from bot.voice.turns.turns import TurnPolicy


@pytest.mark.parametrize(("kind", "settings"), [("phone", TELEPHONE_SETTINGS), ("discord", TurnSettings())])
def test_turns_on_a_telephone_are_detected_by_rules_for_its_narrow_band(
    kind: str, settings: TurnSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_parts = MagicMock()
    monkeypatch.setattr("bot.call_factory.CallParts", build_parts)
    factory = CallFactory(*(MagicMock() for field in fields(CallFactory)))
    factory = replace(factory, turn_policy=TurnPolicy(MagicMock(), MagicMock(), TurnSettings(), TELEPHONE_SETTINGS))
    transport = MagicMock()
    transport.kind = kind
    factory.make(MagicMock(), transport, 0, 1.0, MagicMock())
    engines: CallEngines = build_parts.call_args.args[1]
    assert engines.turn_policy.settings == settings
    often = replace(settings, next_interim=settings.next_interim_often)
    assert engines.turn_policy.with_interims().settings == often
