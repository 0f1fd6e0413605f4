"""Addressing: whether an utterance is for the bot, under each policy, with misspelt names, and in conversations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.utterances.classifier import CONTINUATION_SECONDS, Addressing, AddressingContext
from bot.voice.utterances.names import Names
from config.sections import AnswerPolicy

NAMES = Names(("Seiyuu", "Seiyu", "Sayu", "Saiyu"))
ANNA, BEN = 1, 2
NOBODY = AddressingContext()
WITH_ANNA = AddressingContext(partner=ANNA, quiet_seconds=3.0)


def addressed(
    text: str,
    others: tuple[str, ...] = ("Ben", "xX_Charlotte_Xx 99"),
    context: AddressingContext = NOBODY,
    policy: AnswerPolicy = AnswerPolicy.SMART,
) -> bool:
    return Addressing(policy, NAMES).is_addressed(ANNA, text, others, context)


@pytest.mark.parametrize("others", [(), ("Ben",)])
def test_every_utterance_is_for_the_bot_under_the_policy_always(others: tuple[str, ...]) -> None:
    assert addressed("Ben, are you there?", others, policy=AnswerPolicy.ALWAYS)


def test_the_name_is_needed_under_the_policy_name_even_alone_with_the_bot_and_in_a_conversation() -> None:
    assert addressed("What do you think, Seiyuu?", policy=AnswerPolicy.NAME)
    assert not addressed("What do you think?", (), WITH_ANNA, AnswerPolicy.NAME)


def test_all_utterances_of_a_person_alone_with_the_bot_are_for_it() -> None:
    assert addressed("What a day.", ())


def test_among_several_people_an_utterance_without_the_name_is_for_them() -> None:
    assert not addressed("What a day.")


@pytest.mark.parametrize(
    "text",
    [
        "Seiyuu, what's up?",
        "Hey Sayu!",
        "What do you think, Seiyu?",
        "say you, tell me a story",
        "Sei Yu, are you there?",
        "SEIYUU!",
        "Seiyou, hello",
        "Seiyuu's idea was better",
    ],
)
def test_the_name_counts_in_all_spellings_that_a_transcriber_may_use(text: str) -> None:
    assert addressed(text)


@pytest.mark.parametrize(
    "text",
    ["So you went home?", "Hey Siri, what time is it?", "I was saying that, too.", "Save your game.", "Seoul is big."],
)
def test_words_that_sound_a_little_like_the_name_do_not_count(text: str) -> None:
    assert not addressed(text)


def test_a_conversation_goes_on_without_the_name_for_a_while() -> None:
    assert addressed("And tomorrow?", context=WITH_ANNA)
    assert addressed("And tomorrow?", context=AddressingContext(ANNA, CONTINUATION_SECONDS))
    assert not addressed("And tomorrow?", context=AddressingContext(ANNA, CONTINUATION_SECONDS + 0.1))


def test_the_conversation_continues_only_for_the_person_who_had_it() -> None:
    assert not addressed("And tomorrow?", context=AddressingContext(BEN, 1.0))
    assert not addressed("And tomorrow?", context=AddressingContext(None, 1.0))


@pytest.mark.parametrize("text", ["Ben, are you coming?", "Hey Ben, look at that.", "Charlotte, what about you?"])
def test_calling_another_person_ends_the_conversation_with_the_bot(text: str) -> None:
    assert not addressed(text, context=WITH_ANNA)
    assert addressed(text + " Seiyuu is coming, too.", context=WITH_ANNA)


def test_speaking_about_a_person_is_not_calling_that_person() -> None:
    assert addressed("What would you give to Ben?", context=WITH_ANNA)


@given(
    st.text(),
    st.lists(st.text(), max_size=3).map(tuple),
    st.builds(AddressingContext, st.none() | st.integers(), st.floats(0)),
    st.sampled_from(AnswerPolicy),
)
def test_any_text_and_names_get_an_answer(
    text: str, others: tuple[str, ...], context: AddressingContext, policy: AnswerPolicy
) -> None:
    addressed(text, others, context, policy)
