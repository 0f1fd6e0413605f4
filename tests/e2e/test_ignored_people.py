"""Tests of people whom the bot does not answer in calls: ignored people, and those who may not talk to it."""

from __future__ import annotations

from bot.commands.prompt_listener import NOT_ANSWERED
from bot.ignored import IgnoredPeople
from bot.voice.events import PromptTaken, UtteranceHeard
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, Since, join_people, talk
from tests.features.talk import let_manage

PIZZA, KEYBOARD, TRAIN, HOLIDAYS = UTTERANCES[:4]


async def test_an_ignored_person_is_not_answered_and_the_model_never_sees_their_words(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with (
        ScriptedModel(lambda _: Answer("So it goes.")) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, answer_to="always") as stage,
    ):
        await stage.join()
        (ben,) = await join_people(stage, "Ben")
        general = stage.sandbox.home.general
        assert "I don't answer **Ben**" in await stage.answer_to(f"!ignore <@{ben.id}>", starts="🔇")
        since = Since(stage)
        typed = await ben.say(general, "Ben has typed this")
        await ben.wait_for_reaction(typed, NOT_ANSWERED, LIMIT)
        await talk(ben, PIZZA)
        await stage.until(lambda: PIZZA in stage.heard_from(ben.id), "Ben's words")
        await talk(stage.ada, TRAIN)
        await stage.turns(1)
        assert since.prompts == [("Ada", TRAIN)]
        assert [event.addressed for event in since.all(UtteranceHeard) if event.person == ben.id] == [False]
        said = " ".join(str(message["content"]) for request in model.asked for message in request)
        assert PIZZA not in said
        assert "Ben has typed this" not in said
        await _cannot_steer(stage, "Ben")
        assert f"<@{ben.id}>" in await stage.answer_to("!ignore", starts="🔇 In calls")
        assert "I answer **Ben**" in await stage.answer_to(f"!ignore <@{ben.id}> off", starts="👂 I answer")
        await talk(ben, KEYBOARD)
        await stage.turns(2)
        assert since.prompts[-1] == ("Ben", KEYBOARD)


async def _cannot_steer(stage: Stage, name: str) -> None:
    guest = next(guest for guest in stage.sandbox.guests if guest.user.name == name)
    for command in (f"!ignore <@{guest.id}> off", "!speak hello", "!leave"):
        await guest.say(stage.sandbox.home.general, command)
        await guest.wait_for_message(stage.sandbox.home.general, lambda m: "I ignore you" in m.content, LIMIT)
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is not None


async def test_an_answer_to_a_person_who_is_then_ignored_ends_and_the_choice_is_stored(
    make_stage: StageMaker, speech_server: str
) -> None:
    long_story = " ".join(f"This is sentence number {number} of a story." for number in range(40))
    async with (
        ScriptedModel(lambda _: Answer(long_story)) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage,
    ):
        await stage.join()
        ben = await stage.sandbox.add_guest("Ben")
        general = stage.sandbox.home.general
        await ben.say(general, "Tell me a story")
        await ben.say(general, "and another one")
        await stage.until(lambda: [e for e in stage.events if isinstance(e, PromptTaken)], "the prompt")
        await stage.answer_to(f"!ignore <@{ben.id}> on", starts="🔇 I don't answer **Ben**")
        await stage.turns(1)
        call = stage.app.calls.current_on(stage.sandbox.guild.id)
        assert call is not None
        assert (call.conversation.answering, call.conversation.waiting) == (False, 0)
        again = await IgnoredPeople.load(stage.app.database)
        assert again.on(stage.sandbox.guild.id) == [ben.id]


async def test_only_permitted_people_can_make_the_bot_ignore_somebody(stage: Stage) -> None:
    boss = await stage.sandbox.add_guest("Boss")
    let_manage(stage.sandbox, boss.id)
    assert "people who may manage this server" in await stage.answer_to(f"!ignore <@{boss.id}>", starts="🔒")
    await stage.join()
    assert "Boss may manage this server" in await stage.answer_to(f"!ignore <@{boss.id}>", starts="🔒")
    assert "can't make me ignore you" in await stage.answer_to(f"!ignore <@{stage.ada.id}>", starts="❌")
    assert "other bots" in await stage.answer_to(f"!ignore <@{stage.bot}>", starts="❌")
    pressed = await stage.ada.press(stage.sandbox.home.general, "ignore")
    assert (await pressed.response(LIMIT)).content == "👂 I don't ignore anybody on this server."


async def test_only_people_who_may_talk_are_answered(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, who_may_talk="call") as stage:
        await stage.join()
        ben = await stage.sandbox.add_guest("Ben")
        typed = await ben.say(stage.sandbox.home.general, "hello there")
        await ben.wait_for_reaction(typed, NOT_ANSWERED, LIMIT)
        asked = await stage.ask("hello there")
        await stage.ada.wait_for_reaction(asked, "🎤", LIMIT)
        await stage.turns(1)
