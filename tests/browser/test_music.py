"""Music and sounds of a call in a real browser: they play between replies, are quieter beneath them, and obey typed
commands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import BrowserContext, Page, expect

from tests.bot.music.pieces import wav, write
from tests.bot.music.stations import Station
from tests.browser.chat_server import AHEAD, noise
from tests.browser.conftest import Tab
from tests.browser.recording import Recording, gaps
from tests.e2e.conftest import serving_tones
from tests.e2e.program import program
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.test_page import page_of
from tests.timing import wait_until

pytestmark = pytest.mark.browser
MUSIC_HZ, SOUND_HZ, VOICE_HZ = 3_000, 5_000, 220
"""The pitch of the music, of the sounds, and that of the stand-in engine's voice."""
STARTED = 60_000
"""Longest wait for the start of a call, in milliseconds."""
SILENT_DB = -70
REPLY = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."

Levels = NDArray[np.float64]


@pytest.fixture
async def page(context: BrowserContext, tmp_path: Path, cache_dir: Path) -> AsyncIterator[Page]:
    """The page of the program itself, with music and sounds. A text on it is answered with :data:`REPLY`."""
    write(tmp_path / "music" / "Long_Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    write(tmp_path / "music" / "Other.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    write(tmp_path / "sounds" / "Air Horn.wav", wav(25.0, 0.3, rate=16_000, channels=1, pitch=SOUND_HZ))
    async with serving_tones(tmp_path) as voice, ScriptedModel(lambda _: Answer(REPLY)) as model:
        settings = {
            "LLM_URL": model.url,
            "TTS_WEBSOCKET_URL": voice,
            "CACHE_DIR": str(cache_dir),
            "MUSIC_DIR": str(tmp_path / "music"),
            "SOUNDS_DIR": str(tmp_path / "sounds"),
            "MUSIC_VOLUME": "100",
            "MUSIC_URLS": "localhost",
        }
        async with program("talk", folder=tmp_path, **settings) as process:
            page = await context.new_page()
            page.set_default_timeout(STARTED)
            await page.goto(await page_of(process))
            yield page


async def type_in(page: Page, text: str, answer: str) -> None:
    """Write something, and wait until an answer stands in the captions. They show the text in backticks without the
    backticks.
    """
    await page.get_by_test_id("text").fill(text)
    await page.get_by_test_id("send").click()
    shown = page.get_by_test_id("captions").get_by_text(answer.replace("`", ""), exact=True).last
    await expect(shown).to_be_visible(timeout=STARTED)


async def levels(recording: Recording, pitch: int) -> Levels:
    """The level of a pitch in each 20 ms that were heard, in dB."""
    sound = await recording.sound()
    size = recording.rate // 50
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * pitch * np.arange(size) / recording.rate) * np.hanning(size)
    return np.asarray(20 * np.log10(2 * np.abs(frames @ wave) / size + 1e-6))


async def heard(recording: Recording, pitch: int, enough: Callable[[Levels], bool]) -> Levels:
    """Wait until ``enough`` is true of the levels of a pitch that were heard so far. Returns the levels."""
    latest = np.zeros(0)

    async def is_enough() -> bool:
        nonlocal latest
        await recording.page.wait_for_timeout(100)
        latest = await levels(recording, pitch)
        return enough(latest)

    await wait_until(is_enough)
    return latest


