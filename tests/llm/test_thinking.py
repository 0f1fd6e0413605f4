"""Models whose replies begin inside a thought: how this is recognized, and what is withheld."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from bot.llm import template_probe
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.filters.chain import Retraction
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.llm.template_probe import ends_inside_thought, template_opens_thought
from tests.http_server import Handler
from tests.llm.answers import texts
from tests.llm.filters.cutting import final_text
from tests.llm.servers import FINISHED, begin_stream, delta_event, event, for_ever, said, serving, streaming

HELLO = (ChatMessage("user", "Ada: hello"),)
UNOPENED = ("The user", " greets me. </th", "ink>\n\nHello", " there.")
CLEAN = "Hello there."
THINKING_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
HYBRID_TEMPLATE = (
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)
ON_BY_DEFAULT_TEMPLATE = (
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- else %}{{- '<think>\\n' }}{%- endif %}{%- endif %}"
)


def writing(*texts: str, finish: str = "stop") -> Handler:
    end = delta_event(finish)
    return streaming(*(said(text) for text in texts), end)


def llama_cpp(reply: Handler, answers: Mapping[str, Any]) -> Handler:
    """A server that sends replies, and answers llama.cpp's own endpoints with ``answers``."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/chat/completions"):
            return await reply(request)
        if request.path in answers:
            return web.json_response(answers[request.path])
        return web.Response(status=404)

    return handler


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the answer about the template even on a machine that stands still for seconds."""
    monkeypatch.setattr(template_probe, "_PROBE_TIMEOUT", 60.0)


async def pieces_of(client: ModelClient, **how: Any) -> list[str]:
    return await texts(client.text(HELLO, **how))


async def test_a_thought_in_the_first_reply_is_retracted_and_later_thoughts_are_never_passed_on() -> None:
    async with serving(writing(*UNOPENED)) as url, ModelClient(ModelOptions(url)) as client:
        first = await pieces_of(client)
        assert final_text(first) == CLEAN
        assert any(isinstance(piece, Retraction) for piece in first)
        assert "".join(await pieces_of(client)) == CLEAN
        assert "".join(await pieces_of(client)) == CLEAN


async def test_each_model_of_a_server_has_its_own_habits() -> None:
    async with serving(writing(*UNOPENED)) as url, ModelClient(ModelOptions(url)) as client:
        await pieces_of(client, model="a")
        assert any(isinstance(piece, Retraction) for piece in await pieces_of(client, model="b"))
        assert "".join(await pieces_of(client, model="a")) == CLEAN


async def test_a_careful_caller_never_sees_a_thought() -> None:
    async with serving(writing(*UNOPENED)) as url, ModelClient(ModelOptions(url)) as client:
        assert "".join(await pieces_of(client, never_retract=True)) == CLEAN


async def test_a_careful_caller_gets_the_whole_answer_if_there_is_no_thought() -> None:
    for finish in ("stop", "length"):
        async with serving(writing("Hello", " there.", finish=finish)) as url, ModelClient(ModelOptions(url)) as client:
            assert "".join(await pieces_of(client, never_retract=True)) == CLEAN


@pytest.mark.parametrize(
    "answers",
    [
        {"/props": {"chat_template": THINKING_TEMPLATE}},
        {"/props": {"chat_template": ON_BY_DEFAULT_TEMPLATE}},
        {
            "/props": {
                "default_generation_settings": {"params": {"generation_prompt": "<|im_start|>assistant\n<think>\n"}}
            }
        },
        {"/apply-template": {"prompt": "…<|im_start|>assistant\n<think>\n"}, "/props": {"chat_template": "{{ x }}"}},
        # The prompt that the server makes of a request says more than the template.
        {"/apply-template": {"prompt": "…<|START_THINKING|>"}, "/props": {"chat_template": HYBRID_TEMPLATE}},
    ],
)
async def test_the_first_reply_is_clean_too_if_the_template_shows_that_the_model_thinks(
    answers: dict[str, Any],
) -> None:
    handler = llama_cpp(writing(*UNOPENED), answers)
    async with serving(handler, llama_paths=True) as url, ModelClient(ModelOptions(url)) as client:
        assert "".join(await pieces_of(client)) == CLEAN


@pytest.mark.parametrize("moved", ["/props", "/apply-template"])
async def test_questions_about_the_template_follow_no_redirect(moved: str) -> None:
    asked: list[str] = []

    async def other(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"prompt": "<think>"})

    async with serving(other, llama_paths=True) as elsewhere:
        answering = llama_cpp(writing("Hello", " there."), {"/props": {"chat_template": HYBRID_TEMPLATE}})

        async def redirecting(request: web.Request) -> web.StreamResponse:
            if request.path == moved:
                return web.Response(status=307, headers={"Location": f"{elsewhere}{moved}"})
            return await answering(request)

        async with serving(redirecting, llama_paths=True) as url, ModelClient(ModelOptions(url)) as client:
            assert "".join(await pieces_of(client)) == CLEAN
    assert asked == []


@pytest.mark.parametrize(
    ("answers", "extra"),
    [
        ({"/props": {"chat_template": HYBRID_TEMPLATE}}, {}),
        ({"/props": {"chat_template": ON_BY_DEFAULT_TEMPLATE}}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ({"/props": {}}, {}),
        ({"/props": []}, {}),
        ({"/apply-template": {"prompt": "<think>\n"}}, {}),
        (
            {"/apply-template": {"prompt": "<think>\n\n</think>\n\n"}, "/props": {"chat_template": THINKING_TEMPLATE}},
            {},
        ),
    ],
)
async def test_words_are_passed_on_as_they_come_if_the_template_opens_no_thought(
    answers: dict[str, Any], extra: dict[str, Any]
) -> None:
    heard = asyncio.Event()

    async def reply(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("Hello"))
        await heard.wait()
        await response.write(said(" there.", "stop"))
        return response

    async with (
        serving(llama_cpp(reply, answers), llama_paths=True) as url,
        ModelClient(ModelOptions(url, extra=extra)) as client,
        asyncio.timeout(60),
    ):
        pieces = []
        async for piece in client.text(HELLO):
            pieces.append(piece.text)
            heard.set()
    assert pieces == ["Hello", " there."]


async def test_the_template_is_requested_together_with_the_first_reply_and_only_once() -> None:
    asked: list[tuple[str, Any]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/chat/completions"):
            return await writing("Hello", " there.")(request)
        asked.append((request.path, json.loads(await request.text() or "{}")))
        return web.json_response({"prompt": "<|im_start|>assistant\n", "chat_template": THINKING_TEMPLATE})

    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    async with serving(handler, llama_paths=True) as url, ModelClient(ModelOptions(url, extra=extra)) as client:
        await client.warm_up(HELLO)
        await pieces_of(client)
        await pieces_of(client)
    assert [path for path, _ in asked] == ["/props", "/apply-template"]
    body = asked[1][1]
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["messages"] == [{"role": "user", "content": "Ada: hello"}]


async def test_the_reply_is_requested_without_waiting_for_the_template() -> None:
    reply_asked = asyncio.Event()
    questions = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal questions
        if request.path.endswith("/chat/completions"):
            reply_asked.set()
            return await writing(*UNOPENED)(request)
        questions += 1
        await reply_asked.wait()
        return web.json_response({"chat_template": THINKING_TEMPLATE} if request.path == "/props" else {})

    async with serving(handler, llama_paths=True) as url, ModelClient(ModelOptions(url)) as client:
        assert await pieces_of(client) == ["Hello", " there."]
    # Each of the two addresses once: neither had to be given up and asked again.
    assert questions == 2


async def test_a_server_that_never_sends_its_template_does_not_delay_the_first_reply_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(template_probe, "_PROBE_TIMEOUT", 0.05)

    async def handler(request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/chat/completions"):
            await for_ever()
        return await writing("Hello", " there.")(request)

    async with serving(handler, llama_paths=True) as url, ModelClient(ModelOptions(url)) as client, asyncio.timeout(60):
        for _ in range(4):
            assert "".join(await pieces_of(client)) == CLEAN


async def test_the_template_is_requested_again_when_the_server_has_loaded() -> None:
    loading = True

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal loading
        if request.path.endswith("/chat/completions"):
            loading = False
            return await writing(*UNOPENED)(request)
        return web.json_response({"chat_template": THINKING_TEMPLATE}, status=503 if loading else 200)

    async with serving(handler, llama_paths=True) as url, ModelClient(ModelOptions(url)) as client:
        assert "".join(await pieces_of(client)) == CLEAN


async def test_the_reply_to_the_warm_up_shows_that_the_model_thinks() -> None:
    async with serving(writing(*UNOPENED)) as url, ModelClient(ModelOptions(url)) as client:
        await client.warm_up(HELLO)
        assert "".join(await pieces_of(client)) == CLEAN


async def test_one_token_of_a_warm_up_shows_nothing() -> None:
    def reply(request_body: dict[str, Any]) -> Handler:
        return writing("The", finish="length") if request_body["max_tokens"] == 1 else writing(*UNOPENED)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await reply(await request.json())(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        await client.warm_up(HELLO)
        assert "".join(await pieces_of(client, never_retract=True)) == CLEAN


async def test_a_model_that_stops_thinking_loses_no_words_and_is_soon_quick_again() -> None:
    replies = [UNOPENED, ("One", "."), ("Two", "."), ("Three", ".")]

    async def handler(request: web.Request) -> web.StreamResponse:
        return await writing(*replies.pop(0))(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        await pieces_of(client)
        assert await pieces_of(client) == ["One."], "the reply is withheld until it is complete"
        assert await pieces_of(client) == ["Two."]
        assert await pieces_of(client) == ["Three", "."], "the reply is passed on while it is written"


async def test_a_thought_that_uses_up_the_tokens_is_never_said() -> None:
    replies = [writing(*UNOPENED), writing("The user greets me and", finish="length")]

    async def handler(request: web.Request) -> web.StreamResponse:
        return await replies.pop(0)(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url, max_tokens=77)) as client:
        await pieces_of(client)
        with pytest.raises(ModelError, match=r"budget of 77 tokens on thinking.*LLM_MAX_TOKENS.*LLM_EXTRA") as caught:
            await pieces_of(client)
    assert caught.value.kind is ModelErrorKind.EMPTY


async def test_separately_sent_thoughts_delay_no_reply_even_if_the_template_opens_them() -> None:
    heard = asyncio.Event()

    async def reply(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(event({"choices": [{"delta": {"reasoning_content": "Hm."}}]}))
        await response.write(said("Hello"))
        await heard.wait()
        await response.write(said(" there.") + FINISHED)
        return response

    handler = llama_cpp(reply, {"/props": {"chat_template": THINKING_TEMPLATE}})
    async with (
        serving(handler, llama_paths=True) as url,
        ModelClient(ModelOptions(url)) as client,
        asyncio.timeout(60),
    ):
        for _ in range(4):
            pieces = []
            async for piece in client.text(HELLO):
                pieces.append(piece.text)
                heard.set()
            assert pieces == ["Hello", " there."]
            heard.clear()


@pytest.mark.parametrize(
    ("prompt", "inside"),
    [
        ("<|im_start|>assistant\n<think>\n", True),
        ("<｜Assistant｜><think>\n", True),
        ("[/INST][THINK]", True),
        ("<|START_THINKING|>", True),
        ("<|channel>thought\n", True),
        ("<think>\n\n</think>\n\n", False),
        ("<|im_start|>assistant\n", False),
        ("Say <think> first.<|im_end|>\n<|im_start|>assistant\n", False),
        ("", False),
    ],
)
def test_the_end_of_a_prompt_shows_whether_the_reply_begins_inside_a_thought(prompt: str, inside: bool) -> None:
    assert ends_inside_thought(prompt) is inside


def test_a_template_is_read_but_not_executed() -> None:
    assert template_opens_thought(THINKING_TEMPLATE, {})
    assert not template_opens_thought(HYBRID_TEMPLATE, {})
    assert template_opens_thought(ON_BY_DEFAULT_TEMPLATE, {})
    assert not template_opens_thought(ON_BY_DEFAULT_TEMPLATE, {"enable_thinking": False})
    assert not template_opens_thought("{% for x in range(10 ** 12) %}{% endfor %}", {})
