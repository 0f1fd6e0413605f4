"""Tests of cloning a voice with the real speech server, and of hearing it in the next reply."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from audio.wav import to_wav
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.voice.microphone import VoiceActivity
from sandbox.voice.opus import SAMPLE_RATE
from sandbox.world.entities import Message, Upload
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, Since, join_people, talk, voiced
from tests.tones import pitch

USUAL_HZ = 220.0
"""The stand-in engine's own tone."""
BEN_HZ = 97.0
"""Ben's voice, as espeak-ng speaks it."""
STORY = (
    "Yesterday I walked along the river for two hours. The water was high and brown, and there were branches in it. "
    "A heron stood at the bank and did not move at all. I would have liked to know what it was waiting for."
)


@pytest.fixture
async def stage(make_stage: StageMaker, humming_server: str) -> AsyncIterator[Stage]:
    async with (
        ScriptedModel(lambda _: Answer("That is quite so, I think.")) as model,
        make_stage(tts_websocket_url=humming_server, llm_url=model.url, answer_to="name") as stage,
    ):
        yield stage


async def recording(who: str) -> Upload:
    """A sound file of a person who speaks for about ten seconds."""
    sound = await voiced(who, STORY)
    return Upload(f"{who.lower()}.wav", to_wav(sound, SAMPLE_RATE), "audio/wav")


async def told(stage: Stage, words: str, guest: Guest | None = None) -> Message:
    """The bot's message that has these words, or has them after an edit."""
    return await (guest or stage.ada).wait_for_message(
        stage.sandbox.home.general, lambda m: m.author.bot and words in m.content, LIMIT
    )


async def heard_pitch(stage: Stage, guest: Guest, text: str) -> float:
    """Ada types. Returns the loudest frequency of the answer that ``guest`` hears, in Hz."""
    since, count = guest.voice.receiver.count(stage.bot), len(stage.traces)
    await stage.ask(text)
    trace = (await stage.turns(count + 1))[-1]
    assert trace.outcome is Outcome.SPOKEN
    sound = guest.voice.receiver.pcm(stage.bot, since=since)
    return pitch(sound)


async def clone(stage: Stage, name: str, who: str) -> None:
    await stage.ada.say(stage.sandbox.home.general, f"!voice clone {name}", attachments=[await recording(who)])
    await told(stage, f"🗣️ I can speak as **{name}** now. Similarity: ")


async def test_the_next_reply_has_the_cloned_voice_that_was_chosen(stage: Stage) -> None:
    await stage.join()
    (cleo,) = await join_people(stage, "Cleo")
    assert await heard_pitch(stage, cleo, "Tell me something.") == pytest.approx(USUAL_HZ, rel=0.03)
    await clone(stage, "Robin", "Ben")
    assert await heard_pitch(stage, cleo, "Not chosen yet.") == pytest.approx(USUAL_HZ, rel=0.03)
    await stage.answer_to("!voice use robin", starts="🗣️ I speak as **Robin**")
    assert await heard_pitch(stage, cleo, "And now?") == pytest.approx(BEN_HZ, rel=0.06)
    names = await stage.ada.suggestions(stage.sandbox.home.general, "voice use", "name", "rob", timeout=LIMIT)
    assert [name["value"] for name in names] == ["Robin"]
    await stage.answer_to("!voice use default", starts="🗣️ I speak with my usual voice")
    assert await heard_pitch(stage, cleo, "And now?") == pytest.approx(USUAL_HZ, rel=0.03)


async def test_in_a_call_and_outside_one_a_voice_can_be_heard_before_it_is_chosen(stage: Stage) -> None:
    await clone(stage, "Robin", "Ben")
    await stage.ask("!voice preview Robin")
    (file,) = (await told(stage, "🎧 This is **Robin**")).attachments
    with wave.open(io.BytesIO(file.upload.data)) as sound:
        assert sound.getnframes() / sound.getframerate() > 1.0
    await stage.join()
    since = stage.ada.voice.receiver.count(stage.bot)
    await stage.ask("!voice preview Robin")
    await stage.turns(1)
    sound_heard = stage.ada.voice.receiver.pcm(stage.bot, since=since)
    loudest = pitch(sound_heard)
    assert loudest == pytest.approx(BEN_HZ, rel=0.06)
    assert await heard_pitch(stage, stage.ada, "That was only to try.") == pytest.approx(USUAL_HZ, rel=0.03)


