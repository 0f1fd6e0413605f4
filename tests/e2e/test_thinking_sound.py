"""The sound while people wait for the model, as a guest hears it. It ends at a stop, and before the answer begins."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from bot.voice.thinking_sound import LEVEL, PITCHES
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.e2e.test_music import VOICE_HZ, hear, levels
from tests.e2e.test_tool_waits import ANSWER, QUESTION, SlowForecast, script

PITCH = round(max(PITCHES))
AUDIBLE = -60.0
"""Level of the sound's pitch, in dB, above which a guest hears it."""
FRAMES_A_SECOND = 50


async def test_a_guest_hears_the_sound_while_the_model_thinks_until_a_stop(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    async with (
        ScriptedModel(lambda _: Answer(fault=Fault.SILENT)) as model,
        serving_tones(tmp_path) as address,
        make_stage(llm_url=model.url, tts_websocket_url=address, thinking_sound="on") as stage,
    ):
        await stage.join()
        await stage.ask("How are you?")
        since = await hear(stage, 3 * FRAMES_A_SECOND)
        pitch = levels(stage, PITCH, since)
        assert pitch.max() > AUDIBLE, "the thinking sound is heard"
        sound = stage.ada.voice.receiver.pcm(stage.bot, since=since)
        assert np.abs(sound).max() < 3 * LEVEL, "the thinking sound is quiet"
        assert stage.heard_from(stage.bot) == [], "the thinking sound is not taken for speech"
        await stage.ask("!stop")
        await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, timeout=LIMIT)


async def ask_for_the_weather(stage: Stage, tool: SlowForecast, seconds: float) -> None:
    """Ask a question that needs the slow tool, wait, and let the tool end. Returns when the answer was spoken."""
    stage.app.core.tools.add(tool)
    await stage.join()
    await stage.ask(QUESTION)
    await stage.until(lambda: tool.running, "the tool")
    await asyncio.sleep(seconds)
    tool.may_end.set()
    await stage.turns(1)


async def test_the_sound_is_heard_while_a_tool_works_and_is_over_before_the_answer(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    async with (
        ScriptedModel(script) as model,
        serving_tones(tmp_path) as address,
        make_stage(llm_url=model.url, tts_websocket_url=address, thinking_sound="on") as stage,
    ):
        await ask_for_the_weather(stage, SlowForecast(), 8.0)
        heard = [event.heard for event in stage.events if hasattr(event, "heard")]
        assert heard[-1].endswith(ANSWER)
        bed, voice = levels(stage, PITCH), levels(stage, VOICE_HZ)
        assert bed.max() > AUDIBLE, "the thinking sound was heard"
        # The voice is still loud at least 10 frames (0.2 s) after the sound was loudest.
        assert np.flatnonzero(voice > voice.max() - 6)[-1] > np.argmax(bed) + 10, (
            "the answer came after the thinking sound"
        )
        assert not stage.heard_from(stage.bot)


async def test_without_the_setting_no_sound_is_sent_while_a_model_thinks(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    async with (
        ScriptedModel(lambda _: Answer(fault=Fault.SILENT)) as model,
        serving_tones(tmp_path) as address,
        make_stage(llm_url=model.url, tts_websocket_url=address) as stage,
    ):
        await stage.join()
        await stage.ask("How are you?")
        await stage.until(lambda: model.asked, "the model")
        await asyncio.sleep(3.0)
        heard = stage.ada.voice.receiver.pcm(stage.bot)
        assert np.abs(heard).max(initial=0.0) == 0.0, "only packets of silence may be sent before the answer"
