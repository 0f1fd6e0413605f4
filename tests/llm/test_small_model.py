"""Small models: which ones are small, what they are sent, and that other models are asked in the usual way."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage, SpeakerNames
from bot.llm.personas import Persona
from bot.llm.requests import ModelOptions
from bot.llm.small_model import (
    MAX_TOKENS,
    SAMPLING,
    TEMPERATURE,
    ModelSize,
    SmallPromptWriter,
    load_small_prompts,
    size_in_name,
)
from tests.llm.answers import texts
from tests.llm.servers import DONE, FINISHED, Recorded, begin_stream, for_ever, said, serving, streaming


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
def test_the_size_is_read_from_the_name_if_the_name_has_one(name: str, parameters: int | None) -> None:
    assert size_in_name(name) == parameters


def test_the_size_that_the_server_reports_takes_precedence_over_the_name() -> None:
    size = ModelSize("tiny-1b")
    assert size.small
    size.learn(70_000_000_000)
    assert not size.small


def test_a_model_of_unknown_size_is_not_small() -> None:
    assert not ModelSize(None).small
    assert not ModelSize("llama3.1").small
    assert ModelSize("llama3.1").takes_tools


def test_small_models_and_toys_are_told_of_no_tools() -> None:
    assert not ModelSize("m-1.5b").takes_tools
    assert ModelSize("m-7b").takes_tools
    toy = ModelSize("toy")
    toy.learn(150_000)
    assert (toy.small, toy.takes_tools) == (False, False)


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
        serving(handler, llama_paths=True) as url,
        ModelClient(ModelOptions(url, model="m", connect_timeout=20)) as client,
    ):
        await client.learn_model_size()
        assert client.size_of().small == small


HELLO = (ChatMessage("user", "Ann: hi"),)
RAMBLING = ("I like tea. ", "I like tea. ", "I like ", "it hot")


async def asked(options: ModelOptions) -> tuple[dict[str, Any], str]:
    """The request that a server gets, and the filtered text of its rambling answer."""
    server = Recorded(streaming(*map(said, RAMBLING), FINISHED, DONE))
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        answer = "".join(await texts(client.text(HELLO)))
    return server.bodies[-1], answer


async def test_a_small_model_is_asked_for_short_answers() -> None:
    body, answer = await asked(ModelOptions("", model="smollm2-135m"))
    assert (body["temperature"], body["max_tokens"]) == (TEMPERATURE, MAX_TOKENS)
    assert SAMPLING.items() <= body.items()
    assert answer == "I like tea. "


@pytest.mark.parametrize("name", ["qwen2.5-7b", "llama3.1", None])
async def test_other_models_are_asked_in_the_usual_way(name: str | None) -> None:
    body, answer = await asked(ModelOptions("", model=name))
    assert (body["temperature"], body["max_tokens"]) == (0.8, 500)
    assert not SAMPLING.keys() & body.keys()
    assert answer == "".join(RAMBLING)


async def test_words_of_a_tiny_model_under_the_name_of_the_asker_are_passed_on_at_once() -> None:
    async def writes_on(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("Ann: Hello there, "))
        await for_ever()
        return response

    async with (
        serving(writes_on) as url,
        ModelClient(ModelOptions(url, model="smollm2-135m")) as client,
        aclosing(client.text(HELLO, speakers=SpeakerNames(("Mika",), ("Ann",)))) as answer,
    ):
        assert (await anext(answer)).text == "Hello there,"


async def test_settings_of_the_operator_hold_for_a_small_model_too() -> None:
    chosen = frozenset({"temperature", "max_tokens"})
    options = ModelOptions(
        "", model="smollm2-135m", temperature=0.7, max_tokens=300, chosen=chosen, extra={"min_p": 0.5}
    )
    body, answer = await asked(options)
    assert (body["temperature"], body["max_tokens"], body["min_p"]) == (0.7, 300, 0.5)
    assert answer == "".join(RAMBLING), "an operator who sets the length gets the whole answer"


MIKA = Persona(
    name="Mika", description="You like tea.", in_short="calm and kind", moods={"calm": "slow."}, default_mood="calm"
)
TINY, SMALL = ModelSize("m-135m"), ModelSize("m-1.5b")
TALK = (
    ChatMessage("user", "Ann: My dog is called Rex."),
    ChatMessage("assistant", "Good dog."),
    ChatMessage("user", "Bob: I have a cat.\nAnn: What is my dog called?"),
)


@pytest.fixture
async def small_talk() -> SmallPromptWriter:
    talk = SmallPromptWriter(load_small_prompts().by_language)
    await talk.load()
    return talk


async def test_the_system_prompt_is_short_and_has_name_and_character(small_talk: SmallPromptWriter) -> None:
    system = small_talk.messages(MIKA, TALK, SMALL)[0]
    assert system.role == "system"
    assert "Mika, calm and kind." in system.content
    assert "You are talking with Ann." in system.content
    assert system.content.count(".") == 3
    assert "{" not in system.content


async def test_a_tiny_model_reads_what_people_said_as_one_message(small_talk: SmallPromptWriter) -> None:
    assert small_talk.messages(MIKA, TALK, TINY)[1:] == (
        ChatMessage("user", "Ann: My dog is called Rex.\nBob: I have a cat.\nAnn: What is my dog called?"),
    )


async def test_a_tiny_model_does_not_read_what_people_asked_before(small_talk: SmallPromptWriter) -> None:
    talk = (
        ChatMessage("user", "Ann: My dog is called Rex. Do you like dogs?"),
        ChatMessage("assistant", "Good dog."),
        ChatMessage("user", "Bob: What is the capital of France?\nAnn: What is my dog called?"),
    )
    expected = ChatMessage("user", "Ann: My dog is called Rex.\nAnn: What is my dog called?")
    assert small_talk.messages(MIKA, talk, TINY)[-1] == expected


async def test_a_tiny_model_reads_all_questions_of_the_person_that_have_no_answer_yet(
    small_talk: SmallPromptWriter,
) -> None:
    newest = "Ann: What is the difference between a frog and a newt?\nAnn: And a toad?"
    talk = (ChatMessage("user", "Ann: Do you hear me?"), ChatMessage("assistant", "Yes."), ChatMessage("user", newest))
    assert small_talk.messages(MIKA, talk, TINY)[-1] == ChatMessage("user", newest)


async def test_a_line_that_a_tiny_model_reads_alone_has_no_name(small_talk: SmallPromptWriter) -> None:
    talk = (
        ChatMessage("user", "Ann: Do you hear me?"),
        ChatMessage("assistant", "Yes."),
        ChatMessage("user", "Ann: How many legs has a spider: six or eight?"),
    )
    expected = ChatMessage("user", "How many legs has a spider: six or eight?")
    assert small_talk.messages(MIKA, talk, TINY)[-1] == expected


async def test_a_small_model_reads_the_dialogue_as_messages(small_talk: SmallPromptWriter) -> None:
    assert small_talk.messages(MIKA, TALK, SMALL)[1:] == TALK


async def test_a_prompt_in_another_language_begins_with_a_greeting_in_that_language(
    small_talk: SmallPromptWriter,
) -> None:
    line = ChatMessage("user", "Ann: Guten Morgen, wie hast du heute geschlafen?")
    messages = small_talk.messages(MIKA, (line,), TINY)
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[1].content == "Hallo Mika, ich bin Ann."
    assert "Deutsch" in messages[0].content
    begun = small_talk.messages(MIKA, (ChatMessage("user", "Ann: "),), TINY)
    assert begun[:-1] == messages[:-1], "while Ann's words are not known, the prompt stays German"
    back = ChatMessage("user", "Ann: And now let us talk in English again, please.")
    assert len(small_talk.messages(MIKA, (back,), TINY)) == 2


async def test_any_name_can_be_used(small_talk: SmallPromptWriter) -> None:
    odd = ChatMessage("user", "{bot}%s: Guten Tag, wie geht es dir denn heute so?")
    assert small_talk.messages(MIKA, (odd,), SMALL)[-1] == odd


async def test_instructions_of_a_program_are_added_to_the_system_message(small_talk: SmallPromptWriter) -> None:
    usual, asked = (small_talk.messages(MIKA, TALK, SMALL, text)[0].content for text in ("", "Talk like a pirate."))
    assert asked == f"{usual} Talk like a pirate."
