"""Tests of the voice commands, typed and as slash commands on the sandbox, with a scripted speech server."""

from __future__ import annotations

import asyncio

import pytest

from bot.commands import elapsed_time
from sandbox.world.entities import Upload
from tests.bot.voices.conftest import SOUND, Stage
from tests.bot.voices.voice_server import refusal
from tests.timing import LIMIT


async def test_a_voice_is_cloned_from_an_attachment_and_the_list_shows_it(stage: Stage) -> None:
    assert "Nobody has made a voice yet" in (await stage.ask("!voice")).content
    await stage.ask("!voice clone Robin", SOUND)
    learned = await stage.told("🗣️ I can speak as **Robin** now.")
    assert "Similarity: 82 %" in learned.content
    assert stage.server.received == [("robin.ogg", SOUND.data)]
    assert stage.server.languages == ["de"], "the language that people speak here"
    await stage.ask("!voice clone ru Иван", SOUND)
    await stage.told("I can speak as **Иван**")
    assert stage.server.languages == ["de", "ru"]
    shown = (await stage.ask("!voice list")).content
    assert "▫️ **Robin** (en) · similarity 82 %" in shown
    assert "Toy has 1 of its own: `en-us` English (America)." in shown


async def test_a_voice_that_can_not_speak_is_not_chosen(stage: Stage) -> None:
    stage.server.mute = refusal(500, "espeak-ng failed: espeak-ng has no voice 'en-us'", "engine_failed")
    answer = await stage.ask("!voice use english")
    assert answer.content == (
        "❌ I tried English (America), and it can't speak just now, so I keep my voice. "
        "Espeak-ng failed: espeak-ng has no voice 'en-us'."
    )
    assert stage.voices.chosen(stage.sandbox.guild.id) is None
    stage.server.mute = None
    await stage.ask("!voice use english")
    await stage.told("🗣️ I speak as **English (America)** from my next answer on.")
    assert stage.voices.chosen(stage.sandbox.guild.id) == "en-us"


async def test_the_recording_may_be_attached_to_the_message_that_is_replied_to(stage: Stage) -> None:
    message = await stage.ben.say(stage.sandbox.home.general, "my voice", attachments=[SOUND])
    await stage.ask("!voice clone Robin", to=message)
    await stage.told("I can speak as **Robin**")
    assert stage.server.received == [("robin.ogg", SOUND.data)]


async def test_the_slash_command_takes_a_file_and_a_language(stage: Stage) -> None:
    general = stage.sandbox.home.general
    pressed = await stage.ada.press(general, "voice clone", name="Robin", recording=SOUND, language="fr")
    await pressed.response(LIMIT)
    await stage.ada.wait_for_message(general, lambda m: "Similarity: 82 %" in m.content, LIMIT)
    assert stage.server.languages == ["fr"]


@pytest.mark.parametrize(
    ("command", "file", "said"),
    [
        ("!voice clone Robin", None, "❌ I need a recording of 6 to 30 seconds"),
        ("!voice clone Robin", Upload("cat.png", b"\x89PNG", "image/png"), "❌ cat.png is not a sound file"),
        ("!voice clone default", SOUND, "❌ A voice's name must have 1 to 40 characters"),
        (f"!voice clone {'x' * 41}", SOUND, "❌ A voice's name must have 1 to 40 characters"),
        ("!voice clone", SOUND, "❌ Something is missing"),
        ("!voice use Nobody", None, "❓ There is no voice called 'Nobody'"),
        ("!voice delete English (America)", None, "❌ English (America) is one of Toy's own voices"),
        ("!voice record Robin Nobody", None, "I don't see anybody called `Nobody`"),
        ("!voice record Robin", None, "❌ I can only record people in a call, and I'm not in one on this server"),
    ],
)
async def test_impossible_requests_are_refused_before_anything_is_sent(
    stage: Stage, command: str, file: Upload | None, said: str
) -> None:
    answer = await stage.ask(command, *([file] if file else []))
    assert said in answer.content
    assert stage.server.received == []


async def test_the_refusal_of_a_recording_replaces_the_message_about_learning(stage: Stage) -> None:
    stage.server.refused = refusal(400, "too short: 3.2 s of speech, 6 s are needed", "too_short")
    asked = await stage.ask("!voice clone Robin", SOUND)
    said = await stage.told("❌ Too short: 3.2 s of speech, 6 s are needed.")
    assert said.id == asked.id
    assert stage.server.voices == {}


