"""The OpenAPI document of the bot's HTTP server is valid, and the server behaves as described."""

from __future__ import annotations

from pathlib import Path

from aiohttp import hdrs, web
from openapi_spec_validator import validate

from bot.http.api import telephone_sound
from bot.http.api.description import document
from bot.http.api.transcripts import FORMATS
from bot.http.chat_socket import CHAT_PATH
from bot.http.realtime.socket import PATH as REALTIME_PATH
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.bot.http.web_stage import PAGE, SECRET

_METHODS = {"get", "post", "put", "patch", "delete"}
_ELSEWHERE = {("get", CHAT_PATH), ("get", REALTIME_PATH)}
"""Routes of other parts of the server, which this stage does not have."""


def test_the_description_is_an_openapi_document() -> None:
    validate(document())


def described() -> set[tuple[str, str]]:
    paths = document()["paths"]
    return {(method, path) for path, operations in paths.items() for method in operations.keys() & _METHODS}


async def test_the_description_contains_every_route_and_no_other(stage: ApiStage) -> None:
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in stage.web.server.application.router.routes()
        if route.resource is not None and route.method != hdrs.METH_HEAD
    }
    files = {("get", path) for path in PAGE.paths if path != "/"}
    assert described() == served - files | _ELSEWHERE


async def test_a_client_can_fetch_the_description_with_the_token(tmp_path: Path) -> None:
    async with api_stage(tmp_path, SECRET) as stage:
        assert (await stage.web.ask("/openapi.json")).status == 401
        answer = await stage.web.ask("/openapi.json", headers={"Authorization": f"Bearer {SECRET}"})
        assert answer.json == document()
        assert answer.headers["Content-Type"].startswith("application/json")


async def test_requests_that_need_no_token_are_described_as_such(tmp_path: Path) -> None:
    async with api_stage(tmp_path, SECRET) as stage:
        for path, operations in document()["paths"].items():
            for method in operations.keys() & _METHODS:
                is_open = operations[method].get("security") == [{}]
                status = (await stage.web.ask(path, method.upper())).status
                assert (status != 401) == is_open, (method, path)


def test_every_endpoint_describes_the_errors_that_all_have() -> None:
    for path, operations in document()["paths"].items():
        for method in operations.keys() & _METHODS:
            operation = operations[method]
            if operation.get("security") != [{}]:
                assert "401" in operation["responses"], path
            if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
                assert {"400", "408", "409", "413", "415", "429", "503"} <= operation["responses"].keys(), path


def test_the_described_formats_are_the_existing_ones() -> None:
    form = document()["paths"]["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert form["schema"]["properties"]["response_format"]["enum"] == list(FORMATS)


def test_the_described_sounds_of_telephones_are_the_existing_ones() -> None:
    assert document()["components"]["schemas"]["InputFormat"]["enum"] == list(telephone_sound.FORMATS)
    for path in ("/stt", "/v1/audio/transcriptions", "/process_call"):
        kinds = document()["paths"][path]["post"]["requestBody"]["content"].keys() - {"multipart/form-data"}
        assert {kind.lower() for kind in kinds} == telephone_sound.KINDS.keys()


async def test_answers_have_the_described_fields(stage: ApiStage) -> None:
    async def fields(path: str, method: str = "GET", status: str = "200") -> set[str]:
        answers = document()["paths"][path][method.lower()]["responses"][status]["content"]
        schema = answers["application/json"]["schema"]
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return set(schema["properties"])

    assert (await stage.web.ask("/health")).json.keys() == await fields("/health")
    assert (await stage.web.ask("/api/voice-profiles")).json.keys() == await fields("/api/voice-profiles")
    assert (await stage.web.ask("/api/voices")).json.keys() == await fields("/api/voices")
    assert (await stage.web.ask("/api/voices/engine")).json.keys() == await fields("/api/voices/engine")
    choice = await stage.web.ask("/api/voices/places/1", "PUT", json={})
    assert choice.json.keys() == await fields("/api/voices/places/{id}", "PUT")
    assert (await stage.post_file("/stt")).json.keys() == await fields("/stt", "POST")
    chat = await stage.web.ask("/chat", "POST", json={"message": "Hello"})
    assert chat.json.keys() == await fields("/chat", "POST")
    assert (await stage.web.ask("/v1/models")).json.keys() == await fields("/v1/models")


def test_no_route_serves_a_folder_of_files(stage: ApiStage) -> None:
    assert all(isinstance(resource, web.Resource) for resource in stage.web.server.application.router.resources())
