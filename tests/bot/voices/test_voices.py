"""Tests of the voices service: lists, choices, rights, and all errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from pydantic import SecretStr

from audio.wav import to_wav, wav_header
from bot.database import Database
from bot.metering import NOBODY
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import MAX_ANSWER_BYTES, PREVIEW_SECONDS, SpeechServerClient
from bot.speech_server.errors import VoicesError
from bot.speech_server.voices import RecordingUpload
from bot.voices import voices as words
from bot.voices.voices import CommandUser, Voices
from tests.bot.voices.voice_server import VoiceServer, refusal, voice_server
from tests.meters import NotingMeter

HOME, ELSEWHERE = 10, 20
ADA, BEN = CommandUser(1, HOME, manages=False), CommandUser(2, HOME, manages=False)
HOST, STRANGER = CommandUser(3, HOME, manages=True), CommandUser(4, ELSEWHERE, manages=True)
SOUND = RecordingUpload("ada.wav", b"RIFF and so on")


@dataclass(eq=False)
class Library:
    """A bot's voices service, with the speech server and the database behind it."""

    server: VoiceServer
    http: aiohttp.ClientSession
    database: Database
    voices: Voices

    async def again(self) -> Voices:
        """The voices service after a restart of the bot."""
        token = SecretStr(self.server.token) if self.server.token else None
        client = SpeechServerClient(self.http, ServerAddress(self.server.url, token))
        return await Voices.load(client, self.database, "!")


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with (
        voice_server() as server,
        aiohttp.ClientSession() as http,
        Database.opened(tmp_path / "seiyuu.sqlite3") as database,
    ):
        voices = await Voices.load(SpeechServerClient(http, ServerAddress(server.url)), database, "!")
        yield Library(server, http, database, voices)


async def test_a_voice_is_made_found_chosen_heard_and_deleted(library: Library) -> None:
    made = await library.voices.clone(ADA, " Robin ", "de", SOUND)
    assert (made.id, made.name, made.similarity) == ("robin", "Robin", 0.8213)
    assert library.server.received == [("ada.wav", SOUND.data)]
    assert library.server.languages == ["de"]
    found = await library.voices.find("ROBIN")
    assert (found.id, await library.voices.preview(found)) == ("robin", b"RIFF of robin")
    await library.voices.choose(HOME, found)
    assert (library.voices.chosen(HOME), library.voices.chosen(ELSEWHERE)) == ("robin", None)
    await library.voices.delete(found)
    assert library.voices.chosen(HOME) is None, "a deleted voice is no longer chosen"
    with pytest.raises(VoicesError, match="no voice called 'robin'"):
        await library.voices.find("robin")


async def test_a_chosen_voice_is_remembered_and_so_is_the_choice_of_the_usual_voice(library: Library) -> None:
    robin = await library.voices.clone(ADA, "Robin", "en", SOUND)
    await library.voices.choose(HOME, robin)
    assert (await library.again()).chosen(HOME) == "robin"
    await library.voices.choose(HOME, None)
    assert (await library.again()).chosen(HOME) is None


async def test_cloning_the_same_name_again_adds_a_recording_for_its_maker_only(library: Library) -> None:
    await library.voices.clone(ADA, "Robin", "en", SOUND)
    assert (await library.voices.clone(ADA, "robin", "en", SOUND)).recordings == 2
    with pytest.raises(VoicesError, match="You did not make Robin"):
        await library.voices.clone(BEN, "Robin", "en", SOUND)


async def test_a_voice_may_be_changed_by_its_maker_and_managers_of_its_server(library: Library) -> None:
    await library.voices.clone(ADA, "Robin", "en", SOUND)
    voices = await library.again()
    for person in (ADA, HOST):
        assert (await voices.find_changeable(person, "robin")).id == "robin"
    for person in (BEN, STRANGER):
        with pytest.raises(VoicesError, match="You did not make"):
            await voices.find_changeable(person, "robin")
    with pytest.raises(VoicesError, match="English \\(America\\) is one of Toy's own voices"):
        await voices.find_changeable(HOST, "en-us")


async def test_a_voice_may_be_called_by_any_name_that_the_server_understands(library: Library) -> None:
    assert (await library.voices.find("english")).id == "en-us"
    for odd in ("..", ".", "a/b", "?", "x" * 300, " "):
        with pytest.raises(VoicesError, match="There is no voice called"):
            await library.voices.find(odd)


async def test_an_unknown_voice_gets_suggestions_of_similar_ones(library: Library) -> None:
    with pytest.raises(VoicesError) as caught:
        await library.voices.find("en-uk")
    assert str(caught.value) == (
        "❓ There is no voice called 'en-uk'. English: en-us. `!voice list` shows all of them."
    )


async def test_a_mistyped_voice_gets_the_nearest_one_as_a_suggestion(library: Library) -> None:
    with pytest.raises(VoicesError) as caught:
        await library.voices.find("frnch")
    assert str(caught.value) == (
        "❓ There is no voice called 'frnch'. Did you mean fr-ch? `!voice list` shows all of them."
    )


async def test_only_managers_may_change_a_voice_that_no_command_made(library: Library) -> None:
    library.server.voices["sky"] = library.server.made("Sky")
    assert (await library.voices.find_changeable(STRANGER, "Sky")).id == "sky"
    with pytest.raises(VoicesError, match="You did not make"):
        await library.voices.find_changeable(ADA, "Sky")