async def test_the_seconds_are_shown_while_learning_takes_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elapsed_time, "EDIT_SECONDS", 0.05)
    stage.server.learning = asyncio.Event()
    asked = await stage.ask("!voice clone Robin", SOUND)
    assert (await stage.told("I'm learning how **Robin** sounds… (0 s)")).id == asked.id
    stage.server.learning.set()
    assert (await stage.told("I can speak as **Robin** now")).id == asked.id


async def test_an_unreachable_server_is_reported_and_suggests_nothing(stage: Stage) -> None:
    stage.server.fault = lambda: refusal(503, "loading")
    for command in ("!voice list", "!voice use Robin", "!voice preview Robin", "!voice delete Robin"):
        assert "still getting ready" in (await stage.ask(command)).content
    general = stage.sandbox.home.general
    assert await stage.ada.suggestions(general, "voice use", "name", "", timeout=LIMIT) == []


async def test_names_are_suggested_while_they_are_typed(stage: Stage) -> None:
    general = stage.sandbox.home.general
    for number in range(30):
        stage.server.voices[f"robin{number}"] = stage.server.made(f"Robin{number}")
    for command, typed, count in (
        ("voice use", "ROBIN1", 11),
        ("voice preview", "engl", 1),
        ("voice delete", "engl", 0),
        ("voice delete", "", 25),
    ):
        found = await stage.ada.suggestions(general, command, "name", typed, timeout=LIMIT)
        assert len(found) == count, (command, typed)
    assert found[0]["value"] == "Robin0"


async def test_a_preview_is_sent_as_a_file_and_spoken_aloud_during_a_call(stage: Stage) -> None:
    stage.server.voices["robin"] = stage.server.made("Robin") | {"language": "de"}
    (file,) = (await stage.ask("!voice preview robin")).attachments
    assert (file.upload.filename, file.upload.data) == ("robin.wav", b"RIFF of robin")
    call = stage.begin_call()
    assert "I'll say something as **Robin**" in (await stage.ask("!voice preview robin")).content
    (prompt,) = call.said
    assert (prompt.voice, prompt.text) == ("robin", "Hallo! Ich bin Robin, und so klinge ich.")


async def test_a_deletion_is_confirmed_first_by_the_person_who_requested_it(stage: Stage) -> None:
    await stage.ask("!voice clone Robin", SOUND, who=stage.ben)
    await stage.told("I can speak as **Robin**", stage.ben)
    cleo = await stage.sandbox.add_guest("Cleo")
    assert "You did not make Robin" in (await stage.ask("!voice delete Robin", who=cleo)).content
    await stage.ask("!voice use Robin")
    question = await stage.ask("!voice delete Robin", who=stage.ben)
    assert "for good?" in question.content
    pressed = await stage.ada.click(question, "yes")
    assert (await pressed.response(LIMIT)).content == "🔒 Only Ben can answer that."
    await stage.ben.click(question, "no")
    assert "**Robin** stays" in (await stage.told("stays", stage.ben)).content
    question = await stage.ask("!voice delete Robin", who=stage.ben)
    await stage.ben.click(question, "yes")
    gone = await stage.told("is gone", stage.ben)
    assert (gone.id, gone.components) == (question.id, ())
    assert stage.server.voices == {}
    assert stage.voices.chosen(stage.sandbox.guild.id) is None


async def test_nobody_is_recorded_for_an_engine_that_can_not_clone(stage: Stage) -> None:
    call, stage.server.can_clone = stage.begin_call(), False
    for command, files in (("!voice clone Robin", [SOUND]), ("!voice record Robin", [])):
        assert "The current engine (Toy) can't clone voices" in (await stage.ask(command, *files)).content
    assert (stage.server.received, call.samples.people) == ([], [])


async def test_people_who_may_not_make_voices_may_still_use_them(stage: Stage) -> None:
    cleo = await stage.sandbox.add_guest("Cleo")
    await stage.voices.recent_catalogue()
    assert "people whom my operator has named" in (await stage.ask("!voice clone Robin", SOUND, who=cleo)).content
    assert "people whom my operator has named" in (await stage.ask("!voice record Robin", who=cleo)).content
    assert "I speak as **English" in (await stage.ask("!voice use english (america)", who=cleo)).content
    assert stage.voices.chosen(stage.sandbox.guild.id) == "en-us"
    assert "▶️" not in (await stage.ask("!voice list")).content
    assert "my usual voice again" in (await stage.ask("!voice use default", who=cleo)).content
    assert stage.voices.chosen(stage.sandbox.guild.id) is None
