"""Keeps a tiny model from repeating people's questions instead of answering them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from bot.llm.messages import CJK, ChatMessage

_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?…؟])\s+|(?<=[。！？])")
_QUESTION_MARKS = frozenset("?？؟")
_HEAD = re.compile(r"(?:\W*[^\W\d_]+(?:\s+[^\W\d_]+)?\s*,)*")
"""Names and greetings before a question, as in "Hi there, Seiyuu, what is that?"."""
_MIN_WORDS = 3
_ANY_WORD = re.compile(r"\w+")
_WORD = re.compile(r"[^\W\d_]{2,}")
QUESTION_WORDS = frozenset(
    (
        *("what", "which", "who", "where", "when", "why", "how", "do", "does", "did", "is", "are", "was"),
        *("can", "could", "would", "will", "should", "may", "have", "has", "had", "am"),
        *("wie", "wer", "wann", "warum", "welche", "welcher", "comment", "quel", "quelle", "pourquoi", "que", "qué"),
        *("come", "che", "hoe", "wat", "waar", "waarom", "qual", "quem"),
    )
)
"""Words with which questions begin, in languages that small models are asked in.

If a word is forbidden, llama.cpp forbids each of its tokens. Each English word here is a single token of SmolLM2. Words
of which one token is a small letter from a to z, such as the "o" of "Wo", are left out: without that letter the model
can't write.
"""


def statements(text: str) -> str:
    """What a text tells: its sentences, except questions and sentences of one or two words, such as greetings."""
    return " ".join(sentence for sentence in _BETWEEN_SENTENCES.split(text) if _tells(sentence))


def no_repetition(messages: Sequence[ChatMessage]) -> dict[str, Any]:
    """The fields that keep a model on a llama.cpp server from repeating the questions in the newest line.

    The answer may not have the word with which such a question begins, spelled as at the beginning of a sentence: the
    answer to "What is the capital of France?" has no "What". If a name or a greeting is before the question, the
    word is forbidden in lower case too. Only :data:`QUESTION_WORDS` are forbidden. Others, such as a name, may be a
    part of the answer.
    """
    earlier, _, line = messages[-1].content.rpartition("\n")
    # A message of a single line does not begin with a name (:mod:`bot.llm.small_model`).
    text = line.partition(": ")[2] if earlier else line
    words = [spelling for sentence in _BETWEEN_SENTENCES.split(text) for spelling in _first_word(sentence)]
    return {"logit_bias": [[word, False] for word in dict.fromkeys(words)]} if words else {}


def _first_word(sentence: str) -> Iterator[str]:
    """The first word of a question, in all spellings that a repetition may begin with. Nothing for other sentences."""
    head = _HEAD.match(sentence)
    begin = head.end() if head is not None else 0
    word = _WORD.search(sentence, begin)
    if word is None or not _is_question(sentence) or word[0].lower() not in QUESTION_WORDS:
        return
    capital = word[0].capitalize()
    yield from (capital, f" {capital}")
    if begin:
        yield f" {word[0].lower()}"


def _tells(sentence: str) -> bool:
    enough = len(_ANY_WORD.findall(sentence)) >= _MIN_WORDS or CJK.search(sentence) is not None
    return enough and not _is_question(sentence)


def _is_question(sentence: str) -> bool:
    end = takewhile(lambda character: not character.isalnum(), reversed(sentence))
    return not _QUESTION_MARKS.isdisjoint(end)
