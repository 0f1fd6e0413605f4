"""Tests of the buttons below the answer to `!nowplaying`: they act on the piece that it shows, and on no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.music_buttons import OVER, MusicButton
from sandbox.world.entities import Message
from tests.bot.music.pieces import wav, write
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.test_music import decoders


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str, tmp_path: Path) -> AsyncIterator[Stage]:
    music = tmp_path / "music"
    for name in ("First_One", "Second One"):
        write(music / f"{name}.wav", wav(60.0, 0.3, rate=16_000, channels=1))
    async with make_stage(tts_websocket_url=speech_server, music_dir=music) as stage:
        await stage.join()
        for name, sign in (("first", "▶️"), ("second", "➕")):
            await stage.answer_to(f"!play {name}", starts=sign)
        yield stage


async def shown(stage: Stage) -> Message:
    """What the bot answers to ``!nowplaying``."""
    text = await stage.answer_to("!nowplaying", starts="▶️")
    return next(each for each in reversed(stage.ada.messages(stage.sandbox.home.general)) if each.content == text)


async def press(stage: Stage, message: Message, button: MusicButton) -> list[str]:
    """Press a button. Returns the lines that the message has then."""
    before = message.content
    await (await stage.ada.click(message, button)).acknowledgement(LIMIT)
    await stage.until(lambda: now(stage, message).content != before, "the new text")
    return now(stage, message).content.splitlines()


def now(stage: Stage, message: Message) -> Message:
    return next(each for each in stage.ada.messages(stage.sandbox.home.general) if each.id == message.id)


async def test_the_buttons_pause_skip_and_stop_the_piece_that_is_shown_and_no_other(stage: Stage) -> None:
    first, same = await shown(stage), await shown(stage)
    assert (await press(stage, first, MusicButton.PAUSE))[0] == "⏸️ First\\_One"
    resumed = await press(stage, now(stage, first), MusicButton.PAUSE)
    assert resumed[0] == "▶️ First\\_One"
    assert resumed[1].startswith("🔘")
    assert resumed[1].endswith(" / 1:00")
    assert await press(stage, now(stage, first), MusicButton.SKIP) == ["First\\_One", "⏭️ Skipped."]
    assert not now(stage, first).components
    assert await stage.told("▶️ Second") == "▶️ Second One"
    second = await shown(stage)
    assert await press(stage, same, MusicButton.SKIP) == ["First\\_One", OVER], (
        "a button for a piece that is over skips no other piece"
    )
    assert not now(stage, same).components
    assert await press(stage, second, MusicButton.STOP) == ["Second One", "⏹️ The music is off."]
    await stage.until(lambda: decoders() == [], "the end of the music")
    assert "Nothing is playing" in await stage.answer_to("!nowplaying", starts="🎵")


async def test_after_the_call_the_buttons_say_that_the_piece_is_over(stage: Stage) -> None:
    message = await shown(stage)
    await stage.answer_to("!leave", starts="👋")
    assert await press(stage, message, MusicButton.PAUSE) == ["First\\_One", OVER]


async def test_whoever_may_not_use_the_commands_may_not_press_the_buttons(stage: Stage) -> None:
    ben = await stage.sandbox.add_guest("Ben")
    message = await shown(stage)
    told = await (await ben.click(message, MusicButton.SKIP)).response(LIMIT)
    assert told.content.startswith("🔒 `!skip` is for people in the call")
    assert now(stage, message).content == message.content
    assert (await press(stage, message, MusicButton.PAUSE))[0] == "⏸️ First\\_One"
