"""Timers and reminders in the real bot: set by a model's tool call, said in the call, pinged after a restart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT, StageMaker, make_settings, staged
from tests.e2e.scripted_model import Answer, ScriptedModel


def secretary(line: str) -> Answer:
    """The answer of a model that sets a reminder when it is asked for one."""
    if "remind me" in line:
        wanted = {"when": line.partition("in ")[2], "text": "take out the pizza"}
        return Answer(calls=("set_reminder",), arguments=json.dumps(wanted))
    return Answer("All right." if line.startswith("Set, with the number") else "Hello.")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(secretary) as model:
        yield model


async def test_a_timer_that_is_set_in_a_call_is_announced_in_the_call(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        await stage.join()
        await stage.ask("remind me in 2 seconds")
        await stage.until(lambda: "All right." in stage.spoken, "the answer")
        assert "set_reminder" in model.offered
        assert model.results[0].startswith("Set, with the number 1.")
        await stage.until(lambda: "Ada, your timer: take out the pizza." in stage.spoken, "the timer")


async def test_a_reminder_outlives_the_bot_and_pings_a_person_who_is_in_no_call_and_has_opted_out(
    tmp_path: Path, cache_dir: Path, speech_server: str, model: ScriptedModel
) -> None:
    async with Sandbox() as sandbox:
        servers = {"tts_websocket_url": speech_server, "llm_url": model.url}
        settings = make_settings(sandbox, tmp_path, cache_dir=cache_dir, **servers)
        async with staged(sandbox, settings) as stage:
            await stage.answer_to("!optout", starts="🙉")
            told = await stage.answer_to(f"<@{stage.bot}> remind me in 8 seconds")
            assert told == "All right."
        async with staged(sandbox, settings) as again:
            ping = await stage.ada.wait_for_message(
                sandbox.home.general, lambda m: m.author.bot and "take out the pizza" in m.content, LIMIT
            )
            assert ping.content.startswith(f"<@{stage.ada.id}> ⏲️ Your timer: take out the pizza")
            assert [user.id for user in ping.mentions] == [stage.ada.id]
            assert again.spoken == ""
