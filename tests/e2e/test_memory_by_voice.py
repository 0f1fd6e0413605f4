"""People ask the real bot to remember, to tell or to forget something. The bot does so without the model, and in a call
it answers aloud.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.tool_questions import YES_ID
from bot.tools.confirmation import READING_SECONDS
from sandbox.guest import Guest
from tests.e2e.conftest import LIMIT, StageMaker, serving_tones
from tests.e2e.scripted_ears import ScriptedEars
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import Since, join_people, talk
from tests.file_contents import files_with


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda _: Answer("Good day to you.")) as model:
        yield model


async def test_what_a_person_wants_remembered_is_told_to_them_and_erased_at_their_request(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel, tmp_path: Path
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        ada, general = stage.ada, stage.sandbox.home.general
        await stage.join()
        await stage.ask("Seiyuu, remember that my sister is called Zephyrine")
        await stage.until(lambda: "I'll remember that." in stage.spoken, "the answer")
        await stage.ask("What do you know about me?")
        await stage.until(lambda: "my sister is called Zephyrine" in stage.spoken, "what is known")

        call = stage.app.calls.current_on(stage.sandbox.guild.id)
        assert call is not None
        await stage.ask("Good evening!")
        await stage.until(lambda: "Good day to you." in stage.spoken, "an answer of the model")
        await stage.ask("Forget that")
        await stage.until(lambda: "I've forgotten it." in stage.spoken, "the answer")
        assert call._parts.history.last_exchange(ada.id) == ()

        ben = await stage.sandbox.add_guest("Ben")
        await stage.ask("Forget what you know about me!")
        question = await ada.wait_for_message(general, lambda m: bool(m.components), LIMIT)
        yes, _ = (each["custom_id"] for each in question.components[0]["components"])
        assert yes == YES_ID
        pressed = await ben.click(question, yes)
        assert (await pressed.response(LIMIT)).content == "🔒 Only Ada can answer that."
        await ada.click(question, yes)
        await stage.until(lambda: "I've forgotten everything about you." in stage.spoken, "the answer")
        assert await stage.app.core.long_term.memory.export(ada.id) == []
        (asked,) = model.asked
        assert asked[-1]["content"] == "Ada: Good evening!", "the model was needed for nothing else"
        assert "my sister is called Zephyrine" in asked[0]["content"]

        await stage.answer_to("!memory", starts="📬")
        await ada.wait_for_message(
            ada.dm_channel, lambda m: m.content.startswith("🧠 I remember nothing of you here."), LIMIT
        )
        await stage.answer_to("!my-data", starts="📬")
        sent = await ada.wait_for_message(ada.dm_channel, lambda m: bool(m.attachments), LIMIT)
        stored = json.loads(sent.attachments[0].upload.data)
        used = "what you have used of models, voices and recognisers"
        said = "what you said, and the answers"
        assert {name for name, kept in stored.items() if kept} == {"written", used, said}
        assert {each["who"] for each in stored[said]} == {"the bot"}
    assert files_with(tmp_path, "Zephyrine") == set()


async def test_spoken_requests_are_carried_out_too_and_nobody_hears_what_the_bot_knows_about_others(
    make_stage: StageMaker, model: ScriptedModel, ears: ScriptedEars, tmp_path: Path
) -> None:
    async with (
        serving_tones(tmp_path) as voice,
        make_stage(tts_websocket_url=voice, llm_url=model.url, stt_url=ears.url) as stage,
    ):
        memory, home = stage.app.core.long_term.memory, stage.sandbox.home.guild.id

        async def say(text: str, answer: str, guest: Guest | None = None) -> None:
            since, ears.hears, who = Since(stage), text, guest or stage.ada
            await talk(who, "I had pizza for lunch.")
            await since.heard((who.user.name, text))
            await stage.until(lambda: answer in since.words, answer)

        await stage.join()
        (ben,) = await join_people(stage, "Ben")
        await say("Seiyuu, remember that my sister is called Zephyrine.", "I'll remember that.")
        (fact,) = await memory.export(stage.ada.id)
        assert (fact.text, fact.server) == ("my sister is called Zephyrine", home)
        assert {f"s{home}p{ben.id}", f"s{home}p{stage.ada.id}"} <= {*fact.audience.split()}
        await say("Seiyuu, what do you know about me?", "I remember nothing about you that I could say here.", ben)
        await say("Seiyuu, was weißt du über mich?", "Du hast mir gesagt: my sister is called Zephyrine.")
        await say("Seiyuu, forget that.", "I've forgotten it.")
        assert await memory.export(stage.ada.id) == []
        await say("Seiyuu, remember that I play chess.", "I'll remember that.")

        # People may say yes aloud, as they may if a tool asks. A yes counts only after the question could be read.
        await say("Seiyuu, forget what you know about me.", "Shall I forget everything that I know about you?")
        await asyncio.sleep(READING_SECONDS)
        await say("Yes, please.", "I've forgotten everything about you.")
        assert await memory.export(stage.ada.id) == []
        assert len(await memory.search("Zephyrine")) == 0


async def test_requests_that_are_typed_outside_of_calls_are_carried_out_too(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel, tmp_path: Path
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        me = f"<@{stage.sandbox.bot.id}>"
        assert await stage.answer_to(f"{me} remember that my sister is called Zephyrine") == "I'll remember that."
        (fact,) = await stage.app.core.long_term.memory.export(stage.ada.id)
        assert fact.text == "my sister is called Zephyrine"
        known = await stage.answer_to(f"{me} what do you know about me?", starts="You told me")
        assert known == "You told me: my sister is called Zephyrine."
        assert await stage.answer_to(f"{me} forget that!", starts="I've") == "I've forgotten it."
        assert model.asked == [], "the model was not needed"
    assert files_with(tmp_path, "Zephyrine") == set()
