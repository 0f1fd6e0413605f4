"""After somebody had everything about them erased, none of their words are in any file of the bot's data."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from bot.recorded_answers import ANSWERS_FILE
from tests.e2e.conftest import LIMIT, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, join_people, talk
from tests.features.talk import let_manage
from tests.file_contents import files_with

PIZZA = UTTERANCES[0]
ADAS = ("zanzibar", "quokka", "wombat", PIZZA, "Ada")
"""What Ada asks, has read aloud, is reminded of and says aloud, and her name."""


def parrot(line: str) -> Answer:
    """Repeats what it is told, with the name, and sets a reminder when it is asked for one."""
    if "remind me" in line:
        return Answer(calls=("set_reminder",), arguments=json.dumps({"when": "2 seconds", "text": "feed the wombat"}))
    return Answer(f"I heard this. {line}")


@pytest.mark.parametrize("when", ["after the call", "during the call"])
async def test_after_erase_me_no_file_of_the_bot_has_words_of_the_person_from_a_recorded_call(
    make_stage: StageMaker, speech_server: str, tmp_path: Path, when: str
) -> None:
    settings = {"who_may_record": "everyone", "answer_to": "always", "remake_recordings": True, "greet": "all"}
    async with (
        ScriptedModel(parrot) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, **settings) as stage,
    ):
        general = stage.sandbox.home.general
        let_manage(stage.sandbox, stage.ada.id)
        await stage.join()
        (ben,) = await join_people(stage, "Ben")
        await stage.answer_to("!notes on", starts="📝 I'm taking notes")
        await stage.answer_to("!record on", starts="🔴 I'm recording.")
        # Each time, Ben says something before the bot has answered Ada.
        await ben.say(general, "My name is Ben.")
        await stage.ask("Where is Zanzibar?")
        await ben.say(general, "Do go on.")
        await stage.until(lambda: "Zanzibar" in stage.spoken, "the answer to Ada")
        await stage.ask("!speak The quokka is mine.")
        await ben.say(general, "How is that?")
        await stage.until(lambda: "quokka is mine" in stage.spoken, "what Ada has read aloud")
        await stage.ask("remind me of it")
        await ben.say(general, "What next?")
        await stage.until(lambda: "Ada, your timer: feed the wombat" in stage.spoken, "the reminder")
        await talk(stage.ada, PIZZA)
        await stage.until(lambda: PIZZA in stage.spoken, "the answer to what Ada has said aloud")
        if when == "after the call":
            await stage.answer_to("!record off", starts="⏹️")
            await stage.until(lambda: [*tmp_path.rglob(ANSWERS_FILE)], "the texts of the answers")
            await stage.answer_to("!leave", starts="👋")
        else:
            await stage.ada.leave_voice()
        for words in ADAS:
            await stage.until(partial(files_with, tmp_path, words), f"a file with {words}")

        await stage.ask("!erase-me")
        asked = await stage.ada.wait_for_message(general, lambda m: m.content.startswith("🗑️ Delete everything"), LIMIT)
        await stage.ada.click(asked, "yes")
        await stage.told("🗑️ Done")
        if when == "during the call":
            await ben.say(general, "Are we alone?")
            await stage.until(lambda: "Are we alone" in stage.spoken, "the answer to Ben")
            await stage.answer_to("!leave", starts="👋")
            await stage.until(lambda: [*tmp_path.rglob(ANSWERS_FILE)], "the texts of the answers to Ben")
        for words in ADAS:
            assert await asyncio.to_thread(files_with, tmp_path, words) == set()
        for words in ("My name is Ben.", "How is that?"):
            assert await asyncio.to_thread(files_with, tmp_path, words), "what Ben has said, and its answer, stay"
