"""Tests of consent and captions: everybody is informed, people without consent are not heard, captions are right."""

from __future__ import annotations

import asyncio

from sandbox.guest import Guest
from sandbox.voice.microphone import PushToTalk
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, Since, SoundCounter, join_people, talk

PIZZA, KEYBOARD, TRAIN, HOLIDAYS = UTTERANCES[:4]


async def type_in(stage: Stage, guest: Guest, command: str, answer: str) -> None:
    """A guest types a command. Returns after an answer with this beginning."""
    await guest.say(stage.sandbox.home.general, command)
    await guest.wait_for_message(stage.sandbox.home.general, lambda m: m.content.startswith(answer), LIMIT)


async def test_a_person_who_opts_out_is_not_heard_from_that_moment_on_and_others_are(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        await stage.join()
        await stage.told("👂 **I listen in Lounge.**")
        (ben,) = await join_people(stage, "Ben")
        since, counter = Since(stage), SoundCounter(stage)
        cut_short = asyncio.create_task(talk(stage.ada, HOLIDAYS, PushToTalk()))
        await stage.until(lambda: counter.seconds[stage.ada.id] > 0, "Ada's first sound")
        await type_in(stage, stage.ada, "!optout", "🙉 I don't listen to you any more")
        heard = counter.seconds[stage.ada.id]
        await cut_short
        await asyncio.gather(talk(stage.ada, PIZZA), talk(ben, KEYBOARD))
        await since.heard(("Ben", KEYBOARD))
        assert counter.seconds[stage.ada.id] == heard, "her sound was decoded all the same"
        await type_in(stage, stage.ada, "!optin", "👂 I listen to you")
        await talk(stage.ada, TRAIN)
        await since.heard(("Ben", KEYBOARD), ("Ada", TRAIN))


async def test_listening_can_be_switched_off_and_on_for_everyone(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        await stage.join()
        since, counter = Since(stage), SoundCounter(stage)
        await type_in(stage, stage.ada, "!listen off", "🙉 I don't listen to anybody")
        await talk(stage.ada, PIZZA)
        assert not counter.seconds
        await type_in(stage, stage.ada, "!listen on", "👂 I listen")
        await talk(stage.ada, KEYBOARD)
        await since.heard(("Ada", KEYBOARD))


async def test_only_people_who_agreed_are_heard_when_they_have_to_agree(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name", listening="opt-in") as stage:
        await stage.join()
        await stage.told("👂 **I can listen in Lounge, but only to people who agree.**")
        (ben,) = await join_people(stage, "Ben")
        since, counter = Since(stage), SoundCounter(stage)
        await type_in(stage, ben, "!optin", "👂 I listen to you")
        await asyncio.gather(talk(stage.ada, PIZZA), talk(ben, KEYBOARD))
        await since.heard(("Ben", KEYBOARD))
        assert set(counter.seconds) == {ben.id}


async def test_captions_name_the_speaker_even_if_nothing_is_answered(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with (
        ScriptedModel(lambda _: Answer("So it goes.")) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, captions="channel") as stage,
    ):
        await stage.join()
        since, general = Since(stage), stage.sandbox.home.general
        await talk(stage.ada, TRAIN)
        await stage.turns(1)
        await stage.ada.wait_for_message(general, lambda m: "So it goes" in m.content, LIMIT)
        written = "\n".join(message.content for message in stage.ada.messages(general))
        assert f"**Ada:** {TRAIN}\n**Seiyuu:** So it goes." in written
        await type_in(stage, stage.ada, "!mode transcribe", "📝 I only write down")
        await talk(stage.ada, "Seiyuu, what time is it?")
        await stage.ada.wait_for_message(general, lambda m: m.content == "**Ada:** Seiyuu, what time is it?", LIMIT)
        assert since.prompts == [("Ada", TRAIN)]
        assert len(model.asked) == 1
