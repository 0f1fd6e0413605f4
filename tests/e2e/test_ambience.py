"""The ambience of a persona, as a guest hears it: it comes and goes with the persona, and ends with the call."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.llm.personas import PERSONAS_DIR
from tests.bot.music.pieces import wav, write
from tests.e2e.conftest import LIMIT, StageMaker, serving_tones
from tests.e2e.test_music import MUSIC_HZ, decoders, hear, levels
from tests.features.talk import let_manage


async def test_a_guest_hears_the_ambience_of_the_persona_that_speaks(
    make_stage: StageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    personas = shutil.copytree(PERSONAS_DIR, tmp_path / "personas")
    with (personas / "helper.yaml").open("a", encoding="utf-8") as file:
        file.write("\nambience: Rain\n")
    monkeypatch.setattr("bot.core_parts.PERSONAS_DIR", personas)
    write(tmp_path / "music" / "Rain.wav", wav(2.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    async with (
        serving_tones(tmp_path) as address,
        make_stage(tts_websocket_url=address, music_dir=tmp_path / "music", music_volume=100) as stage,
    ):
        let_manage(stage.sandbox, stage.ada.id)
        await stage.join()
        await stage.ask("!persona helper")
        since = await hear(stage, 300)
        rain = levels(stage, MUSIC_HZ, since)[60:]
        assert rain.min() > rain.max() - 3, "the ambience is repeated without a gap"
        assert -60 < rain.max() < -30, "the ambience is quiet"
        assert decoders() == [], "a short piece is decoded once"
        await stage.ask("!persona seiyuu")
        await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, timeout=LIMIT)
        await stage.ask("!persona helper")
        await hear(stage, 50)
        await stage.answer_to("!leave", starts="👋")
        await stage.until(lambda: decoders() == [], "the end of the ambience")
