"""Conversations that are too long: refusals in the words of many servers, also over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.errors import LengthRefusal, ModelError, ModelErrorKind, length_refusal
from bot.llm.messages import ChatMessage, total_tokens
from bot.llm.requests import ModelOptions
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, Recorded, answering, event, said, serving, streaming

OPTIONS = ModelOptions("", model="m", first_token_timeout=20)
ANSWER = streaming(said("はい。"), FINISHED)


@pytest.mark.parametrize(
    ("answer", "limit", "prompt"),
    [
        # llama.cpp
        (
            '{"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens), '
            'try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}',
            4096,
            5000,
        ),
        ('{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}', None, None),
        # OpenAI, Azure, OpenRouter, DeepSeek
        (
            '{"error":{"message":"This model\'s maximum context length is 4097 tokens. However, your messages resulted '
            'in 5231 tokens. Please reduce the length of the messages.","code":"context_length_exceeded"}}',
            4097,
            5231,
        ),
        (
            '{"error":{"message":"This model\'s maximum context length is 16,385 tokens. However, you requested 17000 '
            'tokens (16500 in the messages, 500 in the completion)."}}',
            16385,
            16500,
        ),
        (
            '{"error":{"message":"This endpoint\'s maximum context length is 8192 tokens. However, you requested about '
            '9100 tokens (8600 of text input, 500 in the output)."}}',
            8192,
            8600,
        ),
        # vLLM
        (
            "{\"message\":\"'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context "
            'length is 4096 tokens and your request has 200 input tokens (4000 > 4096 - 200)."}',
            4096,
            200,
        ),
        (
            '{"message":"You passed 4100 input tokens and requested 500 output tokens. However, the model\'s context '
            'length is only 4096 tokens. Please reduce the length of the input prompt."}',
            4096,
            4100,
        ),
        # SGLang
        (
            '{"message":"The input (5000 tokens) is longer than the model\'s context length (4096 tokens)."}',
            4096,
            5000,
        ),
        (
            '{"message":"Requested token count exceeds the model\'s maximum context length of 4096 tokens. You '
            'requested a total of 5000 tokens: 4500 tokens from the input messages and 500 for the completion."}',
            4096,
            4500,
        ),
        # LM Studio
        (
            '{"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded '
            'with context length of only 4096 tokens, which is not enough."}',
            4096,
            5000,
        ),
        ('{"error":"Reached context length of 4096 tokens with model (arch: qwen2)"}', 4096, None),
        # Ollama
        ('{"error":{"message":"the input length exceeds the context length"}}', None, None),
        ('{"error":"input length exceeds maximum context length"}', None, None),
        # text-generation-inference
        (
            '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3900 '
            '`inputs` tokens and 500 `max_new_tokens`","error_type":"validation"}',
            4096,
            3900,
        ),
        (
            '{"error":"Input validation error: `inputs` must have less than 1024 tokens. Given: 3000"}',
            1024,
            3000,
        ),
        # Mistral, Gemini, Anthropic, llama-cpp-python, Groq, Together
        (
            '{"message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum '
            'context length"}',
            32768,
            40000,
        ),
        (
            '[{"error":{"message":"The input token count (1200000) exceeds the maximum number of tokens allowed '
            '(1048576)."}}]',
            1048576,
            1200000,
        ),
        ('{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}', 200000, 210000),
        ('{"error":{"message":"Requested tokens (5000) exceed context window of 4096"}}', 4096, 5000),
        (
            '{"error":{"code":"context_length_exceeded","message":"Please reduce the length of the messages."}}',
            None,
            None,
        ),
        ('{"error":{"message":"The sum of prompt tokens (5000), max_tokens (500) must be at most 4097"}}', 4097, 5000),
    ],
)
def test_the_numbers_in_a_refusal_are_found(answer: str, limit: int | None, prompt: int | None) -> None:
    assert length_refusal(answer) == LengthRefusal(limit, prompt)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        '{"error":{"message":"Unsupported parameter: \'max_tokens\' is not supported with this model."}}',
        '{"error":{"message":"max_tokens is too large: 32768. This model supports at most 16384 completion tokens"}}',
        '{"error":{"message":"Rate limit exceeded"}}',
        '{"error":{"message":"The model `m` does not exist"}}',
        '{"error":{"message":"Incorrect API key provided"}}',
        '{"error":{"message":"stop: the list is too long"}}',
    ],
)
def test_refusals_for_another_reason_are_not_about_length(answer: str) -> None:
    assert length_refusal(answer) is None


def test_hostile_numbers_are_ignored() -> None:
    assert length_refusal('exceed_context_size "n_ctx": 0, "n_prompt_tokens": 999999999999') == LengthRefusal()


@pytest.mark.parametrize(
    "words", ["maximum context length is " + "9" * 16_000, "(9" * 8_000, "exceed" + " the" * 4_000, "1,9" * 5_000]
)
def test_hostile_texts_cost_little_time(words: str) -> None:
    begun = time.process_time()
    length_refusal(words)
    assert time.process_time() - begun < 1.0


class StrictServer(Recorded):
    """A server that accepts up to ``size`` tokens, with the answer, and refuses longer prompts in ``words``.

    By default it counts one and a half tokens per character, like servers do for Japanese.
    """

    def __init__(self, size: int, words: Callable[[int, int], web.StreamResponse], per_character: float = 1.5) -> None:
        super().__init__(self._judge)
        self._size = size
        self._words = words
        self._per_character = per_character

    async def _judge(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        tokens = self.tokens(body)
        if tokens + body["max_tokens"] > self._size:
            return self._words(tokens, self._size)
        return await ANSWER(request)

    def tokens(self, body: dict[str, Any]) -> int:
        return int(sum(len(message["content"]) for message in body["messages"]) * self._per_character)


def llama_cpp(tokens: int, size: int) -> web.StreamResponse:
    fields = {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": size}
    message = f"request ({tokens} tokens) exceeds the available context size ({size} tokens), try increasing it"
    return web.json_response({"error": {"message": message, **fields}}, status=400)


def wordless(_: int, __: int) -> web.StreamResponse:
    return web.json_response({"error": {"message": "the input length exceeds the context length"}}, status=400)


def japanese_talk(count: int = 40, characters: int = 120) -> list[ChatMessage]:
    lines = [ChatMessage("assistant" if place % 2 else "user", "日本語" * (characters // 3)) for place in range(count)]
    return [ChatMessage("system", "あなたはセイユーです。"), *lines, ChatMessage("user", "アダ: 今何時?")]


async def reply(client: ModelClient, messages: list[ChatMessage]) -> str:
    async with asyncio.timeout(60):
        return "".join(await texts(client.text(messages)))


async def test_a_long_history_is_shortened_before_it_is_sent() -> None:
    server = StrictServer(4_096, llama_cpp)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client, japanese_talk()) == "はい。"
    (body,) = server.bodies
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][-1]["content"] == "アダ: 今何時?"
    assert 3_000 < server.tokens(body) <= 4_096 - 500


@pytest.mark.parametrize("words", [llama_cpp, wordless])
async def test_the_client_recovers_from_a_refusal_for_length_and_remembers_the_limit(
    words: Callable[[int, int], web.StreamResponse],
) -> None:
    server = StrictServer(1_500, words)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client, japanese_talk()) == "はい。"
        tries = len(server.bodies)
        assert tries > 1
        assert await reply(client, japanese_talk()) == "はい。"
        assert len(server.bodies) == tries + 1
    assert server.bodies[-1]["messages"][-1]["content"] == "アダ: 今何時?"


async def test_a_server_that_counts_more_tokens_than_the_estimate_is_believed() -> None:
    server = StrictServer(4_096, llama_cpp, per_character=4)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client, japanese_talk()) == "はい。"
        assert len(server.bodies) == 2
        assert await reply(client, japanese_talk()) == "はい。"
    assert len(server.bodies) == 3


async def test_a_long_answer_is_made_to_fit_beside_the_question() -> None:
    server = StrictServer(2_048, llama_cpp)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, max_tokens=4_000)) as client:
        assert await reply(client, japanese_talk(2)) == "はい。"
    assert server.bodies[-1]["max_tokens"] == 1_024


async def test_an_answer_length_that_the_operator_sets_is_made_to_fit_as_well() -> None:
    server = StrictServer(2_048, llama_cpp)
    options = replace(OPTIONS, extra={"max_tokens": 4_000})
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        assert await reply(client, japanese_talk(2)) == "はい。"
    assert server.bodies[0]["max_tokens"] == 4_000
    assert server.bodies[-1]["max_tokens"] == 1_024


@pytest.mark.parametrize(
    "refused",
    [
        event({"error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}}),
        b'event: error\ndata: {"message":"This model\'s maximum context length is 2048 tokens. However, your messages '
        b'resulted in 5000 tokens."}\n\n',
    ],
)
async def test_the_client_recovers_from_a_refusal_in_the_stream_too(refused: bytes) -> None:
    server = Recorded(streaming(refused), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client, japanese_talk()) == "はい。"
    first, second = server.bodies
    assert len(second["messages"]) < len(first["messages"])


async def test_after_the_first_words_the_request_is_not_repeated() -> None:
    full = event({"error": {"code": 500, "message": "Context size has been exceeded."}})
    server = Recorded(streaming(said("はい"), full), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        with pytest.raises(ModelError) as caught:
            await reply(client, japanese_talk())
    assert caught.value.kind is ModelErrorKind.SERVER
    assert len(server.bodies) == 1


async def test_one_message_that_is_too_long_is_answered_without_its_middle() -> None:
    server = StrictServer(2_048, llama_cpp)
    messages = [ChatMessage("user", "アダ: これは何? " + "漢字" * 4_000 + " 教えて。")]
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client, messages) == "はい。"
    content = server.bodies[-1]["messages"][-1]["content"]
    assert content.startswith("アダ: これは何?")
    assert content.endswith("教えて。")


async def test_a_prompt_that_cannot_be_shortened_is_reported_and_not_repeated_for_ever() -> None:
    server = StrictServer(300, llama_cpp)
    persona = ChatMessage("system", "あなたは" * 400)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url, max_tokens=10)) as client:
        with pytest.raises(ModelError, match="can't take that much") as caught:
            await reply(client, [persona, ChatMessage("user", "アダ: ねえ")])
    assert caught.value.kind is ModelErrorKind.TOO_LONG
    assert len(server.bodies) <= 5


async def test_a_context_size_that_the_operator_sets_holds_from_the_first_request() -> None:
    server = StrictServer(1_024, llama_cpp)
    options = replace(OPTIONS, context_tokens=1_024, max_tokens=200)
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        assert await reply(client, japanese_talk()) == "はい。"
    assert len(server.bodies) == 1
    sent = [ChatMessage("user", message["content"]) for message in server.bodies[0]["messages"]]
    assert total_tokens(sent) <= 1_024 - 200


async def test_the_error_page_of_a_proxy_counts_as_a_refusal_for_length() -> None:
    server = Recorded(answering(413, "<html>Request Entity Too Large</html>", "text/html"), ANSWER)
    async with serving(server) as url, ModelClient(replace(OPTIONS, url=url)) as client:
        assert await reply(client, japanese_talk()) == "はい。"
    assert len(server.bodies[1]["messages"]) < len(server.bodies[0]["messages"])
