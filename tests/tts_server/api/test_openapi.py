"""The OpenAPI description is valid, and the server behaves as described."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import hdrs
from openapi_spec_validator import validate

from tests.tts_server.client import RunningServer, running
from tests.tts_server.stand_in_engines import CountingEngine
from tts_server.api.speech_request import FASTEST, FORMATS, MAX_INPUT_CHARACTERS, SLOWEST
from tts_server.api.status_api import document
from wire.parameters import NUMBERS, SpeechParameters

_METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"][name]
    return found


def test_the_description_is_an_openapi_document() -> None:
    validate(document())


async def test_the_description_contains_every_route_and_no_other(server: RunningServer) -> None:
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in server.server.application.router.routes()
        if route.resource is not None and route.method != hdrs.METH_HEAD
    }
    described = {
        (method, path) for path, operations in document()["paths"].items() for method in operations.keys() & _METHODS
    }
    assert described == served


async def test_a_client_can_fetch_the_description(server: RunningServer) -> None:
    async with server.session.get(server.url("/openapi.json")) as answer:
        assert answer.headers["Content-Type"].startswith("application/json")
        assert await answer.json() == document()


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/voices", "/v1/audio/voices", "/v1/audio/models"])
async def test_answers_have_the_described_fields(server: RunningServer, path: str) -> None:
    schema = document()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = _schema(schema["$ref"].rpartition("/")[2])
    async with server.session.get(server.url(path)) as answer:
        body = await answer.json()
    assert set(schema["required"]) <= body.keys()
    assert body.keys() <= schema["properties"].keys()


def test_the_described_bounds_are_the_checked_ones() -> None:
    parameters = _schema("SpeechParameters")["properties"]
    for name, (low, high) in NUMBERS.items():
        if name != "speed":
            assert (parameters[name]["minimum"], parameters[name]["maximum"]) == (low, high), name
    request = _schema("SpeechRequest")["properties"]
    assert (request["speed"]["minimum"], request["speed"]["maximum"]) == (SLOWEST, FASTEST)
    assert request["input"]["maxLength"] == MAX_INPUT_CHARACTERS
    assert parameters.keys() | {"voice", "speed"} == set(SpeechParameters.__dataclass_fields__)


def test_the_described_formats_are_the_existing_ones() -> None:
    request = _schema("SpeechRequest")["properties"]
    assert request["response_format"]["enum"] == list(FORMATS)
    assert request["sample_rate"]["enum"] == sorted({rate for form in FORMATS.values() for rate in form.rates})
    answer = document()["paths"]["/v1/audio/speech"]["post"]["responses"]["200"]["content"]
    kinds = {form.encoder(form.rates[0]).content_type for form in FORMATS.values()}
    assert answer.keys() == kinds | {"text/event-stream"}
