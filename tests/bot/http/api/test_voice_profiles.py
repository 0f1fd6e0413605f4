"""Voices are made from recordings, listed and deleted, at the paths of earlier projects."""

from __future__ import annotations

import pytest

from tests.bot.http.api.api_stage import ApiStage
from tests.bot.http.web_stage import Answer
from tests.tts_server.voices.sounds import seconds_of_speech, silence, wav

PROFILE, PROFILES = "/api/voice-profile", "/api/voice-profiles"


async def make(stage: ApiStage, name: str = "Robin", path: str = PROFILE) -> Answer:
    answer: Answer = await stage.post_file(path, wav(seconds_of_speech(8)), name=name)
    return answer


@pytest.mark.parametrize("path", [PROFILE, "/v1/voice/profile"])
async def test_a_voice_is_made_listed_used_and_deleted(stage: ApiStage, path: str) -> None:
    made = await make(stage, path=path)
    assert made.status == 201
    assert made.json.keys() == {"id", "name", "language", "engine", "similarity", "seconds", "recordings"}
    assert (made.json["id"], made.json["name"], made.json["language"]) == ("robin", "Robin", "en")
    listed = (await stage.web.ask(PROFILES)).json
    assert listed == {"voices": [made.json], "can_clone": True, "engine": "stand-in"}, (
        "the engine's own voices are not listed"
    )
    assert (await stage.web.ask("/tts", "POST", json={"text": "Hello.", "voice": "robin"})).status == 200
    deleted = await stage.web.ask(f"{PROFILE}/robin", "DELETE")
    assert (deleted.status, deleted.text) == (204, "")
    assert (await stage.web.ask(PROFILES)).json["voices"] == []
    assert list(stage.voices.folder.iterdir()) == []


async def test_a_name_that_is_taken_is_reported(stage: ApiStage) -> None:
    assert (await make(stage)).status == 201
    again = await make(stage)
    assert (again.status, again.code) == (409, "voice_exists")
    assert again.json["error"]["message"][0].isalpha(), "the message lacks the emoji with which it begins on Discord"


async def test_a_voice_needs_a_name(stage: ApiStage) -> None:
    for name in ("", "  ", 51 * "x"):
        answer = await make(stage, name)
        assert (answer.status, answer.code) == (400, "bad_parameter")


async def test_recordings_that_are_no_good_are_refused(stage: ApiStage) -> None:
    for file, status in ((b"nonsense", 415), (wav(silence(8)), 400), (wav(seconds_of_speech(2)), 400)):
        answer = await stage.post_file(PROFILE, file, name="Robin")
        assert (answer.status, answer.code) == (status, "bad_recording")
        assert answer.json["error"]["message"]
    assert (await stage.web.ask(PROFILES)).json["voices"] == []


async def test_only_voices_that_were_made_here_can_be_deleted(stage: ApiStage) -> None:
    built_in = await stage.web.ask(f"{PROFILE}/tone", "DELETE")
    assert (built_in.status, built_in.code) == (403, "built_in")
    for unknown in ("nobody", "..%2F..%2Fetc", "%00", 500 * "x"):
        answer = await stage.web.ask(f"{PROFILE}/{unknown}", "DELETE")
        assert answer.status == 404
