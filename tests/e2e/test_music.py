"""Music in a call, as guests hear it: it gets quieter while somebody speaks, and obeys the commands of music.

When the music is over, none of its processes is left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from audio.wav import to_wav
from bot.music.decoding_process import TARGET_LUFS
from bot.music.player import MAX_QUEUED
from bot.text import MESSAGE_LIMIT
from bot.voice.events import PromptTaken, UtteranceHeard
from sandbox.speech import BEN, speech
from sandbox.speech_sounds import music
from sandbox.voice.microphone import MicrophoneFrame, PushToTalk
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound
from sandbox.world.entities import Upload
from tests.bot.music.pieces import wav, write
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.talking import UTTERANCES, Loudspeakers, talk, voiced
from tests.process_state import children_running
from tests.tones import silence

MUSIC_HZ, VOICE_HZ = 3_000, 220
"""The pitch of the music, and that of the stand-in engine's voice. A guest can tell them apart in a mixture."""
PIZZA = UTTERANCES[0]
LOUDEST = 10 ** (-1 / 20)
"""Highest sample that a guest may hear: -1 dBFS."""
DUCKED_DB = -12
"""How much quieter music gets while somebody speaks, in dB."""
DOWN_WITHIN, BACK_WITHIN = 5, 30
"""Frames of 20 ms in which music gets quieter after speech has begun (100 ms), and in which it comes back (600 ms)."""
BEGINNING = 60
"""Frames (1.2 s) that are left out at the beginning of music, which fades in."""
HALF_A_SECOND = 25
"""Frames of half a second."""

Levels = NDArray[np.float64]


