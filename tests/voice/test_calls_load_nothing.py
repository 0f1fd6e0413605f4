"""Calls load nothing: all that they share is loaded when the bot starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import onnxruntime
import pytest
import yaml

from bot.characters import Characters, LocalCharacter
from bot.consent import ListeningConsent
from bot.database import Database
from bot.llm.personas import PERSONAS_DIR
from bot.store import Store
from bot.voice.call_parts import CallParts
from bot.voice.engines import CallEngines
from bot.voice.listening_notice import ListeningTerms
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.turns.turns import load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import CallSettings, ListeningPolicy
from tests.voice.doubles import HummingSpeech, RepeatingResponder
from tests.voice.memory_transport import MemoryTransport
from wire.parameters import SpeechParameters


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("a call loads something")


async def test_calls_are_built_from_parts_that_were_loaded_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Database.opened(tmp_path / "calls.sqlite3") as database:
        characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
        consent = await ListeningConsent.load(Store(database), ListeningPolicy.OPT_OUT)
        ears = WhisperTranscriber(WhisperOptions("nowhere", "cpu", 1, "en"), Corrections())
        policy, words, character = load_turn_policy(), load_word_lists(), LocalCharacter(characters, 0)
        engines = CallEngines(
            character, lambda *_: RepeatingResponder(), lambda _: HummingSpeech(), SpeechParameters, ears, policy, words
        )
        terms = ListeningTerms("!", 0, None)
        for loads, name in (
            (onnxruntime, "InferenceSession"),
            (yaml, "safe_load"),
            (Path, "read_text"),
            (Path, "open"),
        ):
            monkeypatch.setattr(loads, name, _refuse)
        for _ in range(2):
            CallParts(
                MemoryTransport({1: "Ada"}),
                engines,
                consent,
                CallSettings(),
                terms,
                tmp_path,
                volume=1.0,
                watch=lambda _: None,
            )
        monkeypatch.undo()
        await ears.close()