async def test_a_voice_deleted_while_it_is_chosen_costs_no_word(stage: Stage, humming_server: str) -> None:
    await stage.join()
    await clone(stage, "Robin", "Ben")
    await stage.answer_to("!voice use robin", starts="🗣️")
    # The speech server's operator deletes the voice, and the bot is not told.
    url = URL(humming_server).with_scheme("http").with_path("/v1/voices/robin")
    async with aiohttp.ClientSession() as http, http.delete(url) as response:
        assert response.status == 204
    assert await heard_pitch(stage, stage.ada, "Still there?") == pytest.approx(USUAL_HZ, rel=0.03)
    await told(stage, "⚠️ The speech server no longer has the voice `robin`")
    await stage.ask("!voice list")
    await told(stage, "The voice chosen here, `robin`, no longer exists")


async def consent(stage: Stage, guest: Guest, command: str) -> Message:
    """Ada asks for a recording, and this guest agrees. Returns the message when it says that they may speak."""
    await stage.ask(command)
    asked = await told(stage, "may I record 10 seconds of your voice")
    await guest.click(asked, "yes")
    speak_now = await told(stage, "Speak now")
    assert speak_now.id == asked.id
    return asked


async def test_a_person_who_agrees_to_be_recorded_speaks_and_the_next_reply_has_their_voice(stage: Stage) -> None:
    await stage.join()
    (ben,) = await join_people(stage, "Ben")
    since = Since(stage)
    asked = await consent(stage, ben, f"!voice record Robin <@{ben.id}>")
    await asyncio.gather(
        # Ada talks at the same time: she is not in the recording, and is heard as usual. Ben reads on after the
        # recording, and is not answered.
        ben.voice.speak(await voiced("Ben", f"{STORY} {UTTERANCES[2]}"), VoiceActivity()),
        talk(stage.ada, UTTERANCES[0]),
    )
    learned = await told(stage, "🗣️ I can speak as **Robin** now.")
    assert learned.id == asked.id
    await since.heard(("Ada", UTTERANCES[0]))
    assert await heard_pitch(stage, stage.ada, "Not chosen yet.") == pytest.approx(USUAL_HZ, rel=0.03)
    await stage.answer_to("!voice use robin", starts="🗣️")
    assert await heard_pitch(stage, stage.ada, "And now?") == pytest.approx(BEN_HZ, rel=0.06)
    await talk(ben, UTTERANCES[1])
    await since.heard_count(2)
    assert since.utterances == [("Ada", UTTERANCES[0]), ("Ben", UTTERANCES[1])], (
        "Ada and Ben are heard as before the recording"
    )


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("!optout", "That person no longer wants to be listened to."),
        ("!listen off", "I don't listen to anybody any more."),
        ("!leave", "The call is over."),
    ],
)
async def test_a_recording_that_is_no_longer_wanted_leaves_nothing_behind(
    stage: Stage, tmp_path: Path, command: str, reason: str
) -> None:
    await stage.join()
    asked = await consent(stage, stage.ada, "!voice record Robin")
    speaking = asyncio.create_task(talk(stage.ada, STORY))
    await asyncio.sleep(1.0)
    await stage.ask(command)
    await stage.until(lambda: asked.content == f"🙉 {reason} I kept nothing.", "word that nothing is kept")
    speaking.cancel()
    assert not any((tmp_path / "voices").rglob("*.flac"))
    assert "Nobody has made a voice yet" in await stage.answer_to("!voice list", starts="🗣️")


async def test_a_person_who_agrees_and_then_says_nothing_learns_that_nothing_was_heard(stage: Stage) -> None:
    await stage.join()
    await consent(stage, stage.ada, "!voice record Robin")
    assert "I kept nothing" in (await told(stage, "🙉 I heard nothing.")).content


async def test_a_sample_that_is_too_short_is_refused_with_the_number_of_missing_seconds(stage: Stage) -> None:
    await stage.join()
    await consent(stage, stage.ada, "!voice record Robin")
    await talk(stage.ada, UTTERANCES[0])
    assert "6 are needed" in (await told(stage, "❌")).content


async def test_an_unreachable_speech_server_is_reported_and_nobody_is_asked_for_a_sample(
    make_stage: StageMaker,
) -> None:
    async with make_stage(tts_websocket_url="ws://127.0.0.1:9/ws/stream") as stage:
        for command in ("!voice list", "!voice use Robin", "!voice record Robin", "!voice preview Robin"):
            await stage.answer_to(command, starts="❌ The speech server can't be reached")
