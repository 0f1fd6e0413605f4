"""Recordings of telephones are heard: raw G.711, in a form or as the body, and files that hold G.711."""

from __future__ import annotations

import struct

import aiohttp
import numpy as np
import pytest

from audio.g711 import Law, encode_g711
from audio.pcm import to_int16
from audio.samples import HEARING_RATE
from bot.http.api import hearing, process_call
from bot.http.api.uploads import MAX_FILE_BYTES
from tests.bot.http.api.api_stage import WORDS, ApiStage
from tests.features.recordings import recording
from tests.tones import tone

FORMS = ["/stt", "/v1/audio/transcriptions", "/process_call"]
SECONDS = 2
PITCH = 440
TONE = tone(SECONDS, PITCH, rate=8_000, level=0.2)


def g711(law: Law) -> bytes:
    return encode_g711(to_int16(TONE), law)


def g711_form(data: bytes, kind: str = "application/octet-stream", **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("audio", data, filename="call", content_type=kind)
    for name, value in fields.items():
        form.add_field(name, value)
    return form


def au(law: Law) -> bytes:
    """A file in Sun's format AU, in which sound of the type audio/basic often comes."""
    return b".snd" + struct.pack(">5I", 24, len(TONE), {"ulaw": 1, "alaw": 27}[law], 8_000, 1) + g711(law)


def assert_tone_was_heard(stage: ApiStage) -> None:
    """The tone was heard at its length, pitch and level, without a click of bytes that are no sound."""
    sound = stage.ears.requests.pop().sound
    assert len(sound) / HEARING_RATE == pytest.approx(SECONDS, abs=0.01)
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    assert int(np.argmax(spectrum)) / SECONDS == pytest.approx(PITCH, abs=1)
    assert spectrum.max() > 0.9 * spectrum.sum()
    assert np.abs(sound[HEARING_RATE // 2 : HEARING_RATE]).max() == pytest.approx(0.2, abs=0.02)
    assert np.abs(sound).max() < 0.25


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    ("law", "kind", "fields"),
    [
        ("ulaw", "audio/basic", {}),
        ("ulaw", "audio/PCMU", {}),
        ("ulaw", "audio/PCMU;rate=8000", {}),
        ("alaw", 'audio/pcma; rate="8000"; channels=1; ptime=20', {}),
        ("ulaw", "application/octet-stream", {"input_format": "ulaw"}),
        ("alaw", "application/octet-stream", {"input_format": "ALAW"}),
        ("ulaw", "audio/wav", {"input_format": "g711_ulaw"}),
        ("alaw", "audio/PCMU", {"input_format": "g711_alaw"}),
    ],
)
async def test_g711_in_a_form_is_heard(stage: ApiStage, path: str, law: Law, kind: str, fields: dict[str, str]) -> None:
    answer = await stage.web.ask(path, "POST", data=g711_form(g711(law), kind, **fields))
    assert answer.status == 200, answer.text
    assert_tone_was_heard(stage)


@pytest.mark.parametrize(
    ("law", "kind"), [("ulaw", "audio/basic"), ("ulaw", "audio/PCMU;rate=8000"), ("alaw", "audio/PCMA;rate=8000")]
)
async def test_g711_as_the_body_is_heard(stage: ApiStage, law: Law, kind: str) -> None:
    answer = await stage.web.ask("/stt", "POST", data=g711(law), headers={"Content-Type": kind})
    assert (answer.status, answer.json["text"]) == (200, WORDS)
    assert_tone_was_heard(stage)


async def test_a_body_has_its_fields_in_the_address(stage: ApiStage) -> None:
    headers = {"Content-Type": "audio/PCMU;rate=8000"}
    query = {"input_format": "alaw", "language": "de"}
    answer = await stage.web.ask("/stt", "POST", params=query, data=g711("alaw"), headers=headers)
    assert answer.status == 200
    assert stage.ears.requests[-1].language == "de"
    assert_tone_was_heard(stage)
    query = {"response_format": "text", "stream": "maybe"}
    answer = await stage.web.ask("/v1/audio/transcriptions", "POST", params=query, data=b"\xff", headers=headers)
    assert (answer.status, answer.code) == (400, "bad_parameter")


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
async def test_a_wav_file_of_telephones_is_heard(stage: ApiStage, law: Law) -> None:
    codec = {"ulaw": "pcm_mulaw", "alaw": "pcm_alaw"}[law]
    file = recording(np.repeat(TONE, 6), container="wav", codec=codec, rate=8_000)
    assert struct.unpack_from("<H", file, 20) == ({"ulaw": 7, "alaw": 6}[law],)
    for kind, fields in (("audio/wav", {}), ("audio/basic", {}), ("audio/wav", {"input_format": "ulaw"})):
        answer = await stage.web.ask("/stt", "POST", data=g711_form(file, kind, **fields))
        assert (answer.status, answer.json["text"]) == (200, WORDS)
        sound = stage.ears.requests.pop().sound
        assert int(np.argmax(np.abs(np.fft.rfft(sound[:HEARING_RATE])))) == PITCH


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
@pytest.mark.parametrize("kind", ["audio/basic", "application/octet-stream"])
async def test_a_file_in_suns_format_is_heard_without_its_head(stage: ApiStage, law: Law, kind: str) -> None:
    answer = await stage.web.ask("/stt", "POST", data=g711_form(au(law), kind))
    assert (answer.status, answer.json["text"]) == (200, WORDS)
    assert_tone_was_heard(stage)


async def test_every_byte_is_sound(stage: ApiStage) -> None:
    for law in ("ulaw", "alaw"):
        for data in (b"\x00", b"\xff", bytes(range(256)), b"OggS" + bytes(100)):
            answer = await stage.web.ask("/stt", "POST", data=g711_form(data, input_format=law))
            assert answer.status == 200, answer.text
            sound = stage.ears.requests.pop().sound
            assert np.isfinite(sound).all()
            assert np.abs(sound).max() <= 1


@pytest.mark.parametrize("path", FORMS)
async def test_g711_of_another_rate_or_in_stereo_is_refused_in_words(stage: ApiStage, path: str) -> None:
    for parameter in ("rate=16000", "rate=8khz", "rate=", "channels=2"):
        kind = f"audio/PCMU;{parameter}"
        for options in ({"data": g711_form(b"\xff", kind)}, {"data": b"\xff", "headers": {"Content-Type": kind}}):
            answer = await stage.web.ask(path, "POST", **options)
            assert (answer.status, answer.code) == (415, "unsupported_media_type")
            assert "8000 Hz" in answer.json["error"]["message"]
    assert not stage.ears.requests


@pytest.mark.parametrize("path", FORMS)
async def test_an_unknown_format_is_refused_and_the_known_ones_are_named(stage: ApiStage, path: str) -> None:
    answer = await stage.web.ask(path, "POST", data=g711_form(b"\xff", input_format="g729"))
    assert (answer.status, answer.code) == (400, "bad_parameter")
    assert "alaw, ulaw" in answer.json["error"]["message"]
    assert not stage.ears.requests
    assert not stage.kept, "no conversation has begun"


async def test_the_length_of_g711_is_bounded(stage: ApiStage) -> None:
    for path, seconds in (("/stt", hearing.MAX_SECONDS), ("/process_call", process_call.MAX_SECONDS)):
        data = bytes(int(seconds * 8_000) + 1)
        answer = await stage.web.ask(path, "POST", data=g711_form(data, input_format="alaw"))
        assert (answer.status, answer.code) == (413, "too_long")
        answer = await stage.web.ask(path, "POST", data=data, headers={"Content-Type": "audio/PCMA"})
        assert (answer.status, answer.code) == (413, "too_long")
    assert not stage.ears.requests


async def test_an_empty_a_too_large_and_a_misplaced_body_are_refused(stage: ApiStage) -> None:
    headers = {"Content-Type": "audio/PCMU"}
    answer = await stage.web.ask("/stt", "POST", data=b"", headers=headers)
    assert (answer.status, answer.code) == (400, "empty_file")
    answer = await stage.web.ask("/stt", "POST", data=bytes(MAX_FILE_BYTES + 1), headers=headers)
    assert (answer.status, answer.code) == (413, "too_large")
    answer = await stage.web.ask("/api/voice-profile", "POST", data=b"\xff", headers=headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
