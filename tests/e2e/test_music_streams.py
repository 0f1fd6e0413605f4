"""Radio in a call, from a real server, as a guest hears it: its level, also under a reply, its stalls and its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from audio.loudness import LoudnessMeter
from bot.music.decoding_process import TARGET_LUFS
from bot.voice.mixing.stream import FADE_FRAMES
from sandbox.voice.opus import FRAME_SAMPLES
from tests.bot.music.stations import Station
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.test_endings import END_LIMIT, calling
from tests.e2e.test_music import BACK_WITHIN, DOWN_WITHIN, LOUDEST, MUSIC_HZ, VOICE_HZ, hear, levels
from tests.process_state import children_running

DECODER = "bot.music.live_process"


def decoders() -> list[psutil.Process]:
    """The decoding processes of streams."""
    return children_running(DECODER)


async def test_radio_is_as_loud_as_music_and_quieter_under_a_reply_and_it_stalls_softly_and_ends(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    async with (
        Station(MUSIC_HZ) as station,
        serving_tones(tmp_path) as address,
        make_stage(tts_websocket_url=address, music_urls=("localhost",), music_volume=100, answer_to="name") as stage,
    ):
        await stage.join()
        played = await stage.ask(f"!play {station.url()}")
        assert await stage.told("▶️") == "▶️ Jazz"
        since = await hear(stage, 200)
        sound = stage.ada.voice.receiver.pcm(stage.bot, since=since)[50 * FRAME_SAMPLES : 200 * FRAME_SAMPLES]
        meter = LoudnessMeter()
        meter.add(np.repeat(sound, 2))
        assert meter.lufs == pytest.approx(TARGET_LUFS, abs=1.5)
        alone = await _level_now(stage)
        await _is_quieter_under_a_reply_and_comes_back(stage, alone)
        assert "\n🔴 0:" in await stage.answer_to("!nowplaying", starts="▶️ Jazz")
        await _stalls_softly_and_goes_on(stage, station, alone)
        # Stalls are reported only once, on a slow machine perhaps before this one. So messages since `!play` count.
        stalled = "⏳ Jazz has stalled. It goes on when there is more of it."
        await stage.ada.wait_for_message(
            stage.sandbox.home.general, lambda message: message.content == stalled, LIMIT, after=played
        )
        assert await stage.answer_to("!skip", starts="⏭️") == "⏭️ Skipped."
        await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, LIMIT)
        await stage.until(lambda: decoders() == [] and station.listeners == 0, "the end of the stream")
        assert len(station.asked) == 1
        assert np.abs(stage.ada.voice.receiver.pcm(stage.bot)).max() < LOUDEST


async def _level_now(stage: Stage) -> float:
    return float(np.median(levels(stage, MUSIC_HZ, await hear(stage, 25))))


async def _is_quieter_under_a_reply_and_comes_back(stage: Stage, alone: float) -> None:
    begin = stage.ada.voice.receiver.count(stage.bot)
    await stage.ask("!speak One two three four five six seven eight nine ten.")
    await stage.turns(1)
    await hear(stage, BACK_WITHIN + 30)
    music, voice = levels(stage, MUSIC_HZ, begin) - alone, levels(stage, VOICE_HZ, begin)
    (spoken,) = np.nonzero(voice > voice.max() - 12)
    first, last = int(spoken[0]), int(spoken[-1])
    assert last - first > 25, "the voice speaks for half a second"
    assert np.median(music[first + DOWN_WITHIN + 1 : last]) == pytest.approx(-12, abs=1)
    assert np.median(music[last + BACK_WITHIN + 1 :]) == pytest.approx(0, abs=1)


async def _stalls_softly_and_goes_on(stage: Stage, station: Station, alone: float) -> None:
    begin = stage.ada.voice.receiver.count(stage.bot)
    station.on_air.clear()
    # A packet of silence shows the stall: it is sent only when there is no more sound. A missing packet may be late.
    await stage.until(lambda: stage.ada.voice.receiver.packets(stage.bot)[-1].silent, "the stall")
    end = levels(stage, MUSIC_HZ, begin)[-FADE_FRAMES:] - alone
    assert end[-1] < -12, "the music has faded out"
    assert (np.diff(end) < 0).all(), "the music fades, and is not cut off"
    station.on_air.set()
    await hear(stage, 50)
    assert await _level_now(stage) == pytest.approx(alone, abs=1)


async def test_a_bot_that_plays_radio_ends_at_sigterm_with_status_0_and_leaves_no_process(tmp_path: Path) -> None:
    async with Station() as station, calling(tmp_path, MUSIC_URLS="localhost") as (sandbox, ada, terminal):
        await ada.say(sandbox.text_channel, f"!play {station.url()}")
        await ada.wait_for_message(sandbox.text_channel, lambda m: m.content == "▶️ Jazz", LIMIT)
        await ada.voice.receiver.wait_for_audio(sandbox.bot_id, LIMIT)
        family = terminal.family()
        assert family.has(DECODER)
        terminal.program.terminate()
        assert await family.left_after(END_LIMIT) == []
        assert terminal.temporary_files == []
        assert "Traceback" not in terminal.said
        await terminal.until_said("status 0")
        assert station.listeners == 0