async def test_the_error_for_an_engine_that_can_not_clone_says_what_to_do(library: Library) -> None:
    await library.voices.require_cloning()
    library.server.can_clone = False
    with pytest.raises(VoicesError, match=r"\(Toy\) can't clone voices.*TTS_ENGINE=xtts"):
        await library.voices.require_cloning()


async def test_suggestions_ask_the_server_seldom_and_include_new_voices(library: Library) -> None:
    now = [0.0]
    voices = Voices(library.voices._client, library.voices._records, {}, {}, "!", clock=lambda: now[0])
    assert len((await voices.recent_catalogue()).voices) == 1
    library.server.voices["sky"] = library.server.made("Sky")
    assert len((await voices.recent_catalogue()).voices) == 1
    await voices.clone(ADA, "Robin", "en", SOUND)
    assert len((await voices.recent_catalogue()).voices) == 3
    library.server.voices.clear()
    now[0] += words.REMEMBERED
    assert len((await voices.recent_catalogue()).voices) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            refusal(400, "too short: 3.2 s of speech, 6 s are needed", "too_short"),
            "❌ Too short: 3.2 s of speech, 6 s are",
        ),
        (refusal(415, "there is no sound in it", "no_audio"), "❌ There is no sound in it."),
        (refusal(413, "a file may have at most 25 MB", "too_large"), "❌ A file may have at most 25 MB."),
        (refusal(503, "loading"), "⏳ The speech server is still getting ready"),
        (refusal(401, "no"), "does not accept my `TTS_TOKEN`"),
        (refusal(500, "", "engine_failed"), "(HTTP status 500)"),
        (web.Response(status=404, text="404: Not Found"), "has no list of voices"),
        (web.Response(status=409, text="[]"), "(HTTP status 409)"),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "redirects me elsewhere"),
        (refusal(400, "x" * 5_000), "xx…"),
        (web.Response(text="<html>"), "don't understand"),
        (web.Response(text="[" * 100_000), "don't understand"),
        (web.json_response({"voices": [{"id": ""}], "can_clone": True, "engine": "x"}), "don't understand"),
        (web.json_response({"voices": [], "can_clone": True, "engine": "x" * 201}), "don't understand"),
        (web.Response(body=b" " * (MAX_ANSWER_BYTES + 1)), "far too large"),
    ],
)
async def test_refusals_and_unreadable_answers_are_reported_in_a_sentence(
    library: Library, fault: web.Response, said: str
) -> None:
    library.server.fault = lambda: fault
    with pytest.raises(VoicesError) as caught:
        await library.voices.catalogue()
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_the_token_is_sent_and_an_unreachable_server_is_reported(library: Library) -> None:
    library.server.token = "secret"
    with pytest.raises(VoicesError, match="TTS_TOKEN"):
        await library.voices.catalogue()
    assert (await (await library.again()).catalogue()).engine == "Toy"
    nobody = SpeechServerClient(library.http, ServerAddress("ws://127.0.0.1:9/ws/stream"))
    with pytest.raises(VoicesError, match="The speech server can't be reached"):
        await nobody.catalogue()


async def test_cloning_that_takes_too_long_is_given_up(library: Library) -> None:
    library.server.learning = asyncio.Event()
    client = SpeechServerClient(library.http, ServerAddress(library.server.url), cloning_limit=0.05)
    with pytest.raises(VoicesError, match="is taking too long"):
        await client.create_voice("Robin", "en", SOUND)
    library.server.learning.set()


async def test_a_preview_is_charged_by_its_length_and_refused_at_todays_limit(library: Library) -> None:
    meter = NotingMeter()
    address = ServerAddress(library.server.url, paid=True)
    client = SpeechServerClient(library.http, address, meter=meter)
    voices = await Voices.load(client, library.database, "!")
    await library.voices.clone(ADA, "Robin", "de", SOUND)
    robin = await voices.find("robin")
    library.server.sound = to_wav(np.zeros(12_000, np.float32), 24_000)
    await voices.preview(robin)
    # The speech server sends the header before it knows the length.
    library.server.sound = wav_header(24_000, None) + bytes(24_000)
    await voices.check(robin)
    assert meter.sound == [(NOBODY, address.known_as, 0.5, True)] * 2
    meter.used = 1.0
    with pytest.raises(VoicesError, match="limit is reached"):
        await voices.preview(robin)
    assert len(meter.sound) == 2


async def test_a_preview_that_breaks_off_is_charged_by_an_estimate_and_a_refused_one_is_not(library: Library) -> None:
    meter = NotingMeter()
    address = ServerAddress(library.server.url, paid=True)
    client = SpeechServerClient(library.http, address, meter=meter)
    await library.voices.clone(ADA, "Robin", "de", SOUND)
    robin = await library.voices.find("robin")
    library.server.mute = refusal(500, "the card is gone")
    with pytest.raises(VoicesError, match="The card is gone"):
        await client.preview_voice(robin)
    assert meter.sound == []
    library.server.mute, library.server.breaks_off = None, True
    with pytest.raises(VoicesError, match="can't be reached"):
        await client.preview_voice(robin)
    assert meter.sound == [(NOBODY, address.known_as, PREVIEW_SECONDS, True)]
