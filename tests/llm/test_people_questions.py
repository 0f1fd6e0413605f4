"""A tiny model does not repeat people's questions: what it reads of them, and how its answers may not begin."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage
from bot.llm.people_questions import no_repetition, statements
from bot.llm.requests import ModelOptions
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, said, serving, streaming


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("What is the capital of France?", ""),
        ("My dog is called Rex. Do you like dogs?", "My dog is called Rex."),
        ("Do you hear me? I live in Lisbon.", "I live in Lisbon."),
        ("It costs 3.50 euros!", "It costs 3.50 euros!"),
        ("Is it 3.50 euros?!", ""),
        ("你好。你好吗？", "你好。"),
        ("Good evening. I'm vegan.", "I'm vegan."),
        ("", ""),
    ],
)
def test_questions_and_greetings_tell_nothing(text: str, told: str) -> None:
    assert statements(text) == told


def forbidden(content: str) -> list[str]:
    fields = no_repetition((ChatMessage("user", content),))
    return [word for word, bias in fields.get("logit_bias", []) if bias is False]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("What is the capital of France?", ["What", " What"]),
        ("How many legs has a spider: six or eight?", ["How", " How"]),
        ("Ann: My dog is called Rex.\nAnn: What is my dog called?", ["What", " What"]),
        ("Bob: I have a cat.\nAnn: Mika, which colours are in a rainbow?", ["Which", " Which", " which"]),
        ("Hi there, Mika, how are you?", ["How", " How", " how"]),
        ("My dog is called Rex. Do you like dogs?", ["Do", " Do"]),
        ("¿Qué te gusta hacer?", ["Qué", " Qué"]),
        ("Weißt du das?", []),
        ("Rex or Max?", []),
        ("Paris is the capital of which country?", []),
        ("WHAT is that?", ["What", " What"]),
        ("I live in Lisbon.", []),
        ("Good night, sleep well.", []),
        ("你好吗？", []),
        ("?", []),
        ("", []),
    ],
)
def test_an_answer_may_not_begin_like_the_question(content: str, words: list[str]) -> None:
    assert forbidden(content) == words


def test_only_the_newest_line_decides_how_the_answer_may_begin() -> None:
    assert forbidden("Ann: Is it late?\nAnn: I live in Lisbon.") == []


QUESTION = (ChatMessage("system", "Be kind."), ChatMessage("user", "What is that?"))


async def body_for(model: str, props: Any, **options: Any) -> dict[str, Any]:
    """The body of the request that a server with these properties gets for an answer of this model."""
    bodies: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response(props) if request.path == "/props" and props else web.Response(status=404)
        bodies.append(await request.json())
        return await streaming(said("A tree."), FINISHED)(request)

    async with (
        serving(handle, llama_paths=True) as url,
        ModelClient(ModelOptions(url, model=model, **options)) as client,
    ):
        await client.learn_slots()
        assert "".join(await texts(client.text(QUESTION))) == "A tree."
    return bodies[-1]


LLAMA_CPP = {"total_slots": 2}


async def test_a_tiny_model_on_a_llama_cpp_server_must_not_begin_its_answer_like_the_question() -> None:
    body = await body_for("smollm2-135m", LLAMA_CPP)
    assert body["logit_bias"] == [["What", False], [" What", False]]


@pytest.mark.parametrize(("model", "props"), [("smollm2-135m", None), ("qwen2.5-0.5b", LLAMA_CPP), ("m", LLAMA_CPP)])
async def test_larger_models_and_other_servers_are_asked_as_usual(model: str, props: Any) -> None:
    assert "logit_bias" not in await body_for(model, props)


async def test_an_operator_can_let_answers_begin_like_the_question() -> None:
    assert "logit_bias" not in await body_for("smollm2-135m", LLAMA_CPP, extra={"logit_bias": None})
