"""The real small model through the bot's own code: it finishes its answers, remembers, and repeats nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from benchmarks.small_mind import run_talk, small_mind
from benchmarks.small_mind_rules import AnswerRules
from benchmarks.small_mind_talks import CALLS, PEOPLE, TALKS
from bot.llm.requests import ModelOptions
from bot.own_engines import quickest_weights
from bot.own_weights import OwnWeights
from config.settings import Settings

EVERY = 4
"""The test of complete answers tries every fourth of the benchmark's talks."""


@pytest.fixture
def settings() -> Settings:
    return Settings.read(_env_file=None)


@pytest.fixture
async def options(weights: OwnWeights, settings: Settings) -> AsyncIterator[ModelOptions]:
    assert weights.llm is not None
    async with small_mind(settings, await quickest_weights(weights.llm)) as asked:
        yield asked


async def test_answers_are_short_and_complete_and_do_not_go_in_circles(
    options: ModelOptions, settings: Settings
) -> None:
    rules = AnswerRules()
    judged = [
        await run_talk(options, settings, talk.among(PEOPLE[number % len(PEOPLE)]), 1, rules)
        for number, talk in enumerate(TALKS[::EVERY])
    ]
    faulty = [(one.question, one.answer, one.faults) for one in judged if one.faults]
    assert len(faulty) <= 1, faulty


async def test_the_model_remembers_facts_from_earlier_lines(options: ModelOptions, settings: Settings) -> None:
    rules = AnswerRules()
    planted = [talk for talk in TALKS if talk.planted is not None]
    judged = [await run_talk(options, settings, talk, 1, rules) for talk in planted]
    assert sum("forgot" in one.faults for one in judged) <= 2, [(one.question, one.answer) for one in judged]


async def test_the_model_does_not_answer_with_what_people_said(options: ModelOptions, settings: Settings) -> None:
    rules = AnswerRules()
    judged = [await run_talk(options, settings, talk, 1, rules) for talk in CALLS]
    repeated = [(one.question, one.answer) for one in judged if "repeats the person" in one.faults]
    assert len(repeated) <= 2, repeated
