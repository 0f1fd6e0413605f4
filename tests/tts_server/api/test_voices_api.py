"""Creating, previewing and deleting voices over HTTP, with an engine that clones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from audio.level import rms
from tests.tts_server.api.voices_client import VoicesClient, recordings_form, voices_client
from tests.tts_server.client import running_with
from tests.tts_server.stand_in_engines import CountingEngine
from tests.tts_server.voices.sounds import GOOD_FORMATS, decoded, good_files, speech, wav
from tts_server.engines.base import EngineError
from tts_server.engines.stand_in import StandInEngine
from tts_server.voices.library import VoiceLibrary
from tts_server.voices.profile import VoiceProfile
from wire.presets import Preset, Presets

GOOD = "ogg opus, a Discord voice message"
PRESETS = Presets({"warm": Preset(description="warm and friendly", temperature=0.85, speed=0.95)}, "warm")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[VoicesClient]:
    async with voices_client(tmp_path) as client:
        yield client


class ForgetfulEngine(StandInEngine):
    """Fails to learn a voice with more than one recording, or a voice called Mumbler."""

    forgotten: tuple[str, ...] = ()

    def learn(self, profile: VoiceProfile) -> float:
        if profile.name == "Mumbler" or len(profile.recordings) > 1:
            raise EngineError("nobody could learn this voice")
        return super().learn(profile)

    def forget(self, voice: str) -> None:
        self.forgotten += (voice,)
        super().forget(voice)


async def test_a_voice_is_made_of_a_recording(client: VoicesClient) -> None:
    made = await client.create("Miku", good_files()[GOOD], language="ja")
    assert made.status == 201
    assert made.body == {
        "id": "miku",
        "name": "Miku",
        "language": "ja",
        "made_here": True,
        "speaks": True,
        "engine": "stand-in",
        "similarity": made.body["similarity"],
        "seconds": pytest.approx(len(speech()) / 24_000, abs=0.8),
        "recordings": 1,
    }
    assert -1 <= made.body["similarity"] <= 1
    listed = await client.request("GET", "")
    assert listed.body["voices"][0] == made.body
    assert [voice["made_here"] for voice in listed.body["voices"]] == [True, False]
    assert (listed.body["can_clone"], listed.body["engine"]) == (True, "stand-in")
    assert (await client.request("GET", "/miku")).body == made.body


async def test_a_voice_is_still_there_after_a_restart(client: VoicesClient) -> None:
    made = await client.create("Miku", good_files()[GOOD])
    again = VoiceLibrary(client.folder)
    again.load()
    assert again.record("miku").similarity == made.body["similarity"]


@pytest.mark.parametrize("name", GOOD_FORMATS)
async def test_recordings_in_every_format_are_accepted(client: VoicesClient, name: str) -> None:
    assert (await client.create("Ada", good_files()[name])).status == 201


async def test_a_voice_is_made_of_several_recordings(client: VoicesClient) -> None:
    made = await client.create("Ada", good_files()["flac"], good_files()["mp3"])
    assert (made.status, made.body["recordings"]) == (201, 2)
    more = await client.request("POST", "/ada/recordings", recordings_form([good_files()["wav"]]))
    assert (more.status, more.body["recordings"]) == (201, 3)
    assert more.body["seconds"] > made.body["seconds"] + 10
    assert (await client.request("GET", "/ada")).body == more.body


async def test_the_new_voice_speaks_the_next_reply(client: VoicesClient) -> None:
    await client.create("Ada", good_files()["wav"])
    async with client.server.connect() as socket:
        await socket.say("Hello there.", voice="ada")
        assert len((await socket.hear()).samples)


async def test_a_preview_is_a_wav_in_the_voice_asked_for(client: VoicesClient) -> None:
    await client.create("Ada", good_files()["wav"])
    own, built_in = [await client.request("GET", f"/{voice}/preview") for voice in ("ada", "tone")]
    for preview in (own, built_in):
        assert (preview.status, preview.headers["Content-Type"]) == (200, "audio/wav")
    samples, rate, channels = decoded(own.raw)
    assert (rate, channels) == (24_000, 1)
    assert rms(samples) > 0.01
    assert not np.array_equal(samples, decoded(built_in.raw)[0])
    longer = await client.request("GET", "/ada/preview", params={"text": "A whole sentence of mine. " * 5})
    assert len(longer.raw) > len(own.raw)
    assert (await client.request("GET", "/ada/preview", params={"text": "a" * 201})).status == 400


async def test_a_deleted_voice_is_gone(client: VoicesClient) -> None:
    await client.create("Ada", good_files()["wav"])
    gone = await client.request("DELETE", "/ada")
    assert (gone.status, gone.raw) == (204, b"")
    for method, path in (("GET", "/ada"), ("GET", "/ada/preview"), ("DELETE", "/ada")):
        missing = await client.request(method, path)
        assert (missing.status, missing.code) == (404, "unknown_voice")
    assert client.written() == ["voices"]
    assert (await client.create("Ada", good_files()["wav"])).status == 201


async def test_built_in_voices_cannot_be_deleted(client: VoicesClient) -> None:
    form = recordings_form([good_files()["wav"]])
    for answer in (await client.request("DELETE", "/tone"), await client.request("POST", "/tone/recordings", form)):
        assert (answer.status, answer.code) == (409, "built_in")
    assert (await client.request("GET", "/tone")).body["made_here"] is False


@pytest.mark.parametrize("name", ["Ada", "ada", "ＡＤＡ", "tone", "A tone"])
async def test_a_name_can_be_used_only_once(client: VoicesClient, name: str) -> None:
    await client.create("Ada", good_files()["wav"])
    again = await client.create(name, good_files()["wav"])
    # The engine's own voice is called "A tone". Clients may use its id or its name.
    assert (again.status, again.code) == (409, "voice_exists")
    assert len(client.library.all()) == 1


async def test_recordings_for_an_unknown_voice_are_refused(client: VoicesClient) -> None:
    answer = await client.request("POST", "/nobody/recordings", recordings_form([good_files()["wav"]]))
    assert (answer.status, answer.code) == (404, "unknown_voice")


async def test_one_bad_recording_is_named_and_makes_the_whole_form_fail(client: VoicesClient) -> None:
    answer = await client.create("Ada", good_files()["wav"], wav(speech()[:48_000]))
    assert (answer.status, answer.code) == (400, "too_short")
    assert "2.0 seconds of speech: 6 are needed" in answer.body["error"]["message"]
    assert client.written() == ["voices"]


async def test_an_invalid_language_is_refused(client: VoicesClient) -> None:
    answer = await client.create("Ada", good_files()["wav"], language="Klingon!")
    assert (answer.status, answer.code, answer.body["error"]["param"]) == (400, "bad_language", "language")


async def test_a_voice_that_cannot_be_learned_is_not_kept(tmp_path: Path) -> None:
    async with voices_client(tmp_path, ForgetfulEngine) as client:
        failed = await client.create("Mumbler", good_files()["wav"])
        assert (failed.status, failed.code) == (500, "engine_failed")
        assert client.written() == ["voices"]
        engine = client.server.engine
        assert isinstance(engine, ForgetfulEngine)
        assert engine.forgotten == ("mumbler",)

        made = await client.create("Ada", good_files()["wav"])
        more = await client.request("POST", "/ada/recordings", recordings_form([good_files()["mp3"]]))
        assert more.status == 500
        assert (await client.request("GET", "/ada")).body == made.body
        assert client.written() == ["voices", "voices/ada", "voices/ada/1.flac", "voices/ada/voice.json"]


async def test_an_engine_that_does_not_clone_says_so(tmp_path: Path) -> None:
    library = VoiceLibrary(tmp_path / "voices")
    library.load()
    async with running_with(library, [CountingEngine()]) as server:
        client = VoicesClient(server, library, tmp_path / "voices")
        listed = await client.request("GET", "")
        assert (listed.body["can_clone"], [voice["id"] for voice in listed.body["voices"]]) == (
            False,
            ["plain", "deutsch"],
        )
        refused = await client.create("Ada", good_files()["wav"])
        assert (refused.status, refused.code) == (409, "cannot_clone")
        assert (await client.request("GET", "/deutsch/preview")).status == 200


async def test_recordings_are_kept_for_an_engine_that_can_clone(tmp_path: Path) -> None:
    library = VoiceLibrary(tmp_path / "voices")
    library.load()
    async with running_with(library, [CountingEngine()]) as server:
        client = VoicesClient(server, library, tmp_path / "voices")
        form = recordings_form([good_files()["wav"]])
        form.add_field("name", "Ada")
        kept = await client.request("POST", "", form, params={"keep": "true"})
        assert (kept.status, kept.body["speaks"], kept.body["similarity"]) == (201, False, None)
        listed = (await client.request("GET", "")).body["voices"]
        assert [(voice["id"], voice["speaks"]) for voice in listed] == [
            ("ada", False),
            ("plain", True),
            ("deutsch", True),
        ]
        refused = await client.request("GET", "/ada/preview")
        assert (refused.status, refused.code) == (404, "unknown_voice")
    async with voices_client(tmp_path) as client:
        assert (await client.request("GET", "/ada")).body["speaks"]
        assert (await client.request("GET", "/ada/preview")).status == 200
        gone = await client.request("DELETE", "/ada")
        assert (gone.status, client.written()) == (204, ["voices"])


async def test_the_list_says_what_can_be_chosen_besides_a_voice(client: VoicesClient) -> None:
    listed = (await client.request("GET", "")).body
    assert (listed["usual"], listed["parameters"], listed["preset"]) == ("tone", ["pitch_shift", "speed"], None)
    presets = [
        {"name": "warm", "description": "warm and friendly", "parameters": {"temperature": 0.85, "speed": 0.95}},
    ]
    async with running_with(client.library, [StandInEngine(0.0, 0.0)], presets=PRESETS) as server:
        listed = (await VoicesClient(server, client.library, client.folder).request("GET", "")).body
        assert (listed["presets"], listed["preset"]) == (presets, "warm")
