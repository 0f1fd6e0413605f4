"""Questions to model servers about themselves: readiness, models and context size."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.database import Database
from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage
from bot.llm.probe import ServerReport, ask_context_size, count_tokens
from bot.llm.requests import ModelOptions
from bot.model_router import ModelRouter
from config.engine_sections import ModelApi
from config.types import GpuVendor
from tests.http_server import Handler
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, Recorded, answering, for_ever, said, serving, streaming

OPTIONS = ModelOptions("", model="llama")
MODELS = '{"object":"list","data":[{"id":"llama"},{"id":"qwen"},{"no":"id"}]}'


async def report(handler: Handler, options: ModelOptions = OPTIONS) -> ServerReport:
    async with serving(handler) as url, ModelClient(replace(options, url=url)) as client:
        return await client.check()


async def test_a_server_that_has_the_model_is_reported_with_its_models_and_without_a_problem() -> None:
    assert await report(answering(200, MODELS)) == ServerReport(True, ("llama", "qwen"))


async def test_a_server_that_lacks_the_model_is_reported_with_its_models() -> None:
    found = await report(answering(200, MODELS), replace(OPTIONS, model="gemma"))
    assert found.reachable
    assert found.problem is not None
    assert "'gemma'; it has: llama, qwen." in found.problem


async def test_a_name_without_a_tag_is_the_one_tagged_latest() -> None:
    listed = answering(200, '{"object":"list","data":[{"id":"llama3.1:latest"},{"id":"qwen3:8b"}]}')
    assert (await report(listed, replace(OPTIONS, model="llama3.1"))).problem is None
    assert (await report(listed, replace(OPTIONS, model="llama3.1:latest"))).problem is None
    for other in ("llama3", "llama3.1:8b", "qwen3"):
        assert (await report(listed, replace(OPTIONS, model=other))).problem is not None


async def test_the_report_asks_whether_v1_is_missing_in_the_address() -> None:
    async with serving(answering(404, "404: Not Found", "text/plain")) as url:
        bare = url.removesuffix("/v1")
        async with ModelClient(replace(OPTIONS, url=bare)) as client:
            problem = (await client.check()).problem
        assert problem is not None
        assert "Is `/v1` missing" in problem
        assert "'llama'" not in problem
        assert problem.endswith("It answered 404: Not Found"), "the status is told once"
        async with ModelClient(replace(OPTIONS, url=url)) as client:
            problem = (await client.check()).problem
        assert problem is not None
        assert "`/v1`" not in problem


async def test_an_error_with_status_200_is_reported() -> None:
    complaint = answering(200, '{"error":"Unexpected endpoint or method. (GET /models)"}')
    problem = (await report(complaint)).problem
    assert problem is not None
    assert "Unexpected endpoint" in problem
    assert "Is `/v1` missing" in problem


@pytest.mark.parametrize(
    ("path", "api", "told"),
    [
        ("/v1/chat/completions", ModelApi.CHAT, "must end before `/chat/completions`"),
        ("/v1", ModelApi.COMPLETION, "without `/v1`"),
        ("/api", ModelApi.CHAT, "Is LLM_URL right?"),
    ],
)
async def test_other_wrong_ends_of_addresses_are_explained(path: str, api: ModelApi, told: str) -> None:
    async with serving(answering(404, "not found", "text/plain")) as url:
        options = replace(OPTIONS, url=url.removesuffix("/v1") + path, api=api)
        async with ModelClient(options) as client:
            problem = (await client.check()).problem
    assert problem is not None
    assert told in problem


async def test_a_server_that_is_still_loading_is_reported() -> None:
    loading = answering(503, '{"error":{"message":"Loading model"}}')
    found = await report(loading, replace(OPTIONS, api=ModelApi.COMPLETION))
    assert found.reachable
    assert found.problem is not None
    assert "Loading model" in found.problem


async def test_a_server_with_an_unknown_list_format_is_accepted() -> None:
    for body in ("{}", "[]", "oops", '{"data":7}'):
        assert await report(answering(200, body)) == ServerReport(True)


async def test_an_unreachable_server_is_reported() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with ModelClient(replace(OPTIONS, url=url)) as client:
            found = await client.check()
    assert not found.reachable
    assert found.problem is not None
    assert "can't be reached" in found.problem


CONTEXT_OPTIONS = ModelOptions("", model="m", connect_timeout=20)
LLAMA_CPP = {
    "/v1/models": {"data": [{"id": "m.gguf", "meta": {"n_ctx_train": 131072}}]},
    "/props": {"default_generation_settings": {"n_ctx": 6144}},
}


async def size_of(answers: Mapping[str, Any], options: ModelOptions = CONTEXT_OPTIONS) -> int | None:
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
    nameless = replace(CONTEXT_OPTIONS, model=None)
    assert await size_of({"/v1/models": {"data": [{"id": "x", "max_model_len": 8192}]}}, nameless) == 8192


async def test_a_server_that_does_not_answer_is_given_up_after_the_connection_timeout() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await for_ever()
        return web.Response()

    async with serving(silent) as url, ModelClient(replace(CONTEXT_OPTIONS, url=url, connect_timeout=0.05)) as client:
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
    async with serving(handler, llama_paths=True) as url, ModelClient(replace(CONTEXT_OPTIONS, url=url)) as client:
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
        ModelClient(replace(CONTEXT_OPTIONS, url=url, context_tokens=2048)) as client,
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
        ModelClient(replace(CONTEXT_OPTIONS, url=url)) as client,
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
    async with ModelClient(CONTEXT_OPTIONS) as client, Database.opened(tmp_path / "db") as database:
        router = await ModelRouter.load(database, {GpuVendor.NVIDIA: client}, GpuVendor.NVIDIA)
        assert router.take_tools(names) is told


class CountingServer:
    """A server that tells its context size, counts one token for four characters, and answers."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.counted = asyncio.Event()
        self.answer = Recorded(streaming(said("Yes."), FINISHED))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/props":
                return web.json_response({"default_generation_settings": {"n_ctx": self.size}})
            case "/tokenize":
                body = await request.json()
                self.counted.set()
                return web.json_response({"tokens": [1] * (len(body["content"]) // 4)})
            case "/v1/chat/completions":
                return await self.answer(request)
        return web.Response(status=404)


async def test_a_server_that_counts_tokens_receives_more_of_the_conversation() -> None:
    server = CountingServer(2_048)
    messages = [ChatMessage("user", "word " * 60), ChatMessage("assistant", "word " * 60)] * 20
    messages.append(ChatMessage("user", "And?"))
    async with (
        serving(server.handle, llama_paths=True) as url,
        ModelClient(replace(CONTEXT_OPTIONS, url=url)) as client,
    ):
        await client.learn_context_size()
        assert await texts(client.text(messages)) == ["Yes."]
        async with asyncio.timeout(30):
            await server.counted.wait()
            while len(server.answer.bodies[-1]["messages"]) == len(server.answer.bodies[0]["messages"]):
                assert await texts(client.text(messages)) == ["Yes."]
    first, last = server.answer.bodies[0], server.answer.bodies[-1]
    assert len(last["messages"]) > len(first["messages"])
    sent = sum(len(message["content"]) // 4 for message in last["messages"])
    assert 1_200 < sent <= 2_048 - 500


async def test_the_tokens_of_a_short_conversation_are_not_counted() -> None:
    server = CountingServer(8_192)
    async with (
        serving(server.handle, llama_paths=True) as url,
        ModelClient(replace(CONTEXT_OPTIONS, url=url)) as client,
    ):
        await client.learn_context_size()
        assert await texts(client.text([ChatMessage("user", "Hello?")])) == ["Yes."]
    assert not server.counted.is_set()


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({"tokens": [1, 2, 3]}, 7),
        ({"count": 9, "max_model_len": 4096, "tokens": [1]}, 13),
        ({"tokens": []}, None),
        ({"count": -1}, None),
        ([], None),
        ("x", None),
    ],
)
async def test_token_counts_are_read(told: object, count: int | None) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(told)

    async with serving(handler) as url, ModelClient(replace(CONTEXT_OPTIONS, url=url)) as client:
        assert await count_tokens(client._connections(), client.options, [ChatMessage("user", "Hi")]) == count
