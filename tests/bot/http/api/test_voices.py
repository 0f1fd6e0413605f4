"""The voices view's endpoints: what is listed, chosen for each place, previewed, and kept for another engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from bot.database import Database
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.voices.voices import Voices
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.bot.http.api.test_voice_profiles import PROFILE, make
from tests.bot.http.web_stage import SECRET, Answer
from tests.tts_server.api.speaking import played
from tests.tts_server.stand_in_engines import CountingEngine
from tests.tts_server.voices.sounds import seconds_of_speech, wav
from tts_server.engines.stand_in import StandInEngine
from wire.parameters import SpeechParameters

VOICES, BROWSER, SERVER, PREVIEW = (f"/api/voices{rest}" for rest in ("", "/places/browser", "/places/1", "/preview"))


def plain_engine(*_: object, **__: object) -> CountingEngine:
    """An engine that can't clone."""
    return CountingEngine()


async def listed(stage: ApiStage) -> dict[str, Any]:
    fields: dict[str, Any] = (await stage.web.ask(VOICES)).json
    return fields


async def choose(stage: ApiStage, path: str = BROWSER, **fields: Any) -> Answer:
    return await stage.web.ask(path, "PUT", json=fields)


async def hear(stage: ApiStage, **fields: Any) -> float:
    """The length of a preview, in seconds."""
    async with stage.web.session.post(stage.web.url(PREVIEW), json=fields) as answer:
        assert (answer.status, answer.content_type) == (200, "audio/wav")
        sound, rate = played(await answer.read())
    assert np.abs(sound).max() > 0.01
    return len(sound) / rate


async def test_the_list_has_all_voices_and_what_is_chosen_in_each_place(stage: ApiStage) -> None:
    await make(stage)
    found = await listed(stage)
    assert [(each["id"], each["made_here"], each["speaks"]) for each in found["voices"]] == [
        ("robin", True, True),
        ("tone", False, True),
    ]
    assert (found["engine"], found["can_clone"], found["advice"]) == ("stand-in", True, None)
    assert found["parameters"] == [
        {"name": "pitch_shift", "lowest": -12, "highest": 12, "whole": False},
        {"name": "speed", "lowest": 0.5, "highest": 2.0, "whole": False},
    ]
    usual: dict[str, Any] = {"voice": None, "speaks_as": "tone", "preset": None, "manner": {}}
    assert found["places"] == [
        {"id": "browser", "name": "In the browser", **usual},
        {"id": "1", "name": "Ada's server", **usual},
    ]


async def test_each_place_has_a_choice_of_its_own_which_outlives_a_restart(stage: ApiStage) -> None:
    await make(stage)
    chosen = await choose(stage, voice="robin", speed=1.5, pitch_shift=-2)
    assert chosen.json["manner"] == {"speed": 1.5, "pitch_shift": -2}
    assert (chosen.json["voice"], chosen.json["speaks_as"]) == ("robin", "robin")
    await choose(stage, SERVER, speed=0.5)
    browser, server = (await listed(stage))["places"]
    assert browser == chosen.json
    assert (server["voice"], server["manner"]) == (None, {"speed": 0.5})
    async with Database.opened(stage.database_file) as database, aiohttp.ClientSession() as http:
        client = SpeechServerClient(http, ServerAddress("ws://127.0.0.1:9/ws/stream"))
        again = await Voices.load(client, database, "!")
    assert again.manner(0) == SpeechParameters(voice="robin", speed=1.5, pitch_shift=-2)
    assert again.manner(1) == SpeechParameters(speed=0.5)
    assert (await choose(stage)).json["manner"] == {}, "what is missing is as usual again"


async def test_a_preview_sounds_as_the_next_answer_of_its_place(stage: ApiStage) -> None:
    usual = await hear(stage, place="browser")
    await choose(stage, speed=2.0)
    assert await hear(stage, place="browser") == pytest.approx(usual / 2, rel=0.1)
    assert await hear(stage, place="1") == pytest.approx(usual, rel=0.1)
    assert await hear(stage, voice="tone") == pytest.approx(usual, rel=0.1)


async def test_a_preview_is_charged_and_not_spoken_any_more_at_todays_limit(stage: ApiStage) -> None:
    spoken = await hear(stage, place="browser")
    ((account, _, seconds, paid),) = stage.meter.sound
    assert (account.person, paid) == (None, True)
    assert spoken / 3 < seconds < spoken * 3, "a preview is charged by its length, as other speech for programs is"
    stage.meter.used = 1.0
    refused = await stage.web.ask(PREVIEW, "POST", json={"place": "browser"})
    assert refused.status == 503
    assert "limit is reached" in refused.text
    assert len(stage.meter.sound) == 1


