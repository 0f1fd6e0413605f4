"""When facts are gathered, what of the model's answer is kept, and what is left for later."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.database import FILE
from bot.llm.answer import TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import History, Turn
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.small_model import ModelSize
from bot.lone_people import passing_person
from bot.memory.checking import MAX_FACTS, ClaimedFact, check, claimed_facts
from bot.memory.gathering import FactGatherer
from bot.memory.unread import UnreadTurn
from config.sections import MemoryPolicy
from tests.bot.memory.brain import ADA, BEN, Brain, brain

SISTER = json.dumps(
    {"facts": [{"person": "Ada", "fact": "sister is called Mira", "quote": "My sister is called Mira."}]}
)


class Model:
    """A model. ``answer`` makes each answer from the number of requests so far. Each request sets ``begun``. With
    ``waits``, no answer comes.
    """

    def __init__(self, answer: Callable[[int], str], *, waits: bool = False, name: str | None = None) -> None:
        self.answer, self.waits, self.name = answer, waits, name
        self.asked: list[str] = []
        self.open = 0
        self.begun = asyncio.Event()

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[TextDelta, None]:
        self.asked.append(messages[1].content)
        self.open += 1
        try:
            self.begun.set()
            if self.waits:
                await asyncio.Event().wait()
            yield TextDelta(self.answer(len(self.asked)))
        finally:
            self.open -= 1

    def size_of(self, *, model: str | None = None) -> ModelSize:
        return ModelSize(self.name)


def gatherer(mind: Brain, model: Model) -> FactGatherer:
    memory = mind.memory
    return FactGatherer(
        memory.unread,
        memory.facts,
        memory.consent,
        memory.audiences,
        memory.gate,
        model,
        clock=lambda: mind.now + 60,
        sleep=_soon,
    )


async def _soon(_: float) -> None:
    await asyncio.sleep(0.01)


async def test_a_call_that_begins_ends_the_request_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")
        slow = Model(lambda _: SISTER, waits=True)
        gathering = gatherer(mind, slow)
        running = asyncio.create_task(gathering.run())
        async with asyncio.timeout(60):
            await slow.begun.wait()
            await gathering.hold("call")
        assert slow.open == 0, "the request has ended when the call begins"
        assert slow.asked == ["Ada: My sister is called Mira."]
        slow.waits = False
        slow.begun.clear()
        await gathering.release()
        async with asyncio.timeout(60):
            await slow.begun.wait()
            while not await mind.memory.export(ADA):
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        # A person who waits for a written answer comes first too.
        await mind.written(ADA, "My dog is called Bolt.")
        busy = Model(lambda _: SISTER, waits=True)
        gathering = gatherer(mind, busy)
        once = asyncio.create_task(gathering.gather_some())
        async with asyncio.timeout(60):
            await busy.begun.wait()
            gathering.step_aside()
            assert await once is False
        assert busy.open == 0


async def test_what_is_forgotten_while_the_model_reads_it_is_not_stored_afterwards(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")

        def forgotten_meanwhile(_: int) -> str:
            with closing(sqlite3.connect(tmp_path / FILE)) as other, other:
                other.execute("DELETE FROM turns")
            return SISTER

        assert await gatherer(mind, Model(forgotten_meanwhile)).gather_some()
        assert await mind.memory.export(ADA) == []


async def test_the_history_of_a_call_forgets_what_the_memory_forgets(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        fact = await mind.learn("sister is called Mira", "My sister is called Mira.")
        history = History([Turn.of_person("Ada", "Mira came."), Turn.of_bot("How nice."), Turn.of_bot("Tea?")])
        mind.memory.on_forgotten(history.forget_words)
        assert await mind.memory.forget(fact.id, ADA)
        assert [turn.text for turn in history.newest(9)] == ["How nice.", "Tea?"]


async def test_progress_outlives_the_process_and_no_turn_is_read_twice(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")
        broken = Model(lambda _: "")
        broken.answer = _fails
        assert not await gatherer(mind, broken).gather_some()
        assert len(broken.asked) == 1
    async with brain(tmp_path) as mind:
        model = Model(lambda _: SISTER)
        assert await gatherer(mind, model).gather_some()
        assert not await gatherer(mind, model).gather_some()
        assert [fact.text for fact in await mind.memory.export(ADA)] == ["sister is called Mira"]
    async with brain(tmp_path) as mind:
        assert not await gatherer(mind, model).gather_some()
        assert len(model.asked) == 1


def _fails(_: int) -> str:
    raise ModelError(ModelErrorKind.SERVER, "out of memory")


async def test_a_model_that_answers_nonsense_is_asked_twice_and_no_more(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")
        model = Model(lambda _: "I'd rather talk about the weather.")
        gathering = gatherer(mind, model)
        while await gathering.gather_some():
            pass
        assert len(model.asked) == 2


async def test_a_long_conversation_is_read_in_parts(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        for number in range(60):
            await mind.written(ADA, f"Number {number}. " + "word " * 60)
        model = Model(lambda _: '{"facts": []}')
        gathering = gatherer(mind, model)
        while await gathering.gather_some():
            pass
        assert sum(asked.count("Ada: ") for asked in model.asked) == 60
        assert max(map(len, model.asked)) < 7_000


async def test_small_models_are_not_asked_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")
        model = Model(lambda _: SISTER, name="qwen2.5-0.5b")
        gathering = gatherer(mind, model)
        assert [await gathering.gather_some() for _ in range(3)] == [False] * 3
        assert model.asked == []
        assert caplog.text.count("the model is too small") == 1


async def test_each_person_is_asked_once_and_their_words_are_not_sent_to_the_model_before_they_agree(
    tmp_path: Path,
) -> None:
    asked = list[int]()
    async with brain(tmp_path, policy=MemoryPolicy.ASK) as mind:
        mind.memory.consent.ask = asked.append
        await mind.memory.set_choice(BEN, True)
        await mind.written(ADA, "My sister is called Mira.")
        await mind.written(BEN, "I like tea.")
        model = Model(lambda _: '{"facts": []}')
        gathering = gatherer(mind, model)
        while await gathering.gather_some():
            pass
        assert model.asked == ["Ben: I like tea."]
    async with brain(tmp_path, policy=MemoryPolicy.ASK) as mind:
        mind.memory.consent.ask = asked.append
        model = Model(lambda _: SISTER)
        assert not await gatherer(mind, model).gather_some()
        await mind.memory.set_choice(ADA, True)
        assert await gatherer(mind, model).gather_some()
        assert asked == [ADA]
        assert len(await mind.memory.export(ADA)) == 1


@pytest.mark.parametrize("policy", [MemoryPolicy.ON, MemoryPolicy.ASK])
async def test_nothing_is_remembered_of_whoever_calls_without_a_number(tmp_path: Path, policy: MemoryPolicy) -> None:
    asked, caller = list[int](), passing_person()
    async with brain(tmp_path, policy=policy) as mind:
        mind.memory.consent.ask = asked.append
        await mind.written(caller, "My sister is called Mira.")
        model = Model(lambda _: SISTER)
        assert not await gatherer(mind, model).gather_some()
        assert (asked, model.asked) == ([], [])
        assert await mind.memory.export(caller) == []


JAZZ = json.dumps({"facts": [{"person": "Ben", "fact": "likes Jazz", "quote": "Ben likes Jazz."}]})


@pytest.mark.parametrize(
    ("policy", "opted_out", "kept", "questions"),
    [
        (MemoryPolicy.ON, False, 1, []),
        (MemoryPolicy.ON, True, 0, []),
        (MemoryPolicy.ASK, False, 0, [BEN]),
        (MemoryPolicy.ASK, True, 0, []),
    ],
)
async def test_whoever_has_opted_out_is_not_asked_and_nothing_that_others_say_about_them_is_kept(
    tmp_path: Path, policy: MemoryPolicy, opted_out: bool, kept: int, questions: list[int]
) -> None:
    asked = list[int]()
    async with brain(tmp_path, policy=policy, admits=lambda person: person != BEN or not opted_out) as mind:
        mind.memory.consent.ask = asked.append
        await mind.memory.set_choice(ADA, True)
        await mind.written(BEN, "Hello.")
        await mind.written(ADA, "Ben likes Jazz.")
        gathering = gatherer(mind, Model(lambda _: JAZZ))
        while await gathering.gather_some():
            pass
        assert len(await mind.memory.export(BEN)) == kept
        assert asked == questions


@pytest.mark.parametrize("forgotten", [ADA, BEN])
async def test_a_sentence_that_waits_for_consent_is_not_read_once_its_speaker_or_the_person_in_it_is_forgotten(
    tmp_path: Path, forgotten: int
) -> None:
    async with brain(tmp_path, policy=MemoryPolicy.ASK) as mind:
        await mind.memory.set_choice(ADA, True)
        await mind.written(BEN, "Hello.")
        await mind.written(ADA, "Ben likes Jazz.")
        model = Model(lambda _: JAZZ)
        gathering = gatherer(mind, model)
        while await gathering.gather_some():
            pass
        assert model.asked == ["Ada: Ben likes Jazz."]
        await mind.memory.forget_all(forgotten)
        await mind.memory.set_choice(BEN, True)
        while await gathering.gather_some():
            pass
        assert "Jazz" not in "".join(model.asked[1:])
        assert await mind.memory.export(BEN) == []
        await mind.written(ADA, "Ben likes Jazz.")
        assert await gathering.gather_some(), "what is said later is read again"


TURN = UnreadTurn(1, ADA, "Ada", "My sister is called Mira.", 0.0)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (SISTER, 1),
        (f"Sure!\n```json\n{SISTER}\n```\nAnything else?", 1),
        (SISTER[:-2] + ", {", 1),
        (SISTER[:-1], 1),
        (SISTER.replace('"Ada"', "1e999"), 0),
        (SISTER.replace('"Ada"', "NaN"), 0),
        (SISTER.replace('"Ada"', '["Ada"]'), 0),
        (SISTER.replace("Mira.", "Mira." * 500), 0),
        ('{"facts": [' + '{"a":' * 2_000, 0),
        ('{"facts": "none"}', None),
        ("[]", None),
        ("", None),
    ],
)
def test_hostile_and_broken_answers_keep_only_what_was_said(answer: str, kept: int | None) -> None:
    claims = claimed_facts(answer)
    found = None if claims is None else sum(len(check(claim, [TURN], {ADA: "Ada"})) for claim in claims)
    assert found == kept


@pytest.mark.parametrize(
    ("said", "fact", "quote", "kept"),
    [
        ("No, my sister is called Lena, not Mira.", "sister is called Lena", None, True),
        ("No, my sister is called Lena, not Mira.", "sister is called Mira", None, False),
        ("I don't like tea.", "likes tea", None, False),
        ("I don't like tea.", "likes tea", "like tea", False),
        ("I don't like tea.", "does not like tea", None, True),
        ("I don't like tea but coffee.", "likes coffee", None, True),
        ("Ich mag keinen Tee, sondern Kaffee.", "mag Kaffee", None, True),
        ("Ich mag keinen Tee, sondern Kaffee.", "mag Tee", None, False),
        ("My birthday is on May 3rd.", "birthday is May 3", None, True),
        ("My birthday is on May 3rd.", "birthday is May 4", None, False),
        ("I have two cats.", "has two cats", "Ada: I have two cats.", True),
        ("My sister is called Mira.", "has a sister named Mira", None, True),
        ("My sister is called Mira.", "sister Mira is dead", None, False),
        ("My sister is called Mira.", "Ada's sister is called Mira", None, True),
    ],
)
def test_a_fact_must_say_what_the_sentence_says(said: str, fact: str, quote: str | None, kept: bool) -> None:
    turn = UnreadTurn(1, ADA, "Ada", said, 0.0)
    assert bool(check(ClaimedFact("Ada", fact, quote or said), [turn], {ADA: "Ada"})) is kept


def test_the_number_of_facts_is_bounded() -> None:
    one = SISTER[len('{"facts": [') : -2]
    assert len(claimed_facts('{"facts": [' + ", ".join([one] * 150) + "]}") or ()) <= MAX_FACTS


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_kept_was_said(person: str, fact: str, quote: str) -> None:
    answer = json.dumps({"facts": [{"person": person, "fact": fact, "quote": quote}]})
    for claim in claimed_facts(answer) or ():
        for found in check(claim, [TURN], {ADA: "Ada"}):
            assert found.quote == TURN.text
            assert "\n" not in found.text and found.text
