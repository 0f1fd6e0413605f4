"""``POST /chat``: the persona answers in writing, whole or word by word, and a conversation goes on under its id."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.api.chats import IDLE_LIMIT, MAX_CHATS
from bot.voice.browser.people import web_person
from tests.bot.http.api.api_stage import ApiStage

PATH = "/chat"


async def ask(stage: ApiStage, message: object = "What time is it?", **fields: Any) -> Any:
    return await stage.web.ask(PATH, "POST", json={"message": message, **fields})


def events(text: str) -> list[str]:
    parts = text.split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    return [part.removeprefix("data: ") for part in parts]


async def test_the_persona_answers(stage: ApiStage) -> None:
    answer = await ask(stage)
    assert answer.status == 200
    assert answer.json == {"reply": "It is five o'clock.", "conversation": answer.headers["X-Conversation"]}
    ((asked, before),) = stage.mind.asked
    assert (asked.speaker, asked.text, before) == ("Guest", "What time is it?", ())
    assert stage.mind.spoken == [False]


async def test_the_answer_comes_word_by_word(stage: ApiStage) -> None:
    answer = await ask(stage, stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream"
    first, second, done = events(answer.text)
    assert json.loads(first) == {"token": "It is ", "conversation": answer.headers["X-Conversation"]}
    assert json.loads(second) == {"token": "five o'clock."}
    assert done == "[DONE]"


async def test_the_first_words_are_sent_before_the_answer_is_whole(stage: ApiStage) -> None:
    stage.mind.pieces = ("It is ", None, "five.")
    body = {"message": "What time is it?", "stream": True}
    async with stage.web.session.post(stage.web.url(PATH), json=body) as answer:
        first = await answer.content.readuntil(b"\n\n")
        assert json.loads(first.decode().removeprefix("data: "))["token"] == "It is "
        stage.mind.going_on.set()
        assert (await answer.text()).endswith("data: [DONE]\n\n")


async def test_a_conversation_goes_on_and_is_stored(stage: ApiStage) -> None:
    name = (await ask(stage, "My name is Ada.")).json["conversation"]
    again = await ask(stage, "What is my name?", conversation=name, stream=True)
    assert again.headers["X-Conversation"] == name
    _, (asked, before) = stage.mind.asked
    assert asked.text == "What is my name?"
    assert [turn.text for turn in before] == ["My name is Ada.", "It is five o'clock."]
    (kept,) = stage.kept
    assert [(turn.role, turn.text) for turn in kept.turns] == [
        ("user", "My name is Ada."),
        ("assistant", "It is five o'clock."),
        ("user", "What is my name?"),
        ("assistant", "It is five o'clock."),
    ]
    assert {turn.speaker for turn in kept.turns} == {"Guest", "Seiyuu"}
    other = await ask(stage, "Hello")
    assert other.json["conversation"] != name
    assert stage.mind.asked[-1][1] == ()


async def test_nothing_is_stored_of_somebody_who_does_not_want_it(stage: ApiStage) -> None:
    name = (await ask(stage, "My name is Ada.")).json["conversation"]
    stage.kept[0].admits = False
    stage.chats.forget(web_person(""))
    await ask(stage, "What is my name?", conversation=name)
    assert stage.mind.asked[-1][1] == (), "the answers to it are forgotten, too"
    assert len(stage.kept[0].turns) == 2


async def test_nothing_is_remembered_of_an_answer_during_which_its_person_is_forgotten(stage: ApiStage) -> None:
    stage.mind.pieces = ("It is ", None, "five.")
    body = {"message": "My name is Ada.", "stream": True}
    async with stage.web.session.post(stage.web.url(PATH), json=body) as answer:
        name = answer.headers["X-Conversation"]
        await answer.content.readuntil(b"\n\n")
        stage.chats.forget(web_person(""))
        stage.mind.going_on.set()
        assert (await answer.text()).endswith("data: [DONE]\n\n")
    await ask(stage, "What is my name?", conversation=name)
    assert stage.mind.asked[-1][1] == ()
    assert [turn.text for turn in stage.kept[0].turns if "Ada" in turn.text] == []


async def test_a_conversation_is_over_an_hour_after_its_last_message(stage: ApiStage) -> None:
    name = (await ask(stage)).json["conversation"]
    stage.clock.pass_by(IDLE_LIMIT - 1)
    assert (await ask(stage, conversation=name)).status == 200
    stage.clock.pass_by(IDLE_LIMIT + 1)
    answer = await ask(stage, conversation=name)
    assert (answer.status, answer.code) == (404, "no_conversation")
    assert stage.kept[0].ended


async def test_only_so_many_conversations_are_in_memory(stage: ApiStage) -> None:
    first = stage.chats.open(None)
    others = [stage.chats.open(None) for _ in range(MAX_CHATS)]
    assert (await ask(stage, conversation=first.id)).status == 404
    assert (await ask(stage, conversation=others[0].id)).status == 200
    assert stage.kept[0].ended


async def test_if_the_model_says_nothing_the_answer_is_a_line_of_the_persona(stage: ApiStage) -> None:
    stage.mind.pieces = ("  ",)
    reply = (await ask(stage)).json["reply"]
    assert len(reply.split()) > 1


@pytest.mark.parametrize("streams", [False, True])
async def test_if_the_model_wants_to_be_silent_the_answer_is_a_line_of_the_persona_too(
    stage: ApiStage, streams: bool
) -> None:
    stage.mind.pieces = ("<si", "lent>")
    answer = await ask(stage, stream=streams)
    assert "<si" not in answer.text and "lent>" not in answer.text
    assert len(answer.text.split()) > 1
    assert "silent" not in stage.kept[0].turns[-1].text


async def test_an_answer_that_only_begins_like_silence_is_sent_whole(stage: ApiStage) -> None:
    stage.mind.pieces = ("<silent", " night> it is called.")
    assert (await ask(stage)).json["reply"] == "<silent night> it is called."


async def test_without_a_mind_the_status_says_so_and_the_answer_names_no_inner_address(stage: ApiStage) -> None:
    stage.mind.pieces, stage.mind.error = (), "the server at 192.168.1.20 is gone"
    for streams in (False, True):
        answer = await ask(stage, stream=streams)
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "mind_away", "5")
        assert "192" not in answer.text
    assert stage.kept[0].turns == []


async def test_an_answer_that_breaks_off_says_so_in_its_events_and_is_remembered_so_far(stage: ApiStage) -> None:
    stage.mind.error = "gone"
    answer = await ask(stage, stream=True)
    *_, error, done = events(answer.text)
    assert json.loads(error)["error"]["code"] == "mind_away"
    assert done == "[DONE]"
    assert stage.kept[0].turns[-1].interrupted


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "bad_parameter"),
    ({"message": 5}, 400, "bad_parameter"),
    ({"message": None}, 400, "bad_parameter"),
    ({"message": ["x"]}, 400, "bad_parameter"),
    ({"message": ""}, 400, "bad_parameter"),
    ({"message": " \u200b"}, 400, "bad_parameter"),
    ({"message": 4_001 * "x"}, 413, "too_long"),
    ({"message": "x", "stream": "yes"}, 400, "bad_parameter"),
    ({"message": "x", "stream": 1}, 400, "bad_parameter"),
    ({"message": "x", "conversation": 7}, 400, "bad_parameter"),
    ({"message": "x", "conversation": 65 * "a"}, 413, "too_long"),
    ({"message": "x", "conversation": "../../etc/passwd"}, 404, "no_conversation"),
    ({"message": "x", "conversation": "\ud800"}, 404, "no_conversation"),
]


async def test_wrong_fields_are_reported(stage: ApiStage) -> None:
    for body, status, code in WRONG:
        answer = await stage.web.ask(PATH, "POST", json=body)
        assert (answer.status, answer.code) == (status, code)
        assert stage.mind.asked == []


async def test_half_a_character_is_replaced(stage: ApiStage) -> None:
    assert (await ask(stage, "x \ud800 y")).status == 200
    assert "\ud800" not in stage.mind.asked[0][0].text
