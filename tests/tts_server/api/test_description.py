"""The endpoints that describe the API: voices, models, a page for people, and errors of one format."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.tts_server.api.speaking import post
from tests.tts_server.client import RunningServer, running
from tests.tts_server.stand_in_engines import CountingEngine


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


async def test_the_voices_are_where_open_webui_looks_and_each_can_be_requested(server: RunningServer) -> None:
    async with server.session.get(server.url("/v1/audio/voices")) as answer:
        assert answer.status == 200
        voices = (await answer.json())["voices"]
    assert [voice.id for voice in server.engine.voices()] == [voice["id"] for voice in voices]
    for voice in voices:
        assert voice.keys() == {"id", "name", "language", "engine"}
        assert voice["engine"] == "counting"
        async with post(server, input="Hello.", voice=voice["id"]) as spoken:
            assert spoken.status == 200


async def test_the_models_are_where_open_webui_looks(server: RunningServer) -> None:
    async with server.session.get(server.url("/v1/audio/models")) as answer:
        models = (await answer.json())["models"]
    assert {"id": "tts-1", "name": "tts-1"} in models


async def test_the_root_address_explains_the_server(server: RunningServer) -> None:
    async with server.session.get(server.url("/")) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        text = await answer.text()
    assert "speech server" in text
    assert "openapi.json" in text
    assert len(text) < 2000


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("POST", "/", 405, "method_not_allowed"),
        ("DELETE", "/v1/audio/speech", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/audio/speech", 405, "method_not_allowed"),
    ],
)
async def test_errors_for_unknown_paths_and_wrong_methods_have_the_format_of_openai(
    server: RunningServer, method: str, path: str, status: int, code: str
) -> None:
    async with server.session.request(method, server.url(path)) as answer:
        assert answer.status == status
        error = (await answer.json())["error"]
        assert ("Allow" in answer.headers) == (status == 405)
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
