"""Tests of the message router in a bot with all features: which messages are answered, and by which feature."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.commands.message_router import NOTHING_TO_ANSWER
from tests.features.talk import written_by_bots
from tests.lease.conftest import make_stage, make_world, speech_server
from tests.lease.endings import WorldMaker
from tests.lease.features import World

__all__ = ["make_stage", "make_world", "speech_server"]


@pytest.fixture
async def world(make_world: WorldMaker) -> AsyncIterator[World]:
    async with make_world(chat_rate="2/60") as world:
        yield world


async def test_a_request_to_draw_counts_only_if_it_is_addressed_to_the_bot(world: World) -> None:
    asked = await world.address("draw a red cat")
    drawn = await world.read(lambda m: bool(m.attachments), asked)
    assert drawn.reference_id == asked.id
    assert "red cat" in str(world.engines.comfyui.graphs)
    await world.say("draw a blue cat")
    asked = await world.address("hello")
    await world.read(lambda m: m.content == "You said hello.", asked)
    assert len(world.engines.comfyui.graphs) == 1


async def test_a_mention_without_words_gets_an_answer(world: World) -> None:
    asked = await world.address("")
    await world.read(lambda m: m.content == NOTHING_TO_ANSWER, asked)
    assert world.engines.model.asked == []


async def test_a_person_who_asks_too_often_learns_when_to_go_on(world: World) -> None:
    for number in (1, 2):
        asked = await world.address(f"hello {number}")
        await world.read(lambda m: m.content.startswith("You said"), asked)
    asked = await world.address("hello 3")
    await world.read(lambda m: m.content.startswith("⏳ A little slower"), asked)
    assert len(world.engines.model.asked) == 2
    await world.address("hello 4")
    await world.say("!mood")
    await world.read(lambda m: m.content.startswith("💭"), asked)
    said = [m.content for m in written_by_bots(world.stage.sandbox, world.side)]
    assert len([text for text in said if text.startswith("⏳")]) == 1


async def test_commands_and_messages_of_bots_are_not_answered_as_chat(world: World) -> None:
    await world.say(f"!mood <@{world.stage.bot}>")
    asked = await world.address("hello")
    await world.read(lambda m: m.content == "You said hello.", asked)
    answers = [m.content for m in written_by_bots(world.stage.sandbox, world.side) if m.content.startswith("You said")]
    assert answers == ["You said hello."]


async def test_a_person_who_may_not_make_the_bot_join_or_leave_is_refused_with_the_reason(
    make_world: WorldMaker,
) -> None:
    async with make_world(who_may_join="role:Hosts", who_may_leave="role:Hosts") as world:
        await world.stage.join()
        stranger = await world.stage.sandbox.add_guest("Stranger")
        for command in ("!join", "!leave"):
            await stranger.say(world.stage.sandbox.home.general, command)
            answer = await stranger.wait_for_message(world.stage.sandbox.home.general, lambda m: "🔒" in m.content)
            assert answer.content.endswith("is for people with the role Hosts, and people who may manage this server.")
        assert world.stage.app.calls.current_on(world.stage.sandbox.guild.id) is not None
        await world.stage.ada.wait_for_status(world.stage.sandbox.bot, "🎤 In Voice Chat")


async def test_an_answer_to_a_message_that_is_deleted_at_once_still_comes(world: World) -> None:
    faults = world.stage.sandbox.faults.rest
    for text, answer in (("", NOTHING_TO_ANSWER), ("draw a red cat", "🎨 a red cat")):
        faults.slow("POST /channels/*/messages", times=1, seconds=0.5)
        asked = await world.address(text)
        await world.stage.ada.delete(asked)
        told = await world.read(lambda m, words=answer: words in m.content, asked)  # type: ignore[misc]
        assert told.reference_id is None
