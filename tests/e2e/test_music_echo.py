"""Music, sounds and the bot's voice together: their echo is not answered, and words stop the voice, not the music."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from audio.wav import to_wav
from bot.llm.personas import PERSONAS_DIR
from bot.voice.turn import Outcome
from sandbox.speech import BEN, CLEO, speech
from sandbox.speech_sounds import music
from sandbox.voice.opus import SAMPLE_RATE
from tests.bot.music.pieces import wav, write
from tests.e2e.barging_in import STORY, story_or_answer
from tests.e2e.conftest import Stage, StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.e2e.talking import UTTERANCES, Loudspeakers, Since, talk, voiced
from tests.e2e.test_music import BACK_WITHIN, MUSIC_HZ, VOICE_HZ, NotingMicrophone, hear, levels
from tests.tones import silence

PIZZA = UTTERANCES[0]
QUESTION = "How are you?"


def story_answer_or_nothing(line: str) -> Answer:
    """The script of the model: no answer to :data:`QUESTION`, so that the bot waits; else a story or a short answer."""
    return Answer(fault=Fault.SILENT) if QUESTION in line else story_or_answer(line)


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(story_answer_or_nothing) as model:
        yield model


@pytest.fixture
async def stage(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel, tmp_path: Path
) -> AsyncIterator[Stage]:
    song = np.tile(np.concatenate([speech(text, BEN) for text in UTTERANCES[1:]]), 6)
    with_music = song + music(len(song) / SAMPLE_RATE + 1, 1)[: len(song)]
    write(tmp_path / "music" / "Song.wav", to_wav(with_music, SAMPLE_RATE))
    for name, text in (("Quote", UTTERANCES[3]), ("Other Quote", UTTERANCES[4])):
        write(tmp_path / "sounds" / f"{name}.wav", to_wav(speech(text, CLEO), SAMPLE_RATE))
    async with make_stage(
        tts_websocket_url=speech_server,
        llm_url=model.url,
        answer_to="always",
        music_dir=tmp_path / "music",
        music_volume=100,
        sounds_dir=tmp_path / "sounds",
        thinking_sound="on",
    ) as stage:
        await stage.join()
        yield stage


def loudspeakers(stage: Stage) -> Loudspeakers:
    """Ada's microphone beside her loudspeakers: what she hears comes back 200 ms late and 10 dB weaker."""
    return Loudspeakers(stage.ada.voice.receiver, stage.bot, gain=10 ** (-10 / 20), delay=0.2)