async def test_music_plays_between_replies_and_is_12_db_quieter_beneath_them(page: Page) -> None:
    await type_in(page, "!play long", "▶️ Long_Tone")
    recording = await Recording.begin_at_the_program(page)
    before = await heard(recording, MUSIC_HZ, lambda music: len(music) > 75)
    alone = float(np.median(before[25:75]))
    assert alone > SILENT_DB + 30, "the music is heard before anything was said"
    await page.get_by_test_id("text").fill("Count, please.")
    await page.get_by_test_id("send").click()

    def is_over(voice: Levels) -> bool:
        spoken = np.flatnonzero(voice > voice.max() - 12)
        return bool(voice.max() > SILENT_DB + 30 and len(voice) - spoken[-1] > 100)

    voice = await heard(recording, VOICE_HZ, is_over)
    music = await levels(recording, MUSIC_HZ)
    spoken = np.flatnonzero(voice > voice.max() - 12)
    first, last = int(spoken[0]), int(spoken[-1])
    assert last - first > 50, "the reply lasts for a second"
    assert np.median(music[first + 10 : last]) - alone == pytest.approx(-12, abs=1)
    assert np.median(music[last + 35 : last + 95]) - alone == pytest.approx(0, abs=1), (
        "after the reply, the music is as before"
    )
    assert np.median(music[:first][-25:]) - alone == pytest.approx(0, abs=1), "until the reply, the music is as before"
    await type_in(page, "!pause", "⏸️ Paused.")
    count = len(await recording.sound())
    await page.wait_for_timeout(1_000)
    rest = (await recording.sound())[count:]
    assert np.abs(rest[len(rest) // 2 :]).max(initial=0) == 0.0


async def test_the_commands_of_music_and_sounds_work_on_the_page(page: Page) -> None:
    await type_in(page, "!pause", "🎵 Nothing is playing. `!play NAME` plays a piece.")
    await type_in(page, "!play", "❌ Say what to play: `!play NAME`, `!play ADDRESS`. I have Long_Tone, Other.")
    await type_in(page, "!play nothing", "❌ I have no music of that name.")
    await type_in(page, "!play http://music.example/Waltz.mp3", "❌ I may not fetch from music.example.")
    await type_in(page, "!sound", "📣 I have these sounds: Air Horn. `!sound NAME` plays one.")
    await type_in(page, "!sound add drum", "❌ Here I only play sounds. `!sound add` is for Discord.")
    await type_in(page, "!play other", "▶️ Other")
    await type_in(page, "!play long", "➕ Long_Tone (1 before it)")
    recording = await Recording.begin_at_the_program(page)
    await type_in(page, "!sound horn", "📣 Air Horn")
    await heard(recording, SOUND_HZ, lambda sound: (sound > SILENT_DB + 20).sum() > 50)
    assert np.median((await levels(recording, MUSIC_HZ))[-25:]) > SILENT_DB + 20, "the music plays on"
    await type_in(page, "!sound stop", "⏹️ Stopped.")
    await heard(recording, SOUND_HZ, lambda sound: bool(sound[-25:].max() < SILENT_DB))
    await type_in(page, "!queue", "▶️ Other 1. Long_Tone")
    await type_in(page, "!skip", "⏭️ Skipped.")
    await expect(page.get_by_test_id("captions").get_by_text("▶️ Long_Tone", exact=True)).to_be_visible()
    await page.get_by_test_id("text").fill("!nowplaying")
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("captions")).to_contain_text("🔘")
    await type_in(page, "!skip all", "⏹️ The music is off.")
    await heard(recording, MUSIC_HZ, lambda music: bool(music[-25:].max() < SILENT_DB))


async def test_radio_is_heard_until_it_is_skipped(page: Page) -> None:
    async with Station(MUSIC_HZ) as station:
        await type_in(page, f"!play {station.url()}", "▶️ Jazz")
        recording = await Recording.begin_at_the_program(page)
        music = await heard(recording, MUSIC_HZ, lambda music: len(music) > 150)
        assert np.median(music[50:150]) > SILENT_DB + 30
        await page.get_by_test_id("text").fill("!nowplaying")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("captions")).to_contain_text("🔴 0:0")
        await type_in(page, "!skip", "⏭️ Skipped.")
        await heard(recording, MUSIC_HZ, lambda music: bool(music[-25:].max() < SILENT_DB))
        await wait_until(lambda: station.listeners == 0)
        assert len(station.asked) == 1, "the bot has listened to the station all the time"


async def test_a_person_who_interrupts_while_the_bot_thinks_still_hears_the_music(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    recording = await tab.record()
    sound = noise(3.0)
    await client.send(type="background", on=True)
    await client.play(sound[:24_000], ahead=AHEAD)
    await client.send(type="state", state="thinking")
    await expect(tab.at("talk")).to_have_text("Thinking…")
    await tab.at("talk").click()
    await client.got("interrupt")
    await client.play(sound[24_000:], ahead=AHEAD)
    await client.send(type="background", on=False)
    await wait_until(lambda: any(each["reply"] == "background" and each["ms"] > 2_990 for each in client.all("played")))
    assert gaps(await recording.sound(), recording.as_played(sound), recording.rate) == []
