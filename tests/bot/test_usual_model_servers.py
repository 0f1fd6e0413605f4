"""The offer of model servers that run on this machine: only a program that answers like a model server is named."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bot.engine_warnings import llm_warning
from bot.models.named_llm import EmbeddedLlm
from bot.own_weights import OwnWeights
from bot.usual_model_servers import UsualModelServer
from tests.http_server import LocalServer, app_of

SMALL = OwnWeights(llms=(EmbeddedLlm(Path("m.gguf"), "smollm2-135m"),))
LLAMA_SERVER = '{"object": "list", "models": [], "data": [{"id": "m.gguf", "object": "model", "owned_by": "llamacpp"}]}'
AT_PORT = "(`LLM_URL=http://127.0.0.1:PORT/v1`) on this machine."
OLLAMA = '{"object": "list", "data": [{"id": "llama3.1:latest", "object": "model", "owned_by": "library"}]}'
OLLAMA_WITHOUT_MODELS = '{"object": "list", "data": null}'
LOCAL_AI = '{"object": "list", "data": [{"id": "phi-2", "object": "model", "owned_by": "localai"}]}'


def answering(body: bytes | str, status: int = 200) -> web.Application:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type="application/json")

    return app_of("/v1/models", answer, method="GET")


async def offer_of(app: web.Application, name: str, owner: str | None) -> str:
    """What the warning about the small model says of the server, with ``PORT`` for its port."""
    async with LocalServer(app) as server:
        warning = await llm_warning(SMALL, [UsualModelServer(name, server.port, owner)])
    assert warning is not None
    _, found, offer = warning.partition(" I see ")
    return offer.replace(str(server.port), "PORT") if found else ""


@pytest.mark.parametrize(
    ("models", "name", "owner", "offered"),
    [
        (
            LLAMA_SERVER,
            "llama-server",
            "llamacpp",
            "llama-server",
        ),
        (OLLAMA, "Ollama", None, "Ollama"),
        (OLLAMA_WITHOUT_MODELS, "Ollama", None, "Ollama"),
        (LOCAL_AI, "llama-server", "llamacpp", "a model server"),
    ],
)
async def test_a_program_that_answers_like_a_model_server_is_offered(
    models: str, name: str, owner: str | None, offered: str
) -> None:
    assert await offer_of(answering(models), name, owner) == f"{offered} {AT_PORT}"


@pytest.mark.parametrize(
    "body",
    [
        "<!doctype html><title>Open WebUI</title>",
        "",
        "7",
        "[]",
        '{"data": []}',
        '{"object": "list", "data": {"owned_by": "llamacpp"}}',
        '{"object": "list", "data": [7]}',
        '{"object": "list", "data": [{"owned_by": []}]}',
        "[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_something_else_at_the_port_is_not_offered(body: bytes | str) -> None:
    assert await offer_of(answering(body), "llama-server", "llamacpp") == ""


async def test_a_refusal_and_a_redirection_are_not_offered() -> None:
    assert await offer_of(answering(LLAMA_SERVER, 404), "llama-server", "llamacpp") == ""

    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=LLAMA_SERVER)

    app = app_of("/v1/models", redirect, method="GET")
    app.router.add_get("/elsewhere", answer)
    assert await offer_of(app, "llama-server", "llamacpp") == ""


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """A port that accepts connections and never answers."""
    open_ones: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: open_ones.append(writer), "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in open_ones:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def test_a_port_that_never_answers_and_one_where_nobody_listens_are_not_offered() -> None:
    async with silent() as port, asyncio.timeout(30):
        warning = await llm_warning(SMALL, [UsualModelServer("llama-server", port), UsualModelServer("Ollama", 1)])
    assert warning is not None
    assert " I see " not in warning
