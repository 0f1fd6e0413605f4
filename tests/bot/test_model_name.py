"""The language model's description in the status and in the doctor. Both say if it is too small for tools."""

from __future__ import annotations

import json

from bot.doctor.engines import check_model_server
from bot.llm.client import ModelClient
from bot.llm.personas import Character, Persona
from bot.llm.requests import ModelOptions
from bot.model_name import describe_model
from bot.own_weights import OwnWeights
from config.settings import Settings
from tests.llm.servers import answering, serving

ANYONE = Character("a", Persona(name="A", description="x", moods={"calm": "calm."}, default_mood="calm"), "calm")


async def test_the_status_says_that_a_small_model_gets_no_tools() -> None:
    settings = Settings.read(_env_file=None)
    for name, described in (
        ("llama3.1", "llama3.1 at host:8080"),
        ("qwen2.5-0.5b", "qwen2.5-0.5b at host:8080 (too small for tools)"),
    ):
        async with ModelClient(ModelOptions("http://host:8080/v1", model=name)) as client:
            assert describe_model(settings, OwnWeights(), client, ANYONE) == described


async def test_the_doctor_says_that_a_small_model_gets_no_tools() -> None:
    for parameters, small in ((1_500_000_000, True), (8_000_000_000, False)):
        listed = {"data": [{"id": "m", "meta": {"n_params": parameters}}]}
        async with serving(answering(200, json.dumps(listed))) as url:
            settings = Settings.read(_env_file=None, llm_url=url, llm_model="m")
            result = await check_model_server(settings, OwnWeights())
        assert result.good, result
        assert ("too small for tools" in result.text) == small
