"""The size of a model's context: servers tell it in different ways, and the bot finds it in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.database import Database
from bot.llm.client import ModelClient
from bot.llm.context_size import ask_context_size
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.model_router import ModelRouter
from config.types import GpuVendor
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, Recorded, for_ever, said, serving, streaming

OPTIONS = ModelOptions("", model="m", connect_timeout=20)
LLAMA_CPP = {
    "/v1/models": {"data": [{"id": "m.gguf", "meta": {"n_ctx_train": 131072}}]},
    "/props": {"default_generation_settings": {"n_ctx": 6144}},
}


async def size_of(answers: Mapping[str, Any], options: ModelOptions = OPTIONS) -> int | None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path not in answers:
            return web.Response(status=404, text="404 page not found")
        return web.json_response(answers[request.path])

    async with serving(handler, llama_paths=True) as url, ModelClient(replace(options, url=url)) as client:
        return await ask_context_size(client._connections(), client.options)


@pytest.mark.parametrize(
    ("answers", "size"),
    [
        (LLAMA_CPP, 6144),
        ({"/v1/models": {"data": [{"id": "other", "max_model_len": 9}, {"id": "m", "max_model_len": 32768}]}}, 32768),
        ({"/v1/models": {"data": [{"id": "m", "context_length": 65536}]}}, 65536),
        (
            {"/v1/models": {"data": [{"id": "m", "context_length": 65536, "top_provider": {"context_length": 32000}}]}},
            32000,
        ),
        ({"/v1/models": {"data": [{"id": "m", "context_window": 131072}]}}, 131072),
        ({"/v1/models": {"data": [{"id": "m", "max_context_length": 32768}]}}, 32768),
        (
            {
                "/v1/models": {"data": [{"id": "m:latest"}]},
                "/api/ps": {"models": [{"name": "m:latest", "context_length": 8192}]},
            },
            8192,
        ),
        (
            {
                "/api/ps": {"models": []},
                "/api/show": {"parameters": 'stop "x"\nnum_ctx 16384', "model_info": {"llama.context_length": 131072}},
            },
            16384,
        ),
        # Ollama loads a model with less than it was trained for.
        ({"/api/show": {"model_info": {"llama.context_length": 131072}}}, 4096),
        ({"/api/show": {"model_info": {"phi.context_length": 2048}}}, 2048),
        (
            {"/api/v0/models": {"data": [{"id": "m", "max_context_length": 131072, "loaded_context_length": 4096}]}},
            4096,
        ),
        ({"/info": {"max_input_tokens": 3000, "max_total_tokens": 4096}}, 4096),
        # Nothing, and nonsense.
        ({}, None),
        ({"/v1/models": [], "/props": "x", "/api/ps": {"models": 7}, "/api/show": {}, "/info": None}, None),
        ({"/props": {"default_generation_settings": {"n_ctx": -1}}}, None),
        ({"/props": {"default_generation_settings": {"n_ctx": "4096"}}}, None),
        ({"/props": {"default_generation_settings": {"n_ctx": True}}}, None),
        ({"/v1/models": {"data": [{"id": "other", "max_model_len": 9000}]}}, None),
    ],
)
async def test_the_context_size_is_found(answers: dict[str, Any], size: int | None) -> None:
    assert await size_of(answers) == size


async def test_without_a_model_name_the_context_size_of_the_only_model_is_used() -> None:
    nameless = replace(OPTIONS, model=None)
    assert await size_of({"/v1/models": {"data": [{"id": "x", "max_model_len": 8192}]}}, nameless) == 8192


async def test_a_server_that_does_not_answer_is_given_up_after_the_connection_timeout() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await for_ever()
        return web.Response()

    async with serving(silent) as url, ModelClient(replace(OPTIONS, url=url, connect_timeout=0.05)) as client:
        assert await ask_context_size(client._connections(), client.options) is None


async def test_the_size_that_the_server_names_holds_for_the_next_reply() -> None:
    answer = Recorded(streaming(said("Yes."), FINISHED))

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/props":
            return web.json_response({"default_generation_settings": {"n_ctx": 1024}})
        if request.path == "/v1/chat/completions":
            return await answer(request)
        return web.Response(status=404)

    messages = [ChatMessage("user", "word " * 200), ChatMessage("assistant", "word " * 200)] * 4
    messages.append(ChatMessage("user", "And?"))
    async with serving(handler, llama_paths=True) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await texts(client.text(messages)) == ["Yes."]
        await client.learn_context_size()
        assert await texts(client.text(messages)) == ["Yes."]
    first, second = answer.bodies
    assert len(first["messages"]) == 9
    assert len(second["messages"]) < 3
    assert second["max_tokens"] == 500


async def test_the_server_is_not_asked_for_a_size_that_is_set() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=404)

    async with (
        serving(handler, llama_paths=True) as url,
        ModelClient(replace(OPTIONS, url=url, context_tokens=2048)) as client,
    ):
        await client.learn_context_size()
    assert asked == []


async def test_a_server_that_starts_late_is_asked_again(tmp_path: Path) -> None:
    answers: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(answers.get(request.path), status=200 if request.path in answers else 503)

    async def starts(_: float) -> None:
        answers.update(LLAMA_CPP)

    async with (
        serving(handler, llama_paths=True) as url,
        ModelClient(replace(OPTIONS, url=url)) as client,
        Database.opened(tmp_path / "db") as database,
    ):
        router = await ModelRouter.load(database, {GpuVendor.NVIDIA: client}, GpuVendor.NVIDIA)
        await router.learn_context_sizes(sleep=starts)
        assert client.context_size() == 6144


@pytest.mark.parametrize(
    ("names", "told"),
    [({"qwen2.5-0.5b"}, False), ({"qwen2.5-0.5b", "qwen2.5-7b"}, True), ({"unknown"}, True)],
)
async def test_a_model_that_is_known_to_be_small_takes_no_tools(tmp_path: Path, names: set[str], told: bool) -> None:
    async with ModelClient(OPTIONS) as client, Database.opened(tmp_path / "db") as database:
        router = await ModelRouter.load(database, {GpuVendor.NVIDIA: client}, GpuVendor.NVIDIA)
        assert router.take_tools(names) is told
