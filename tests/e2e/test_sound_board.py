"""The sound board in a call, as a guest hears it: over music and speech, and also after `!stop`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from sandbox.world.entities import Upload
from tests.bot.music.pieces import wav, write
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.test_music import LOUDEST, MUSIC_HZ, VOICE_HZ, decoders, hear, levels
from tests.features.talk import let_manage

SOUND_HZ = 5_000
"""The pitch of the sounds. A guest can tell it apart from music and from the voice."""
AUDIBLE_DB = -60


@pytest.fixture
async def stage(make_stage: StageMaker, tmp_path: Path) -> AsyncIterator[Stage]:
    music, sounds = tmp_path / "music", tmp_path / "sounds"
    write(music / "Long Tone.wav", wav(60.0, 0.3, rate=16_000, channels=1, pitch=MUSIC_HZ))
    write(sounds / "Air Horn.wav", wav(25.0, 0.3, rate=16_000, channels=1, pitch=SOUND_HZ))
    async with (
        serving_tones(tmp_path) as address,
        make_stage(tts_websocket_url=address, music_dir=music, sounds_dir=sounds) as stage,
    ):
        yield stage


async def test_a_sound_is_heard_over_music_and_speech_and_plays_on_when_the_voice_is_stopped(stage: Stage) -> None:
    await stage.join()
    await stage.answer_to("!play long", starts="▶️")
    await hear(stage, 40)
    assert await stage.answer_to("!sound horn", starts="📣") == "📣 Air Horn"
    await hear(stage, 40)
    since = await hear(stage, 25)
    sound = levels(stage, SOUND_HZ, since)
    assert sound.min() > AUDIBLE_DB
    assert levels(stage, MUSIC_HZ, since).min() > AUDIBLE_DB, "music goes on beneath the sound"
    begin = stage.ada.voice.receiver.count(stage.bot)
    await stage.ask(f"!speak {'One two three four five six seven eight nine ten. ' * 5}")
    await stage.until(
        lambda: levels(stage, VOICE_HZ, begin).max(initial=-120) > AUDIBLE_DB, "the bot's voice over the sound"
    )
    await hear(stage, 10)
    stopped = await stage.answer_to("!stop", starts="🤫")
    assert stopped == "🤫 Stopped. The music plays on: `!skip all` ends it."
    since = await hear(stage, 25)
    assert np.median(levels(stage, SOUND_HZ, begin)) == pytest.approx(np.median(sound), abs=1), (
        "speech does not change the level of the sound"
    )
    assert levels(stage, SOUND_HZ, since).min() > AUDIBLE_DB, "the sound plays on after the voice was stopped"
    assert np.abs(stage.ada.voice.receiver.pcm(stage.bot)).max() < LOUDEST
    assert await stage.answer_to("!volume 5 sounds", starts="📣") == "📣 Sound volume: 5 %"
    await hear(stage, 10)
    since = await hear(stage, 10)
    lower = np.median(sound) - np.median(levels(stage, SOUND_HZ, since))
    assert lower == pytest.approx(20, abs=1), "5 percent instead of 50"
    assert await stage.answer_to("!sound stop", starts="⏹️") == "⏹️ Stopped."
    await hear(stage, 20)
    since = await hear(stage, 10)
    assert levels(stage, SOUND_HZ, since).max() < AUDIBLE_DB
    await stage.answer_to("!leave", starts="👋")
    assert decoders() == []


async def test_the_commands_of_the_sound_board_do_what_they_say_or_say_why_not(stage: Stage) -> None:
    general = stage.sandbox.home.general
    assert await stage.answer_to("!sound", starts="📣") == "📣 I have these sounds: Air Horn. `!sound NAME` plays one."
    assert await stage.answer_to("!sound horn", starts="No active") == (
        "No active voice session. `!join` brings me into your voice channel."
    )
    await stage.join()
    assert "I have these sounds: Air Horn." in await stage.answer_to("!sound list", starts="📣")
    await stage.answer_to("!leave", starts="👋")
    assert "`!sound add` is for people who may manage this server" in await stage.answer_to("!sound add x", starts="🔒")
    assert "may manage this server" in await stage.answer_to("!sound remove air horn", starts="🔒")
    await stage.join()
    assert "Did you mean Air Horn?" in await stage.answer_to("!sound air hrn", starts="❌")
    assert "no sound of that name" in await stage.answer_to("!sound ../../etc/passwd", starts="❌")
    let_manage(stage.sandbox, stage.ada.id)
    assert "I need a sound file" in await stage.answer_to("!sound add drum roll", starts="❌")

    async def add(name: str, data: bytes) -> None:
        await stage.ada.say(general, f"!sound add {name}", attachments=[Upload("drum.wav", data, "audio/wav")])

    await add("../drum", wav(0.5, 0.2))
    assert "A sound's name has at most" in await stage.told("❌")
    await add("drum roll", b"This is no sound.")
    assert await stage.told("❌") == "❌ drum.wav: It is not a sound file that I can play."
    await add("drum roll", wav(0.5, 0.2, pitch=SOUND_HZ))
    assert await stage.told("📣") == "📣 Added drum roll. `!sound drum roll` plays it."
    await add("Drum Roll", wav(0.5, 0.2))
    assert "There is a sound Drum Roll already" in await stage.told("❌")
    pressed = await stage.ada.press(general, "sound play", name="drum roll")
    assert (await pressed.response(LIMIT)).content == "📣 drum roll"
    await hear(stage, 10)
    suggested = await stage.ada.suggestions(general, "sound play", "name", "dr", timeout=LIMIT)
    assert [each["value"] for each in suggested] == ["drum roll"]
    assert await stage.answer_to("!sound delete drum roll", starts="❓") == ("❓ `!sound remove NAME` deletes a sound.")
    assert "Say its whole name" in await stage.answer_to("!sound remove drum", starts="❓")
    assert await stage.answer_to("!sound remove drum roll", starts="🗑️") == "🗑️ Removed drum roll."
    assert "Air Horn. " in await stage.answer_to("!sound", starts="📣")
    await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, timeout=LIMIT)
    assert await stage.answer_to("!sound stop", starts="📣") == "📣 No sound is playing."


async def test_a_burst_of_sounds_is_answered_in_full_and_holds_up_no_other_answer(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    write(tmp_path / "sounds" / "Air Horn.wav", wav(29.0, 0.3, rate=16_000, channels=1))
    async with (
        serving_tones(tmp_path) as address,
        make_stage(tts_websocket_url=address, sounds_dir=tmp_path / "sounds") as stage,
    ):
        await stage.join()
        # As with Discord's own quota of five messages in five seconds, 40 answers would take 40 seconds.
        stage.sandbox.faults.rest.quota("POST /channels/*/messages", requests=2, seconds=2.0)
        for _ in range(40):
            await stage.ask("!sound horn")
        await stage.ask("!sound stop")
        await stage.told("⏹️")

        def answers() -> list[str]:
            return [each.content for each in stage.ada.messages(stage.sandbox.home.general) if each.author.bot]

        def counted() -> int:
            told = [text for text in answers() if "play already" in text or text == "📣 Air Horn" or "stopped" in text]
            return sum(int(each[1]) if (each := re.search(r"answers (\d+) messages", text)) else 1 for text in told)

        await stage.until(lambda: counted() == 40, "an answer to each command")
        assert len(answers()) < 20


async def test_a_server_has_its_own_sounds_and_only_owners_delete_sounds_of_all_servers(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    write(tmp_path / "sounds" / "Air Horn.wav", wav(1.0, 0.1))
    async with make_stage(sounds_dir=tmp_path / "sounds") as stage:
        sandbox, directory = stage.sandbox, stage.sandbox.world.directory
        guild = directory.add_guild("Elsewhere", sandbox.home.owner)
        there = directory.add_channel(guild, "general")
        directory.add_member(guild, sandbox.bot)
        let_manage(sandbox, stage.ada.id)
        drum = Upload("drum.wav", wav(0.5, 0.2), "audio/wav")
        await stage.ada.say(sandbox.home.general, "!sound add drum roll", attachments=[drum])
        await stage.told("📣 Added")
        refused = "🔒 Air Horn is for all my servers. Only the people who run me can delete it."
        assert await stage.answer_to("!sound remove air horn", starts="🔒") == refused
        suggested = await stage.ada.suggestions(sandbox.home.general, "sound remove", "name", "", timeout=LIMIT)
        assert [each["value"] for each in suggested] == ["drum roll"]
        zoe = await sandbox.add_guest("Zoe", guild)
        await zoe.say(there, "!sound")
        listed = (await zoe.wait_for_message(there, timeout=LIMIT)).content
        assert listed == "📣 I have these sounds: Air Horn. `!sound NAME` plays one."


def playing(line: str) -> Answer:
    if "sound plays" in line:
        return Answer("There it is.")
    if "air horn" in line:
        return Answer(calls=("play_sound",), arguments='{"name": "air horn"}')
    return Answer("Hello.")


async def test_the_model_plays_a_sound_when_somebody_asks_for_it(make_stage: StageMaker, tmp_path: Path) -> None:
    write(tmp_path / "sounds" / "Air Horn.wav", wav(25.0, 0.3, rate=16_000, channels=1, pitch=SOUND_HZ))
    async with (
        ScriptedModel(playing) as model,
        serving_tones(tmp_path) as address,
        make_stage(llm_url=model.url, tts_websocket_url=address, sounds_dir=tmp_path / "sounds") as stage,
    ):
        await stage.join()
        await stage.ask("Play the air horn, please.")
        await stage.turns(1)
        since = await hear(stage, 25)
        assert levels(stage, SOUND_HZ, since).min() > AUDIBLE_DB
