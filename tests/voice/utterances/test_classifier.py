"""Classification of utterances whose words alone do not tell their kind."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.voice.utterances.classifier import CallClassifier, Utterance, UtteranceKind
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import AnswerPolicy
from tests.voice.doubles import FixedCharacter

QUESTION = "What is the capital of France?"


@dataclass(frozen=True, slots=True)
class QuestionRepeated:
    """A bot that has just repeated a person's question."""

    answering: bool = False
    quiet_since: float | None = 0.0
    recently_spoken: str = f"You asked: {QUESTION} It is Paris."


class NoOtherPeople:
    """The other people in a call in which one person is alone with the bot."""

    def others(self, person: int) -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize("interrupting", [False, True])
@pytest.mark.parametrize(("may_be_echo", "kind"), [(True, UtteranceKind.ECHO), (False, UtteranceKind.ADDRESSED)])
def test_words_of_the_bot_are_an_echo_only_if_the_sound_may_be_one(
    interrupting: bool, may_be_echo: bool, kind: UtteranceKind
) -> None:
    classifier = CallClassifier(
        QuestionRepeated(), NoOtherPeople(), FixedCharacter(), AnswerPolicy.SMART, load_word_lists(), clock=lambda: 1.0
    )
    assert classifier.classify(Utterance(1, QUESTION, interrupting, may_be_echo)).kind is kind
