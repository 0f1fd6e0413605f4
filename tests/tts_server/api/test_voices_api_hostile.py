"""A hundred hostile uploads: each is refused with a reason, memory use stays flat, and nothing is written."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.timing import wait_until
from tests.tts_server.api.voices_client import Answer, VoicesClient, recordings_form, voices_client
from tests.tts_server.client import TIMEOUT
from tests.tts_server.voices.hostile import hostile_files, mutations
from tests.tts_server.voices.memory import MEGABYTE, readers, watched_memory
from tests.tts_server.voices.sounds import good_files
from tests.tts_server.voices.test_names import HOSTILE_NAMES
from tts_server.api import uploads
from tts_server.api.voices_api import MAX_UPLOADS

MAX_GROWTH = 64 * MEGABYTE
"""Maximum growth of the server's memory over all files. Two zip bombs and a gzip bomb would each unpack to this."""
MAX_READER_MEMORY = 250 * MEGABYTE
"""Maximum memory of a process that reads a file. For a good file, the process takes about 110 MB."""
REFUSED = {400, 413, 415}
SHORTEST_REASON = 15
"""Characters of an error message. A shorter one would not tell the reason."""
BOUNDARY = "b0undary"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[VoicesClient]:
    async with voices_client(tmp_path) as client:
        yield client


@pytest.fixture
async def client_of_real_readers(tmp_path: Path) -> AsyncIterator[VoicesClient]:
    async with voices_client(tmp_path, forked_readers=False) as client:
        yield client


async def _send_all(client: VoicesClient, files: list[tuple[str, bytes]]) -> list[tuple[str, Answer]]:
    """Send the files, as many at the same time as the server accepts, each for a voice of its own."""
    answers: list[tuple[str, Answer]] = []
    waiting = iter(enumerate(files))

    async def sender() -> None:
        for number, (what, data) in waiting:
            answers.append((what, await client.create(f"Voice {number}", data, file_name="../../../evil.wav")))

    async with asyncio.TaskGroup() as senders:
        for _ in range(MAX_UPLOADS):
            senders.create_task(sender())
    return answers


# Reading one file takes half a second of CPU time, so only the slow tests send all hundred.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.slow)])
async def test_a_hundred_hostile_recordings_are_refused(client_of_real_readers: VoicesClient, every: int) -> None:
    client, files = client_of_real_readers, hostile_files(every)
    assert len(files) >= 100 // every
    await client.create("warm up", b"what is read once is in memory from then on")
    with watched_memory() as memory:
        answers = await _send_all(client, files)
    assert [(what, answer.status) for what, answer in answers if answer.status not in REFUSED] == []
    reasons = [(what, answer.code, answer.body["error"]["message"]) for what, answer in answers]
    assert [what for what, code, reason in reasons if not code or len(reason) < SHORTEST_REASON] == []
    assert client.written() == ["voices"]
    assert memory.growth < MAX_GROWTH
    assert 0 < memory.largest_reader < MAX_READER_MEMORY
    assert not readers()
    # A good file is still accepted.
    assert (await client.create("Ada", good_files()["wav"])).status == 201


@pytest.mark.timeout(300)
@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
async def test_mutilated_recordings_are_taken_or_refused_but_break_nothing(
    client_of_real_readers: VoicesClient, every: int
) -> None:
    client = client_of_real_readers
    with watched_memory() as memory:
        answers = await _send_all(client, list(mutations())[::every])
    assert [(what, answer.status) for what, answer in answers if answer.status not in {201, *REFUSED}] == []
    assert {answer.status for _, answer in answers} > {201}, "some are taken, but not all"
    made = sum(answer.status == 201 for _, answer in answers)
    assert len(client.library.all()) == made
    # The library's folder, and for each voice its folder, its description and its recording.
    assert len(client.written()) == 1 + 3 * made
    assert memory.growth < MAX_GROWTH
    assert 0 < memory.largest_reader < MAX_READER_MEMORY


# Half a surrogate pair can't be sent, because UTF-8 can't encode it.
@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if "\ud800" not in name])
async def test_names_cannot_lead_out_of_the_folder(client: VoicesClient, name: str) -> None:
    answer = await client.create(name, good_files()["wav"])
    assert (answer.status, answer.body["error"]["param"]) == (400, "name")
    assert client.written() == ["voices"]


async def test_the_name_of_an_uploaded_file_is_ignored(client: VoicesClient) -> None:
    for number, name in enumerate(["../../evil.wav", "/etc/passwd", "C:\\evil.exe", "con", "", "x" * 2000]):
        assert (await client.create(f"Voice {number}", good_files()["wav"], file_name=name)).status == 201
    assert not [path for path in client.written() if not path.startswith("voices")]
    assert {Path(path).suffix for path in client.written()} == {"", ".flac", ".json"}


