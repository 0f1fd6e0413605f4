"""A rehearsal tries other models of speech recognition (ears) beside the one in use, with the same questions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.demo.lines import SpokenLine
from bot.models.catalogue import Model
from bot.models.model_store import ModelStore
from bot.own_weights import OwnWeights
from bot.rehearse import ears
from bot.rehearse.ears import other_ears, recogniser_in_use, try_ears
from bot.voice.transcribe.transcriber import Transcript, TranscriptionError, TranscriptionRequest
from config.settings import Settings
from sandbox.word_errors import WordErrors

pytestmark = pytest.mark.usefixtures("clean_environment")
HERE = {"whisper-tiny", "whisper-base", "whisper-turbo", "silero-vad"}


@pytest.mark.parametrize(
    ("variables", "tried"),
    [
        ({}, {"whisper-tiny"}),
        ({"STT_MODEL": "whisper-small"}, {"whisper-tiny", "whisper-base"}),
        ({"STT_MODEL": "tiny"}, set()),
        ({"STT_URL": "http://127.0.0.1:8000/v1"}, {"whisper-tiny", "whisper-base", "whisper-turbo"}),
    ],
)
def test_only_smaller_models_on_this_machine_are_tried(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], tried: set[str]
) -> None:
    def is_here(_: ModelStore, name: str, __: Model) -> bool:
        return name in HERE

    monkeypatch.setattr(ModelStore, "is_whole", is_here)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert other_ears(Settings.read()).keys() == tried


def test_the_model_in_use_is_that_of_the_profile_or_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recogniser_in_use(Settings.read()) == "whisper-base"
    monkeypatch.setenv("STT_MODEL", "small")
    assert recogniser_in_use(Settings.read()) == "whisper-small"


class Ears:
    """A transcriber that always hears the same words, or fails."""

    def __init__(self, heard: str | None) -> None:
        self._heard = heard
        self.closed = False

    async def warm_up(self) -> None:
        if self._heard is None:
            raise TranscriptionError("The model can't be loaded.")

    async def transcribe(self, _: TranscriptionRequest) -> Transcript:
        return Transcript(self._heard or "")

    async def close(self) -> None:
        self.closed = True


async def test_each_model_gets_the_same_questions_and_failing_models_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str | None, Ears] = {}

    async def make(settings: Settings, *_: object) -> Ears:
        model = settings.stt.model
        return made.setdefault(model, Ears({None: "How are you?", "/tiny": "How are we?"}.get(model)))

    monkeypatch.setattr(ears, "make_transcriber", make)
    lines = [SpokenLine("Ada", "How are you?", np.zeros(4_800, np.float32))] * 2
    others = {"whisper-tiny": Path("/tiny"), "broken": Path("/broken")}
    used, tiny = await try_ears(Settings.read(), OwnWeights(), others, lines)
    assert (used.model, used.errors) == ("whisper-base", WordErrors(0, 6))
    assert (tiny.model, tiny.errors) == ("whisper-tiny", WordErrors(2, 6))
    assert made.keys() == {None, "/tiny", "/broken"}
    assert all(each.closed for each in made.values())
    made[None] = Ears(None)
    assert await try_ears(Settings.read(), OwnWeights(), others, lines) == ()
