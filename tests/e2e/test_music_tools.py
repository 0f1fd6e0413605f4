"""The model plays music because a person asked for it in writing, in a call on Discord and in one on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.bot.http.chat_house import page_at
from tests.bot.music.pieces import wav, write
from tests.e2e.conftest import StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.test_music import MUSIC_HZ, decoders, hear, levels


def playing(line: str) -> Answer:
    if "plays now" in line:
        return Answer("Enjoy it.")
    if "music is off" in line:
        return Answer("It is off.")
    if "was not run" in line:
        return Answer("I did not do that.")
    if "stop the music" in line:
        return Answer(calls=("change_music",), arguments='{"change": "stop"}')
    return Answer(calls=("play_music",), arguments='{"name": "long tone"}')


def piece(folder: Path) -> Path:
    write(folder / "Long Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    return folder


async def test_the_model_plays_music_in_a_call_on_discord_and_ends_it(make_stage: StageMaker, tmp_path: Path) -> None:
    async with (
        ScriptedModel(playing) as model,
        serving_tones(tmp_path) as address,
        make_stage(
            llm_url=model.url, tts_websocket_url=address, music_dir=piece(tmp_path / "music"), music_volume=100
        ) as stage,
    ):
        await stage.join()
        await stage.ask("What does this page say?")
        await stage.turns(1)
        assert decoders() == [], "nobody asked for music"
        await stage.ask("Play the long tone, please.")
        await stage.turns(2)
        since = await hear(stage, 60)
        assert levels(stage, MUSIC_HZ, since).max() > -40
        await stage.ask("Please stop the music.")
        await stage.turns(3)
        await stage.until(lambda: decoders() == [], "the end of the music")


async def test_the_model_plays_music_in_a_call_on_the_page(make_stage: StageMaker, tmp_path: Path) -> None:
    async with (
        ScriptedModel(playing) as model,
        make_stage(llm_url=model.url, music_dir=piece(tmp_path / "music")) as stage,
        page_at(stage.app.web.server.url) as page,
    ):
        await page.hello()
        await page.send(type="text", text="Play the long tone, please.")
        await page.count("audio_end", 1)
        assert page.all("audio_end")[-1]["heard"].endswith("Enjoy it.")
        assert len(decoders()) == 1
        await page.until("background", on=True)
        heard = len(page.sound)
        await page.wait(lambda: len(page.sound) > heard + 24_000, "music between the answers")
        music = np.frombuffer(bytes(page.sound[heard:]), "<i2")
        assert np.abs(music.astype(np.int32)).max() > 300
        await page.send(type="text", text="Please stop the music.")
        await page.count("audio_end", 2)
        assert page.all("audio_end")[-1]["heard"].endswith("It is off.")
        assert all(each["heard"].strip() in ("Enjoy it.", "It is off.") for each in page.all("audio_end"))
        await stage.until(lambda: decoders() == [], "the end of the music")
