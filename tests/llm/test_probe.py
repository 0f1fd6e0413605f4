"""The readiness probe of model servers, and what people are told of its result."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from bot.llm.client import ModelClient
from bot.llm.probe import ServerReport
from bot.llm.requests import ModelOptions
from config.engine_sections import ModelApi
from tests.http_server import Handler
from tests.llm.servers import answering, serving

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


async def test_a_models_name_without_a_tag_means_the_model_tagged_latest() -> None:
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