async def test_the_echo_of_a_story_over_a_song_is_not_answered_and_words_stop_the_story_alone(stage: Stage) -> None:
    pizza = await voiced("Ada", PIZZA)
    assert await stage.answer_to("!play song", starts="▶️") == "▶️ Song"
    await hear(stage, 30)
    since, room = Since(stage), loudspeakers(stage)
    listening = asyncio.create_task(stage.ada.voice.speak(silence(10.0), room))
    await stage.ask("A story!")
    (told,) = await stage.turns(1)
    await listening
    assert told.outcome is Outcome.SPOKEN
    assert since.utterances == []
    assert since.prompts == [("Ada", "A story!")]
    again = Since(stage)
    await stage.ask("A story!")
    await stage.until(lambda: again.words, "the story")
    await stage.ada.voice.speak(np.concatenate([silence(1.5), pizza, silence(4.0)]), room)
    _, interrupted, answered = await stage.turns(3)
    assert (interrupted.outcome, answered.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
    assert since.utterances == [("Ada", PIZZA)]
    begin = await hear(stage, 50)
    assert np.abs(stage.ada.voice.receiver.pcm(stage.bot, since=begin)).max() > 0.03, "the song goes on"


async def test_echoes_of_sounds_and_of_the_thinking_sound_are_not_answered(stage: Stage) -> None:
    since, room = Since(stage), loudspeakers(stage)
    listening = asyncio.create_task(stage.ada.voice.speak(silence(14.0), room))
    for name in ("Quote", "Other Quote", "Quote"):
        assert await stage.answer_to(f"!sound {name}", starts="📣") == f"📣 {name}"
        await asyncio.sleep(2.5)
    await stage.ask(QUESTION)
    await stage.until(lambda: since.prompts, "the question")
    await listening
    assert since.utterances == []
    assert since.prompts == [("Ada", QUESTION)]


@pytest.mark.parametrize("ambience", ["Voices", "Rain"])
async def test_echoes_of_a_personas_ambience_and_voice_are_not_answered_and_words_are_heard(
    make_stage: StageMaker,
    speech_server: str,
    model: ScriptedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ambience: str,
) -> None:
    personas = shutil.copytree(PERSONAS_DIR, tmp_path / "personas")
    with (personas / "seiyuu.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\nambience: {ambience}\n")
    monkeypatch.setattr("bot.core_parts.PERSONAS_DIR", personas)
    voices = np.concatenate([speech(text, voice) for text in UTTERANCES[1:] for voice in (BEN, CLEO)])
    rain = np.random.default_rng(1).normal(0, 0.1, len(voices)).astype(np.float32)
    sound = rain if ambience == "Rain" else voices + music(len(voices) / SAMPLE_RATE + 1, 1)[: len(voices)]
    write(tmp_path / "music" / f"{ambience}.wav", to_wav(sound, SAMPLE_RATE))
    pizza = await voiced("Ada", PIZZA)
    async with make_stage(
        tts_websocket_url=speech_server,
        llm_url=model.url,
        answer_to="always",
        music_dir=tmp_path / "music",
        music_volume=200,
    ) as stage:
        await stage.join()
        begin = await hear(stage, 50)
        assert np.abs(stage.ada.voice.receiver.pcm(stage.bot, since=begin)).max() > 0.01, "the ambience is heard"
        since, room = Since(stage), loudspeakers(stage)
        listening = asyncio.create_task(stage.ada.voice.speak(silence(16.0), room))
        await hear(stage, 250)
        await stage.ask("A story!")
        (told,) = await stage.turns(1)
        await listening
        assert told.outcome is Outcome.SPOKEN
        assert since.utterances == []
        assert since.prompts == [("Ada", "A story!")]
        await stage.ada.voice.speak(np.concatenate([pizza, silence(3.0)]), room)
        _, answered = await stage.turns(2)
        assert answered.outcome is Outcome.SPOKEN
        assert since.utterances == [("Ada", PIZZA)]


async def test_words_into_a_headset_stop_the_voice_and_not_the_music(
    make_stage: StageMaker, model: ScriptedModel, tmp_path: Path
) -> None:
    write(tmp_path / "music" / "Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    async with (
        serving_tones(tmp_path) as address,
        make_stage(
            tts_websocket_url=address,
            llm_url=model.url,
            answer_to="always",
            music_dir=tmp_path / "music",
            music_volume=100,
        ) as stage,
    ):
        await stage.join()
        assert await stage.answer_to("!play tone", starts="▶️") == "▶️ Tone"
        await hear(stage, 60)
        alone = float(np.median(levels(stage, MUSIC_HZ, await hear(stage, 25))))
        begin, since = stage.ada.voice.receiver.count(stage.bot), Since(stage)
        await stage.ask("A story!")
        await stage.until(lambda: since.words, "the story")
        await hear(stage, 40)
        noting = NotingMicrophone(stage)
        await talk(stage.ada, PIZZA, noting)
        interrupted, answered = await stage.turns(2)
        assert (interrupted.outcome, answered.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
        await hear(stage, BACK_WITHIN + 20)
        music, voice = levels(stage, MUSIC_HZ, begin) - alone, levels(stage, VOICE_HZ, begin)
        spoken = voice > voice.max() - 12
        first, last = noting.heard[0] - begin, noting.heard[-1] - begin
        assert spoken[first - 10 : first].all(), "the story goes on until she speaks"
        assert not spoken[last - 5 : last].any(), "the story ends before Ada has finished speaking"
        assert STORY not in since.words
        assert music.min() > -20, "the music is quieter meanwhile, and never stops"
        assert np.median(music[-10:]) == pytest.approx(0, abs=0.5)
        assert since.utterances == [("Ada", PIZZA)]
