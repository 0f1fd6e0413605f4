"""Music that people ask for aloud, without a model's help: it plays, pauses, goes on and ends."""

from __future__ import annotations

from pathlib import Path

from tests.bot.music.pieces import wav, write
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.scripted_ears import ScriptedEars
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import Since, talk
from tests.e2e.test_music import MUSIC_HZ, decoders, hear, levels

SAID = "I had pizza for lunch."


async def say(stage: Stage, ears: ScriptedEars, text: str) -> None:
    """Ada says a sentence. Returns after it was transcribed."""
    since, ears.hears = Since(stage), text
    await talk(stage.ada, SAID)
    await since.heard((stage.ada.user.name, text))


async def test_music_is_played_paused_and_ended_by_voice(make_stage: StageMaker, tmp_path: Path) -> None:
    write(tmp_path / "music" / "07 Long Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    async with (
        ScriptedEars() as ears,
        ScriptedModel(lambda _: Answer("That is quite so.")) as model,
        serving_tones(tmp_path) as address,
        make_stage(
            stt_url=ears.url,
            llm_url=model.url,
            tts_websocket_url=address,
            music_dir=tmp_path / "music",
            music_volume=100,
        ) as stage,
    ):
        await stage.join()
        await say(stage, ears, "Stop the music.")
        await stage.until(lambda: stage.traces, "the spoken answer that nothing plays")
        assert model.asked == [], "a command is not for the model"
        await say(stage, ears, "Play the long tone, please.")
        assert await stage.told("▶️") == "▶️ 07 Long Tone"
        since = await hear(stage, 60)
        assert levels(stage, MUSIC_HZ, since).max() > -40
        await say(stage, ears, "Pause the music.")
        assert await stage.told("⏸️") == "⏸️ Paused."
        await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, timeout=LIMIT)
        await say(stage, ears, "Resume the music.")
        assert await stage.told("▶️") == "▶️ 07 Long Tone"
        await hear(stage, 10)
        await say(stage, ears, "Stop the music!")
        assert await stage.told("⏹️") == "⏹️ The music is off."
        await stage.until(lambda: decoders() == [], "the end of the music")
        assert model.asked == []
        await say(stage, ears, "Play chess with me.")
        await stage.until(lambda: model.asked, "the model, which answers ordinary talk")
        assert decoders() == []