async def test_a_program_that_names_no_voice_gets_the_chosen_manner(stage: ApiStage) -> None:
    before = await stage.web.session.post(stage.web.url("/tts"), json={"text": "Hello, how are you?"})
    await choose(stage, speed=2.0)
    after = await stage.web.session.post(stage.web.url("/tts"), json={"text": "Hello, how are you?"})
    assert len(await after.read()) == pytest.approx(len(await before.read()) / 2, rel=0.1)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"speed": 3}, 400, "bad_parameter"),
        ({"speed": "fast"}, 400, "bad_parameter"),
        ({"speed": True}, 400, "bad_parameter"),
        ({"temperature": 0}, 400, "bad_parameter"),
        ({"top_k": [[[]]]}, 400, "bad_parameter"),
        ({"preset": "shouting"}, 400, "bad_parameter"),
        ({"voice": ""}, 400, "bad_parameter"),
        ({"voice": "nobody"}, 404, "unknown_voice"),
        ({"speed": "9" * 60_000}, 400, "bad_parameter"),
    ],
)
async def test_bad_choices_are_refused_in_words_and_change_nothing(
    stage: ApiStage, fields: dict[str, Any], status: int, code: str
) -> None:
    before = await listed(stage)
    answer = await choose(stage, **fields)
    assert (answer.status, answer.code) == (status, code)
    assert len(answer.json["error"]["message"]) < 300
    assert await listed(stage) == before


async def test_only_places_where_the_bot_is_have_a_choice(stage: ApiStage) -> None:
    for unknown in ("2", "0", "%00", "..%2Fbrowser", 400 * "9"):
        answer = await choose(stage, f"/api/voices/places/{unknown}")
        assert answer.status == 404, unknown
    assert (await stage.web.ask(PREVIEW, "POST", json={"place": "2"})).code == "unknown_place"
    assert (await stage.web.ask(PREVIEW, "POST", json={})).code == "bad_parameter"


async def test_during_a_call_voices_are_chosen_but_not_heard(stage: ApiStage) -> None:
    await stage.gate.hold("a call")
    answer = await stage.web.ask(PREVIEW, "POST", json={"place": "browser"})
    assert (answer.status, answer.code) == (409, "in_call")
    assert "A call is on" in answer.json["error"]["message"]
    assert (await choose(stage, voice="tone", speed=1.2)).status == 200


async def test_a_deleted_voice_is_no_longer_chosen(stage: ApiStage) -> None:
    await make(stage)
    await choose(stage, voice="robin", speed=1.2)
    assert (await stage.web.ask(f"{PROFILE}/robin", "DELETE")).status == 204
    browser = (await listed(stage))["places"][0]
    assert (browser["voice"], browser["manner"]) == (None, {"speed": 1.2})


async def test_a_recording_is_kept_for_an_engine_that_can_clone(tmp_path: Path) -> None:
    async with api_stage(tmp_path, engine=plain_engine) as stage:
        refused = await make(stage)
        assert (refused.status, refused.code) == (409, "cannot_clone")
        kept = await stage.post_file(PROFILE, wav(seconds_of_speech(8)), name="Robin", keep="true")
        assert (kept.status, kept.json["similarity"]) == (201, None)
        found = await listed(stage)
        assert "TTS_ENGINE=xtts" in found["advice"], "the advice names the engine that is needed"
        assert (found["voices"][0]["id"], found["voices"][0]["speaks"]) == ("robin", False)
        for answer in (
            await choose(stage, voice="robin"),
            await stage.web.ask(PREVIEW, "POST", json={"voice": "robin"}),
        ):
            assert (answer.status, answer.code) == (409, "cannot_clone")
    async with api_stage(tmp_path, engine=StandInEngine) as stage:
        assert (await choose(stage, voice="robin")).status == 200
        assert await hear(stage, voice="robin") > 0.5


async def test_nobody_makes_a_voice_with_the_name_of_the_usual_one(stage: ApiStage) -> None:
    answer = await make(stage, "Default")
    assert (answer.status, answer.code) == (400, "bad_parameter")


async def test_the_state_of_the_engine_is_reported(stage: ApiStage) -> None:
    answer = await stage.web.ask(f"{VOICES}/engine")
    assert answer.json == {"engine": "stand-in", "speaking": "stand-in", "state": "ready", "loading": None}


async def test_without_a_speech_server_all_endpoints_say_so(tmp_path: Path) -> None:
    async with api_stage(tmp_path, voice=False) as stage:
        for answer in (
            await stage.web.ask(VOICES),
            await stage.web.ask(f"{VOICES}/engine"),
            await choose(stage, speed=1.2),
            await stage.web.ask(PREVIEW, "POST", json={"place": "browser"}),
        ):
            assert (answer.status, answer.code) == (503, "voice_away")


async def test_the_token_is_needed_for_choices(tmp_path: Path) -> None:
    async with api_stage(tmp_path, SECRET) as stage:
        for path, method in ((VOICES, "GET"), (f"{VOICES}/engine", "GET"), (BROWSER, "PUT"), (PREVIEW, "POST")):
            assert (await stage.web.ask(path, method, json={"speed": 2})).status == 401
