"""Tests of an answer that another server goes on with: no word is lost, and none comes twice."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from bot.llm.answer import TextDelta
from bot.llm.client import ModelClient
from bot.llm.continuation import Joint, SaidText, going_on, refuses_to_go_on
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.llm.templates import CHAT_TEMPLATES
from bot.llm.truncation import fit_messages
from config.engine_sections import ModelApi
from tests.llm.servers import FINISHED, begin_stream, said, serving

HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Ann: hello"))


def joined(before: str, after: str, *, continues: bool) -> str:
    """The text that is heard. It must be the same whether ``after`` comes in single characters or in one piece."""
    heard = set()
    for pieces in (after, (after,)):
        joint = Joint(before, continues=continues)
        heard.add(before + "".join(map(joint.feed, pieces)) + joint.end())
    (text,) = heard
    return text


@pytest.mark.parametrize(
    ("before", "after", "heard"),
    [
        ("I like ", "bananas.", "I like bananas."),
        ("I like ", " bananas.", "I like bananas."),
        ("I see.", " So do I.", "I see. So do I."),
        ("I see.", "So do I.", "I see. So do I."),
        ("It is 3.", "14 or so.", "It is 3.14 or so."),
        ("Well", ", no.", "Well, no."),
        ("東京は", "広い。", "東京は広い。"),
        # A server that sends the beginning too.
        ("I like ", "I like bananas.", "I like bananas."),
        ("I see. It is late", "I see. It is late, really.", "I see. It is late, really."),
        # A repetition of the last words.
        ("Once upon a time there ", "upon a time there was a cat.", "Once upon a time there was a cat."),
        ("It was very, ", "very late.", "It was very, very late."),
        ("All is said and done.", "", "All is said and done."),
    ],
)
def test_the_rest_follows_what_was_said(before: str, after: str, heard: str) -> None:
    assert joined(before, after, continues=True) == heard


@pytest.mark.parametrize(
    ("before", "after", "heard"),
    [
        ("I like ", "Bananas are good.", "I like … Bananas are good."),
        ("I see.", "So do I.", "I see. So do I."),
        ("I see. ", " So do I.", "I see. So do I."),
        ("I like yellow ", "I like yellow fruit.", "I like yellow … fruit."),
        ("All is said and done.", "All is said and done. Bye!", "All is said and done. Bye!"),
        ("All is said and done.", "All is said and done.", "All is said and done."),
        ("How nice. All is said and done. ", "All is said and done. Bye!", "How nice. All is said and done. Bye!"),
        ("大丈夫です。明日は", "雨です。", "大丈夫です。明日は… 雨です。"),
    ],
)
def test_an_unfinished_sentence_is_broken_off_where_a_server_begins_a_new_one(
    before: str, after: str, heard: str
) -> None:
    assert joined(before, after, continues=False) == heard


def test_an_unfinished_word_is_held_back_until_it_is_whole() -> None:
    text = SaidText()
    assert [text.feed(piece) for piece in ("The ba", "na", "na", "s", ".", " Don", "'t")] == [
        *("The ", "", "", "", "bananas.", " ", "")
    ]
    assert text.text == "The bananas. "
    assert text.rest() == "Don't"
    assert text.text == "The bananas. Don't"


def test_words_without_spaces_between_them_are_not_held_back() -> None:
    text = SaidText()
    assert [text.feed(piece) for piece in ("東京", "は")] == ["東京", "は"]


def test_a_lost_word_is_not_said() -> None:
    text = SaidText()
    text.feed("I like ba")
    text.lose()
    assert text.rest() == ""
    assert text.text == "I like "


@pytest.mark.parametrize("name", CHAT_TEMPLATES)
def test_a_rendered_chat_template_ends_with_the_words_that_were_said(name: str) -> None:
    template = CHAT_TEMPLATES[name]
    asked, begun = template.render(HELLO), template.render(going_on(HELLO, "I am ", continues=True), continues=True)
    assert begun.startswith(asked.removesuffix(template.cue))
    assert begun.endswith("I am")
    # A prompt with the whole answer begins in the same way, so the model goes on at the right place.
    whole = template.render((*HELLO, ChatMessage("assistant", "I am fine.")))
    assert whole.startswith(begun)


def test_a_question_stays_with_the_answer_that_was_begun() -> None:
    old = [ChatMessage("user", "x" * 50), ChatMessage("assistant", "y" * 50)]
    messages = (HELLO[0], *old, *going_on(HELLO[1:], "I am", continues=True))
    fitted = fit_messages(messages, 40, lambda message: len(message.content))
    assert fitted == (HELLO[0], HELLO[1], ChatMessage("assistant", "I am"))


async def _body_of_a_continuation(owner: str, api: ModelApi = ModelApi.CHAT) -> tuple[bool, dict[str, Any]]:
    bodies: list[dict[str, Any]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/models"):
            return web.json_response({"object": "list", "data": [{"id": "m", "owned_by": owner}]})
        bodies.append(await request.json())
        response = await begin_stream(request)
        whole = json.dumps({"choices": [{"index": 0, "text": " fine.", "finish_reason": "stop"}]})
        await response.write(said(" fine.") + FINISHED if api is ModelApi.CHAT else f"data: {whole}\n\n".encode())
        return response

    async with serving(handler) as url, ModelClient(ModelOptions(url, model="m", api=api)) as client:
        await client.check()
        can = client.continues_answers()
        asked = going_on(HELLO, "I am", continues=can)
        async with aclosing(client.stream(asked, continues=can)) as parts:
            text = "".join([part.text async for part in parts if isinstance(part, TextDelta)])
    assert text.strip() == "fine."
    return can, bodies[-1]


@pytest.mark.parametrize(
    ("owner", "fields"),
    [("llamacpp", {}), ("vllm", {"continue_final_message": True, "add_generation_prompt": False})],
)
async def test_a_server_that_can_continue_an_answer_is_asked_to(owner: str, fields: dict[str, Any]) -> None:
    can, body = await _body_of_a_continuation(owner)
    assert can
    assert body["messages"][-1] == {"role": "assistant", "content": "I am"}
    names = ("continue_final_message", "add_generation_prompt")
    assert {name: body[name] for name in names if name in body} == fields


async def test_another_server_is_asked_for_a_new_sentence() -> None:
    can, body = await _body_of_a_continuation("somebody")
    assert not can
    assert [message["role"] for message in body["messages"][-2:]] == ["assistant", "user"]
    assert "new sentence" in body["messages"][-1]["content"]


async def test_every_server_with_the_completions_api_can_continue_an_answer() -> None:
    can, body = await _body_of_a_continuation("somebody", ModelApi.COMPLETIONS)
    assert can
    assert body["prompt"].endswith("<|im_start|>assistant\nI am")


@pytest.mark.parametrize(
    "said",
    [
        '{"error":{"code":400,"message":"Assistant response prefill is incompatible with enable_thinking.",'
        '"type":"invalid_request_error"}}',
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        '{"error": {"message": "Prefilling assistant messages is not supported for this model."}}',
    ],
)
def test_servers_that_refuse_to_go_on_are_understood(said: str) -> None:
    assert refuses_to_go_on(said)


@pytest.mark.parametrize("said", ["enable_thinking is not supported", "The prefill took too long", "out of memory"])
def test_errors_about_something_else_are_no_refusal_to_go_on(said: str) -> None:
    assert not refuses_to_go_on(said)
