"""Tests of requests for features that the operator has not set up: the bot says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.features.vision.feature import CANT_SEE
from sandbox.world.entities import Upload
from tests.features.message_stage import CANT_DRAW, message_stage

PICTURE = Upload("cat.png", b"\x89PNG", "image/png")


async def test_without_a_vision_model_the_bot_says_that_it_cannot_see_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with message_stage(tmp_path, monkeypatch, sees=False) as stage:
        alone = await stage.ada.say(stage.general, stage.me, attachments=[PICTURE])
        assert await stage.answer_to(alone) == CANT_SEE
        await stage.nothing_is_asked()
        beside = await stage.ada.say(stage.general, f"{stage.me} what is this?", attachments=[PICTURE])
        assert await stage.answer_to(beside) == CANT_SEE
        assert await stage.answer_to(beside, "I see.") == "I see."
        assert stage.model.asked[-1][-1]["content"].endswith("what is this?")
        assert stage.written() == [CANT_SEE, CANT_SEE, "I see."]


async def test_a_wish_for_a_drawing_is_not_answered_as_small_talk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with message_stage(tmp_path, monkeypatch) as stage:
        asked = await stage.ada.say(stage.general, f"{stage.me} draw a cat")
        assert await stage.answer_to(asked) == CANT_DRAW
        await stage.nothing_is_asked()
