from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from bot.llm.model_size import ModelSize, size_in_name
from bot.llm.options import ModelOptions
from bot.llm.stream import ModelClient
from tests.llm.servers import serving


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("SmolLM2-135M-Instruct.Q4_1", 135_000_000),
        ("qwen2.5-0.5b", 500_000_000),
        ("qwen2.5-7b-q5", 7_000_000_000),
        ("llama3.2:1b", 1_000_000_000),
        ("Qwen3-30B-A3B", 30_000_000_000),
        ("mixtral-8x7b", 56_000_000_000),
        ("gpt-4o-mini", None),
        ("gemma-3n-E2B", None),
        ("llama3.1", None),
        ("model-0b", None),
    ],
)
def test_a_name_tells_the_size_or_nothing(name: str, parameters: int | None) -> None:
    assert size_in_name(name) == parameters


def test_what_the_server_tells_wins_over_the_name() -> None:
    size = ModelSize("tiny-1b")
    assert size.small
    size.told(70_000_000_000)
    assert not size.small


def test_a_model_of_which_nothing_is_known_is_not_small() -> None:
    assert not ModelSize(None).small
    assert not ModelSize("llama3.1").small


LLAMA_CPP = {"data": [{"id": "m", "meta": {"n_params": 134_515_008, "n_ctx": 4096}}]}
OLLAMA = {"model_info": {"general.parameter_count": 494_032_768}, "details": {"parameter_size": "494.03M"}}
OLD_OLLAMA = {"model_info": {}, "details": {"parameter_size": "8.0B"}}


@pytest.mark.parametrize(
    ("path", "told", "small"),
    [
        ("/v1/models", LLAMA_CPP, True),
        ("/api/show", OLLAMA, True),
        ("/api/show", OLD_OLLAMA, False),
        ("/v1/models", {"data": [{"id": "other", "meta": {"n_params": 135_000_000}}]}, False),
        ("/v1/models", {"data": [{"id": "m", "meta": {"n_params": 150_000}}]}, False),
        ("/v1/models", {"data": [{"id": "m", "meta": {"n_params": "many"}}]}, False),
        ("/v1/models", {"data": 7}, False),
        ("/v1/models", [], False),
    ],
)
async def test_servers_are_asked_how_large_their_model_is(path: str, told: Any, small: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(told) if request.path == path else web.Response(status=404)

    async with (
        serving(handler, own_paths=True) as url,
        ModelClient(ModelOptions(url, model="m", connect_timeout=2)) as client,
    ):
        await client.learn_model_size()
        assert client.size_of().small == small
