"""Forms and JSON objects of any size, speed and shape cost little, and are refused with a reason."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from bot.http import bodies
from bot.http.api import uploads
from bot.http.api.admission import MAX_AT_ONCE
from bot.http.api.uploads import MAX_FILE_BYTES
from tests.bot.http.api.api_stage import ApiStage, form
from tests.features.recordings import recording
from tests.timing import LIMIT, wait_until

pytestmark = [
    pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader"),
    pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionParam"),
]
FORMS = ["/stt", "/v1/audio/transcriptions", "/process_call", "/api/voice-profile"]
OBJECTS = ["/tts", "/v1/audio/speech", "/chat"]
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
HEAD = 'Content-Disposition: form-data; name="audio"; filename="a.ogg"'
JSON = {"Content-Type": "application/json"}


def part(head: str, body: bytes) -> bytes:
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n"


BAD_FORMS = [
    (b"", 400),
    (b"nonsense", 400),
    (b"--b--\r\n", 400),
    (part(HEAD, b""), 400),
    (part(HEAD, b"OggS") + b"--b--\r\n", 415),
    (part(HEAD, b"#EXTM3U\n/etc/passwd") + b"--b--\r\n", 415),
    (part(HEAD, recording(1.0))[:-600], 400),
    (part(HEAD, b"a") + part(HEAD, b"a") + b"--b--\r\n", 400),
    (part("Content-Disposition: form-data", b"a") + b"--b--\r\n", 400),
    (part("X: y", b"a") + b"--b--\r\n", 400),
    (b"--b\r\n" + 20_000 * b"x" + b": y\r\n\r\n", 400),
    (40 * part('Content-Disposition: form-data; name="x"', b"a") + b"--b--\r\n", 400),
    (part('Content-Disposition: form-data; name="x"', 5_000 * b"a") + b"--b--\r\n", 413),
    (part('Content-Disposition: form-data; name="x"', b"\xff") + b"--b--\r\n", 400),
    (part(f"{HEAD}\r\nContent-Length: -5", b"a") + b"--b--\r\n", 415),
    (part("Content-Type: multipart/mixed; boundary=c", b"--c\r\n\r\n--c--") + b"--b--\r\n", 400),
]
BAD_OBJECTS = [
    (b"", 400),
    (b"[]", 400),
    (b"\xff", 400),
    (b'{"text": NaN, "input": NaN, "message": NaN}', 400),
    (b'{"text": 1e999, "input": 1e999, "message": 1e999}', 400),
    (b'{"text": ' + 30_000 * b"[", 400),
    (b'{"text": {}, "input": {}, "message": {}}', 400),
    (b'{"text": "' + 70_000 * b"x" + b'"}', 413),
]


async def first_line(stage: ApiStage, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.web.port)
    with closing(writer):
        writer.write(request)
        return await asyncio.wait_for(reader.readline(), LIMIT)


async def test_forms_of_any_shape_are_answered(stage: ApiStage) -> None:
    for path, (body, status) in itertools.product(FORMS, BAD_FORMS):
        answer = await stage.web.ask(path, "POST", data=body, headers=MULTIPART)
        # For a voice, the name is checked before the recording.
        expected = 400 if path == "/api/voice-profile" and status == 415 else status
        assert answer.status == expected, (path, body[:100], answer.text)
        assert set(answer.json["error"]) == {"code", "message"}
    assert stage.ears.requests == []


async def test_a_form_cut_off_anywhere_is_never_an_error_of_the_server(stage: ApiStage) -> None:
    whole = part(HEAD, recording(0.3)) + part('Content-Disposition: form-data; name="stream"', b"false") + b"--b--\r\n"
    rng = random.Random(16)
    for at in [*range(0, 120, 3), *(rng.randrange(len(whole)) for _ in range(60)), *range(len(whole) - 80, len(whole))]:
        answer = await stage.web.ask("/v1/audio/transcriptions", "POST", data=whole[:at], headers=MULTIPART)
        assert answer.status in (200, 400, 415), (at, answer.text)


async def test_a_form_with_any_bytes_changed_is_never_an_error_of_the_server(stage: ApiStage) -> None:
    whole = part(HEAD, recording(0.3)) + b"--b--\r\n"
    rng = random.Random(17)
    for _ in range(100):
        broken = bytearray(whole)
        for _ in range(6):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        answer = await stage.web.ask("/stt", "POST", data=bytes(broken), headers=MULTIPART)
        assert answer.status in (200, 400, 413, 415), answer.text


async def test_a_recording_has_to_come_in_a_form(stage: ApiStage) -> None:
    kinds = ("application/json", "audio/wav", "text/plain", "application/x-www-form-urlencoded")
    for path, kind in itertools.product(FORMS, kinds):
        answer = await stage.web.ask(path, "POST", data=b"{}", headers={"Content-Type": kind})
        assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_a_form_without_a_boundary_is_refused(stage: ApiStage) -> None:
    answer = await stage.web.ask("/stt", "POST", data=b"--b", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status, answer.code) == (400, "bad_form")


async def test_an_announced_size_is_refused_before_anything_is_read(stage: ApiStage) -> None:
    for path in FORMS:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        assert b" 413 " in await first_line(stage, f"{head}Content-Length: 99999999999\r\n\r\n".encode())


async def test_a_file_without_an_announced_size_is_refused_as_soon_as_it_is_too_large(stage: ApiStage) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part(HEAD, b"")[:-2]
        while sent < 10 * MAX_FILE_BYTES:
            sent += 1024**2
            yield bytes(1024**2)

    try:
        answer = await stage.web.ask("/stt", "POST", data=endless(), headers=MULTIPART)
    except OSError:
        pass
    else:
        assert (answer.status, answer.code) == (413, "too_large")
    assert sent < 2 * MAX_FILE_BYTES


async def test_a_form_that_does_not_come_is_not_awaited_for_long(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "READ_LIMIT", 0.05)
    monkeypatch.setattr(bodies, "READ_LIMIT", 0.05)
    for path in FORMS:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        assert b" 408 " in await first_line(stage, f"{head}Content-Length: 1000\r\n\r\n--b\r\n".encode())
    for path in OBJECTS:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        assert b" 408 " in await first_line(stage, f"{head}Content-Length: 1000\r\n\r\n{{".encode())
    assert (await stage.post_file("/stt", recording(0.2))).status == 200, "no place is taken for ever"


async def test_objects_of_any_shape_are_answered(stage: ApiStage) -> None:
    for path, (body, status) in itertools.product(OBJECTS, BAD_OBJECTS):
        answer = await stage.web.ask(path, "POST", data=body, headers=JSON)
        assert answer.status == status, (path, body[:100], answer.text)
        assert set(answer.json["error"]) == {"code", "message"}


async def test_a_form_in_place_of_an_object_is_refused(stage: ApiStage) -> None:
    for path in OBJECTS:
        answer = await stage.web.ask(path, "POST", data=form())
        assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_uploads_that_are_broken_off_take_no_place(stage: ApiStage) -> None:
    head = "POST /stt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    begun = f"{head}Content-Length: 1000000\r\n\r\n".encode() + part(HEAD, recording(0.2))[:-2]
    writers = []
    for _ in range(MAX_AT_ONCE):
        _, writer = await asyncio.open_connection("127.0.0.1", stage.web.port)
        writer.write(begun)
        writers.append(writer)

    async def status() -> int:
        return int((await stage.web.ask("/chat", "POST", json={"message": "Hello"})).status)

    async def is_full() -> bool:
        return await status() == 429

    async def is_free() -> bool:
        return await status() == 200

    await wait_until(is_full)
    for writer in writers:
        writer.close()
    await wait_until(is_free)
    assert stage.ears.requests == []