@pytest.fixture
async def stage(make_stage: StageMaker, tmp_path: Path) -> AsyncIterator[Stage]:
    music = tmp_path / "music"
    write(music / "Long Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    write(music / "Other Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    async with (
        serving_tones(tmp_path) as address,
        make_stage(tts_websocket_url=address, music_dir=music, music_volume=100, answer_to="name") as stage,
    ):
        yield stage


def levels(stage: Stage, pitch: int, since: int = 0) -> Levels:
    """The level of a pitch in each frame that Ada heard of the bot, in dB."""
    pcm = stage.ada.voice.receiver.pcm(stage.bot, since=since)
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    wave = np.exp(-2j * np.pi * pitch * np.arange(FRAME_SAMPLES) / SAMPLE_RATE)
    return np.asarray(20 * np.log10(np.abs(frames @ wave) / FRAME_SAMPLES + 1e-6))


async def hear(stage: Stage, frames: int) -> int:
    """Wait until Ada has heard this many further frames. Returns how many she had heard before."""
    receiver = stage.ada.voice.receiver
    before = receiver.count(stage.bot)
    await stage.until(lambda: receiver.count(stage.bot) >= before + frames, f"{frames} frames")
    return before


def decoders() -> list[psutil.Process]:
    return children_running("bot.music.decoding_process")


async def test_music_gets_out_of_the_voices_way_and_comes_back(stage: Stage) -> None:
    await stage.join()
    assert await stage.answer_to("!play tone", starts="❓") == "❓ Which one: Long Tone, Other Tone?"
    assert await stage.answer_to("!play long", starts="▶️") == "▶️ Long Tone"
    await hear(stage, BEGINNING)
    since = await hear(stage, HALF_A_SECOND)
    alone = float(np.median(levels(stage, MUSIC_HZ, since)))
    begin = stage.ada.voice.receiver.count(stage.bot)
    await stage.ask("!speak One two three four five six seven eight nine ten.")
    await stage.turns(1)
    await hear(stage, BACK_WITHIN + 20)
    music, voice = levels(stage, MUSIC_HZ, begin) - alone, levels(stage, VOICE_HZ, begin)
    # The frames that have the bot's voice, without its fading ends.
    (spoken,) = np.nonzero(voice > voice.max() - 12)
    first, last = int(spoken[0]), int(spoken[-1])
    assert last - first > HALF_A_SECOND, "the voice speaks for half a second"
    under = music[first + DOWN_WITHIN + 1 : last]
    assert np.median(under) == pytest.approx(DUCKED_DB, abs=1)
    assert under.max() < DUCKED_DB + 2
    assert np.median(music[last + BACK_WITHIN + 1 :]) == pytest.approx(0, abs=0.5)
    assert music[last + BACK_WITHIN + 1 :].min() > -1
    assert np.abs(stage.ada.voice.receiver.pcm(stage.bot)).max() < LOUDEST
    assert alone == pytest.approx(TARGET_LUFS, abs=12), "the music is neither far too loud nor inaudible"
    await stage.answer_to("!leave", starts="👋")
    assert decoders() == []


class NotingMicrophone:
    """A microphone that notes, at each frame that it sends, how many of the bot's frames its owner has heard."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.heard: list[int] = []

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        for frame in PushToTalk().frames(sound):
            self.heard.append(self._stage.ada.voice.receiver.count(self._stage.bot))
            yield frame


async def test_music_gets_out_of_peoples_way_and_comes_back(stage: Stage) -> None:
    await stage.join()
    assert await stage.answer_to("!play long", starts="▶️") == "▶️ Long Tone"
    await hear(stage, BEGINNING)
    begin = await hear(stage, HALF_A_SECOND)
    alone = float(np.median(levels(stage, MUSIC_HZ, begin)))
    sentences: list[list[int]] = []
    for _ in range(3):
        noting = NotingMicrophone(stage)
        await talk(stage.ada, PIZZA, noting)
        await stage.until(lambda: len(stage.heard_from(stage.ada.id)) > len(sentences), "the words")
        await hear(stage, BACK_WITHIN + 20)
        sentences.append([count - begin for count in noting.heard])
    music = levels(stage, MUSIC_HZ, begin) - alone
    for heard in sentences:
        assert music[heard[0] - 5 : heard[0]].min() > -1, "the music is as loud as before until Ada speaks"
        assert np.median(music[heard[DOWN_WITHIN + 1] : heard[-1]]) == pytest.approx(DUCKED_DB, abs=1)
    # On a busy machine, her words reach the bot late, and the bot's frames reach her late. Both can only raise these
    # counts, so the lowest of three is compared.
    assert min(int(np.argmax(music[heard[0] :] < DUCKED_DB + 1)) for heard in sentences) <= DOWN_WITHIN + 1
    assert min(int(np.argmax(music[heard[-1] :] > -1)) for heard in sentences) <= BACK_WITHIN + 1
    assert np.abs(stage.ada.voice.receiver.pcm(stage.bot)).max() < LOUDEST
    assert set(stage.heard_from(stage.ada.id)) == {PIZZA}, "over the music, in her headphones, each word is understood"


async def test_a_song_from_loudspeakers_is_not_taken_for_words_and_words_over_it_are_heard(
    stage: Stage, tmp_path: Path
) -> None:
    song = np.concatenate([speech(text, BEN) for text in UTTERANCES[1:]])
    write(tmp_path / "music" / "Song.wav", to_wav(song + music(len(song) / SAMPLE_RATE, 1)[: len(song)], SAMPLE_RATE))
    words = np.concatenate([await voiced("Ada", PIZZA), silence(3.0)])
    await stage.join()
    assert await stage.answer_to("!play song", starts="▶️") == "▶️ Song"
    await hear(stage, 30)
    room = Loudspeakers(stage.ada.voice.receiver, stage.bot, gain=10 ** (-10 / 20), delay=0.2)
    await stage.ada.voice.speak(silence(6.0), room)
    assert not [event for event in stage.events if isinstance(event, UtteranceHeard | PromptTaken)]
    await stage.ada.voice.speak(words, room)
    await stage.until(lambda: stage.heard_from(stage.ada.id), "her words")
    assert not [event for event in stage.events if isinstance(event, PromptTaken)]


async def test_the_commands_of_music_do_what_they_say_or_say_why_not(stage: Stage) -> None:
    assert await stage.answer_to("!pause", starts="No active") == (
        "No active voice session. `!join` brings me into your voice channel."
    )
    await stage.join()
    assert "Nothing is playing" in await stage.answer_to("!skip", starts="🎵")
    assert "no music of that name" in await stage.answer_to("!play ../../etc/passwd", starts="❌")
    assert "attach a sound file. I have Long Tone, Other Tone." in await stage.answer_to("!play", starts="❌")
    assert await stage.answer_to("!play other tone", starts="▶️") == "▶️ Other Tone"
    general = stage.sandbox.home.general
    await stage.ada.say(general, "!play", attachments=[Upload("cat.png", b"\x89PNG", "image/png")])
    assert await stage.told("❌") == "❌ cat.png is not a sound file."
    await stage.ada.say(general, "!play", attachments=[Upload("Mine.wav", wav(0.5, 0.2, pitch=MUSIC_HZ), "audio/wav")])
    assert await stage.told("➕") == "➕ Mine (1 before it)"
    await stage.ada.say(general, "!play", attachments=[Upload("x.mp3", b"#EXTM3U\nfile:///etc/passwd\n", "audio/mpeg")])
    assert await stage.told("➕") == "➕ x (2 before it)"
    assert await stage.answer_to("!queue", starts="▶️") == "▶️ Other Tone\n1. Mine\n2. x"
    file = Upload("Mine.wav", wav(0.5, 0.2), "audio/wav")
    await stage.ada.say(general, "!play other", attachments=[file])
    assert await stage.told("➕") == ("➕ Mine (3 before it) I took the file, and not the name: one at a time, please.")
    await stage.ada.say(general, "!play", attachments=[file, file])
    assert await stage.told("➕") == "➕ Mine (4 before it) I took only the first file: one at a time, please."
    assert "/ 1:00" in await stage.answer_to("!nowplaying", starts="▶️")
    await hear(stage, 30)
    assert await stage.answer_to("!volume 10 music", starts="🎵") == "🎵 Music volume: 10 %"
    assert await stage.answer_to("!volume", starts="🔊") == "🔊 Volume: 100 %"
    assert await stage.answer_to("!pause", starts="⏸️") == "⏸️ Paused."
    await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, timeout=LIMIT)
    assert await stage.answer_to("!pause", starts="▶️") == "▶️ Other Tone"
    await hear(stage, 10)
    assert await stage.answer_to("!skip", starts="⏭️") == "⏭️ Skipped."
    assert await stage.told("▶️") == "▶️ Mine"
    assert await stage.told("❌") == "❌ x: It is not a sound file that I can play."
    for _ in range(2):
        assert await stage.told("▶️ Mine") == "▶️ Mine"
    assert await stage.answer_to("!play long", starts="▶️") == "▶️ Long Tone"
    await stage.answer_to("!play other", starts="➕")
    assert await stage.answer_to("!skip all", starts="⏹️") == "⏹️ The music is off."
    await stage.until(lambda: decoders() == [], "the end of the music")


async def test_a_full_queue_of_titles_with_much_to_escape_is_shown_in_several_messages(stage: Stage) -> None:
    await stage.join()
    assert await stage.answer_to("!play long", starts="▶️") == "▶️ Long Tone"
    underscores = "_" * 80
    for _ in range(MAX_QUEUED):
        file = Upload(f"{underscores}.wav", wav(1, 0.2), "audio/wav")
        await stage.ada.say(stage.sandbox.home.general, "!play", attachments=[file])
        await stage.told("➕")
    refused = await stage.answer_to("!play other tone", starts="❌")
    assert refused == "❌ Other Tone: 20 pieces wait already.", "the answer has only one ❌"
    first = await stage.answer_to("!queue", starts="▶️ Long Tone\n1. ")
    assert len(first) <= MESSAGE_LIMIT
    assert "\n20. " in await stage.told("")
