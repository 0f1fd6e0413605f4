"""Tests of refused fields, over real sockets: a model server refuses fields of a request, and the client asks again.

The client remembers the fields that a server refuses, and leaves them out of later requests.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace

import pytest
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind
from config.engine_sections import ModelApi
from tests.llm.asking import ANSWER, HELLO, OPTIONS, refusing, reply
from tests.llm.servers import Recorded, answering, event, for_ever, serving, streaming


async def test_a_renamed_field_is_sent_by_its_new_name_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    wants = "max_tokens is not supported with this model. Use max_completion_tokens instead."
    server = Recorded(refusing(wants), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert [await reply(client), await reply(client)] == ["Hello.", "Hello."]
    first, again, later = server.bodies
    assert first["max_tokens"] == 500
    for body in (again, later):
        assert body["max_completion_tokens"] == 500
        assert "max_tokens" not in body
        assert body["temperature"] == 0.8
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count("The model server refuses max_tokens; left out from now on.") == 1


async def test_several_fields_are_left_out_one_after_another(caplog: pytest.LogCaptureFixture) -> None:
    async def strict(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        for field in ("temperature", "stop", "max_tokens"):
            if field in body:
                return await refusing(f"'{field}' is not supported")(request)
        return await ANSWER(request)

    server = Recorded(strict)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client) == "Hello."
        assert await reply(client) == "Hello."
    assert len(server.bodies) == 5
    assert set(server.bodies[-1]) == {"stream", "model", "messages"}
    assert sum("left out from now on" in record.getMessage() for record in caplog.records) == 3


async def test_one_reply_leaves_out_up_to_three_refused_fields_and_the_next_reply_leaves_out_more() -> None:
    extra = {"top_k": 1, "seed": 2}

    async def strict(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        for field in ("temperature", "stop", "max_tokens", "top_k", "seed"):
            if field in body:
                return await refusing(f"'{field}' is not supported")(request)
        return await ANSWER(request)

    server = Recorded(strict)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, extra=extra)) as client:
        with pytest.raises(ModelError, match="'top_k' is not supported"):
            await reply(client)
        assert len(server.bodies) == 4
        assert await reply(client) == "Hello."


async def test_a_server_that_always_refuses_the_same_field_is_not_asked_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Recorded(refusing("'temperature' is not supported"))
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        with pytest.raises(ModelError):
            await reply(client)
        assert len(server.bodies) == 2
        with pytest.raises(ModelError):
            await reply(client)
    # The second request had no temperature and was refused too, so temperature is sent again.
    assert "temperature" in server.bodies[-2]
    assert "left out" not in caplog.text


@pytest.mark.parametrize("field", ["messages", "model", "stream"])
async def test_the_essential_fields_are_never_left_out(field: str) -> None:
    server = Recorded(answering(400, json.dumps({"error": {"message": f"'{field}' is wrong", "param": field}})))
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        with pytest.raises(ModelError):
            await reply(client)
    assert len(server.bodies) == 1


async def test_refused_fields_are_remembered_for_each_model_of_a_server_separately() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["model"] == "o1" and "temperature" in body:
            return await refusing("'temperature' is not supported")(request)
        return await ANSWER(request)

    server = Recorded(handler)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        await reply(client, "o1")
        await reply(client, "gpt")
    assert [("temperature" in body) for body in server.bodies] == [True, False, True]


async def test_a_refused_field_that_the_operator_added_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    detail = {"detail": [{"type": "extra_forbidden", "loc": ["body", "chat_template_kwargs"], "msg": "not permitted"}]}
    server = Recorded(answering(422, json.dumps(detail)), ANSWER)
    options = replace(OPTIONS, extra={"chat_template_kwargs": {"enable_thinking": False}})
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        assert await reply(client) == "Hello."
    assert server.bodies[0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in server.bodies[1]
    assert "The model server refuses chat_template_kwargs; left out from now on." in caplog.text


async def test_the_completion_endpoint_of_llama_cpp_may_refuse_fields_too() -> None:
    server = Recorded(
        refusing("Unknown parameter: 'cache_prompt'"), streaming(event({"content": "Hello.", "stop": True}))
    )
    options = replace(OPTIONS, api=ModelApi.COMPLETION)
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        assert await reply(client) == "Hello."
    assert "cache_prompt" not in server.bodies[1]
    assert server.bodies[1]["prompt"]


async def test_a_model_without_a_system_role_gets_the_system_prompt_with_the_first_message() -> None:
    server = Recorded(refusing("System role not supported", 500), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        await reply(client)
        await reply(client)
    for body in server.bodies[1:]:
        assert body["messages"] == [{"role": "user", "content": "Be kind.\n\nAnn: hello"}]


async def test_the_warm_up_learns_refused_fields_too_and_asks_for_one_token() -> None:
    server = Recorded(refusing("Use 'max_completion_tokens' instead of 'max_tokens', which is unsupported"), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        await client.warm_up(HELLO)
        await reply(client)
    assert server.bodies[1]["max_completion_tokens"] == 1
    assert server.bodies[2]["max_completion_tokens"] == 500


async def test_a_server_that_refuses_in_the_stream_is_asked_again_too(caplog: pytest.LogCaptureFixture) -> None:
    refused = event({"error": {"message": "Unsupported parameter: 'temperature'", "code": 400}})
    server = Recorded(streaming(refused), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client) == "Hello."
    assert "temperature" not in server.bodies[1]
    assert "The model server refuses temperature; left out from now on." in caplog.text


async def test_a_client_that_hangs_up_after_the_first_words_remembers_the_refused_field() -> None:
    server = Recorded(refusing("'temperature' is not supported"), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        async with aclosing(client.text(HELLO)) as pieces:
            async for _ in pieces:
                break
        await reply(client)
    assert len(server.bodies) == 3


async def test_a_server_that_does_not_answer_the_second_request_is_reported_after_the_usual_time() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await for_ever()
        return web.Response()

    server = Recorded(refusing("'temperature' is not supported"), silent)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, first_token_timeout=0.3)) as client:
        with pytest.raises(ModelError) as caught:
            await reply(client)
    assert caught.value.kind is ModelErrorKind.FIRST_TOKEN_TIMEOUT


# The fields of LLM_EXTRA, which an operator adds to each request.


async def test_the_fields_of_the_operator_are_merged_into_each_request_and_take_precedence() -> None:
    extra = {
        "temperature": 0.1,
        "stop": None,
        "chat_template_kwargs": {"enable_thinking": False},
        "options": {"num_ctx": 8192},
    }
    server = Recorded(ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, extra=extra)) as client:
        await reply(client)
    body = server.bodies[0]
    assert body["temperature"] == 0.1
    assert "stop" not in body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["options"] == {"num_ctx": 8192}
    assert body["max_tokens"] == 500


async def test_the_operators_own_token_limit_replaces_max_tokens_but_the_warm_up_still_asks_for_one_token() -> None:
    server = Recorded(ANSWER)
    options = replace(OPTIONS, extra={"max_completion_tokens": 2000})
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        await reply(client)
        await client.warm_up(HELLO)
    assert server.bodies[0]["max_completion_tokens"] == 2000
    assert "max_tokens" not in server.bodies[0]
    assert server.bodies[1]["max_completion_tokens"] == 1