@pytest.mark.parametrize("path", ["/..%2F..%2Fetc", "/%2e%2e", "/ada%00", "/" + "a" * 3000, "/..%5c..%5cx", "/con"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_ids_cannot_lead_out_of_the_folder(client: VoicesClient, method: str, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.http.port)
    writer.write(f"{method} /v1/voices{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status in {b"400", b"404", b"405"}
    assert client.written() == ["voices"]


def _part(name: str, content: bytes, headers: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n{headers}\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
GOOD_PART = _part("name", b"Ada") + _part("recording", b"RIFF....WAVE")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", f"multipart/form-data; boundary={BOUNDARY}"),
        (GOOD_PART, "multipart/form-data"),
        (GOOD_PART, f"multipart/mixed; boundary={BOUNDARY}"),
        (GOOD_PART, f"multipart/form-data; boundary={'b' * 500}"),
        (GOOD_PART, f"multipart/form-data; boundary={BOUNDARY}"),
        (GOOD_PART + END, "multipart/form-data; boundary=another"),
        (b'{"name": "Ada"}', "application/json"),
        (b"name=Ada", "application/x-www-form-urlencoded"),
        (b"RIFF", "audio/wav"),
        (END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("name", b"Ada") + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("recording", b"") + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("name", b"Ada") * 2 + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("name", b"\xff\xfe") + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("name", b"a" * 5000) + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("__proto__", b"x") + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("_charset_", b"\xff" * 100) + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("recording", b"x" * 100) * 9 + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (
            _part("recording", b"x", "Content-Type: multipart/mixed; boundary=inner\r\n") + END,
            f"multipart/form-data; boundary={BOUNDARY}",
        ),
        (_part("recording", b"x", "X: y\r\n" * 5000) + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (_part("recording", b"x", f"X: {'y' * 100_000}\r\n") + END, f"multipart/form-data; boundary={BOUNDARY}"),
        (f"--{BOUNDARY}\r\n".encode() * 1000, f"multipart/form-data; boundary={BOUNDARY}"),
    ],
)
async def test_invalid_forms_are_refused(client: VoicesClient, body: bytes, content_type: str) -> None:
    answer = await client.request("POST", "", body, headers={"Content-Type": content_type})
    assert answer.status in REFUSED
    assert answer.body["error"]["message"]
    assert client.written() == ["voices"]


async def test_a_compressed_form_is_not_decompressed(client: VoicesClient) -> None:
    compressed = gzip.compress(_part("name", b"Ada") + _part("recording", bytes(150 * MEGABYTE)), 9)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Encoding": "gzip"}
    with watched_memory() as memory:
        answer = await client.request("POST", "", compressed, headers=headers)
    assert (answer.status, answer.body["error"]["code"]) == (415, "unsupported_media_type")
    assert memory.growth < MAX_GROWTH
    assert client.written() == ["voices"]


async def test_a_form_with_a_huge_stated_length_is_not_read(client: VoicesClient) -> None:
    reader, writer = await _begin(client, length=1 << 40)
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_a_client_that_vanishes_leaves_nothing(client: VoicesClient) -> None:
    for _ in range(2 * MAX_UPLOADS):
        _, writer = await _begin(client)
        await wait_until(lambda: len(client.written()) == 3)
        writer.transport.abort()
        await wait_until(lambda: client.written() == ["voices"])
    assert (await client.create("Ada", good_files()["wav"])).status == 201


async def test_the_third_upload_at_once_is_asked_to_wait(client: VoicesClient) -> None:
    writers = [(await _begin(client))[1] for _ in range(MAX_UPLOADS)]
    await wait_until(lambda: len(client.written()) == 1 + 2 * MAX_UPLOADS)
    answer = await client.create("Ada", good_files()["wav"])
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert int(answer.headers["Retry-After"]) > 0
    for writer in writers:
        writer.transport.abort()
    await wait_until(lambda: client.written() == ["voices"])
    assert (await client.create("Ada", good_files()["wav"])).status == 201


async def test_a_client_that_sends_too_slowly_is_refused(client: VoicesClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_SECONDS", 0.05)
    reader, writer = await _begin(client)
    async with asyncio.timeout(TIMEOUT):
        assert (await reader.readline()).split()[1] == b"408"
    writer.close()
    await wait_until(lambda: client.written() == ["voices"])


async def test_a_voice_deleted_while_it_gets_a_recording_stays_deleted(client: VoicesClient) -> None:
    await client.create("Ada", good_files()["wav"])
    form = recordings_form([good_files()["flac"]])
    adding = asyncio.create_task(client.request("POST", "/ada/recordings", form))
    # The library writes a new recording to a folder with this word in its name first.
    await wait_until(lambda: any("passing" in path for path in client.written()))
    assert (await client.request("DELETE", "/ada")).status == 204
    assert (await adding).code == "unknown_voice"
    assert client.written() == ["voices"]


async def _begin(client: VoicesClient, length: int = 100_000) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin an upload that never ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.http.port)
    head = (
        "POST /v1/voices HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n"
    )
    writer.write(head.encode() + _part("name", b"Ada") + _part("recording", bytes(50_000)).removesuffix(b"\r\n"))
    await writer.drain()
    return reader, writer
