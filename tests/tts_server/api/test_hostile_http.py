"""The speech server with clients that send broken requests or go away too soon: errors have words, no tracebacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import product

import pytest

from tests.raw_http import COMPRESSED_BODIES, Impatient, post_raw, upgrade
from tests.timing import LIMIT
from tests.tts_server.api.speaking import PATH, post
from tests.tts_server.client import RunningServer, running
from tests.tts_server.stand_in_engines import CountingEngine

BODY = b'{"input": "Hello."}'
SPEECH = (
    f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
)


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


@pytest.mark.parametrize(("compression", "body"), COMPRESSED_BODIES)
async def test_a_compressed_body_is_refused_in_words(
    server: RunningServer, compression: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for path, late in product((PATH, "/v1/voices", "/admin/tts/stream", "/nothing", "/health"), (False, True)):
        answer = await post_raw(server.http.port, path, body, f"Content-Encoding: {compression}", late=late)
        assert (answer.status, answer.json["error"]["code"]) == (415, "unsupported_media_type"), (path, late)
        assert "without Content-Encoding" in answer.json["error"]["message"]
        assert answer.headers["accept-encoding"] == "identity"
    async with post(server, input="Hello.") as good:
        assert good.status == 200
    assert caplog.messages == [], "strangers can't fill the log"


async def test_a_header_that_names_no_compression_is_accepted(server: RunningServer) -> None:
    async with server.session.post(server.url(PATH), data=BODY, headers={"Content-Encoding": "identity"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/ws/stream", "/admin/tts/ws/stream"])
async def test_a_request_that_opens_no_websocket_is_refused_in_the_form_of_all_errors(
    server: RunningServer, path: str
) -> None:
    async with server.session.get(server.url(path)) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert error == {"message": "bad request", "type": "invalid_request_error", "param": None, "code": "bad_request"}


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(upgrade("/ws/stream"), id="a WebSocket"),
        pytest.param(upgrade("/ws/stream?notices=true"), id="a WebSocket with notices"),
        pytest.param(upgrade("/admin/tts/ws/stream"), id="a telephone's WebSocket"),
        pytest.param(SPEECH.encode() + BODY, id="speech"),
        pytest.param(b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", id="an answer"),
        pytest.param(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", id="an error"),
    ],
)
async def test_a_client_that_goes_away_before_its_answer_leaves_no_traceback(
    server: RunningServer, request_bytes: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        await Impatient(patch).ask(server.http.port, request_bytes)
    assert await server.metric("tts_connections") == 0
    async with server.connect() as client:
        await client.say("Hello.")
        assert (await client.hear()).text == "Hello."
    assert caplog.messages == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /" + 20_000 * b"x" + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    ],
)
async def test_invalid_requests_are_refused_in_words_and_never_logged(
    server: RunningServer, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http.port)
    writer.write(request_bytes)
    answer = await asyncio.wait_for(reader.read(), LIMIT)
    writer.close()
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b'"message": "that is not a valid HTTP request"' in answer
    assert (await server.health())["ready"] is True
    assert caplog.messages == []
