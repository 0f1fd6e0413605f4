"""Whether a guest of the demonstration could understand what the bot said, scored by ears that heard it as they did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import soxr

from audio.samples import HEARING_RATE
from bot.voice.metrics import TurnTrace
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionRequest, Urgency
from sandbox.recogniser import SentenceRecogniser
from sandbox.voice.opus import SAMPLE_RATE, Sound
from sandbox.word_errors import NO_WORDS, WordErrors, word_errors
from toys.llm.phrases import TOY_PHRASES, expected_phrase

CLEAR_ENOUGH = 0.35
"""Agreement with the small recogniser from which speech counts as understood; another text stays below 0.3."""
MOST_ERRORS = 10.0
"""The word error rate, in percent, up to which the bot was understood."""


@dataclass(frozen=True, slots=True, eq=False)
class HeardAnswer:
    """An answer as a guest heard it.

    Attributes:
        guest: who asked.
        question: what they said.
        understood: what the bot took it for; empty where it did not say.
        meant: the answer's text, as far as it was spoken.
        heard: its sound as the guest heard it, 48,000 Hz mono.
    """

    guest: str
    question: str
    understood: str
    meant: str
    heard: Sound
    trace: TurnTrace


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """What came of one answer: a line for people, and the same as fields."""

    good: bool
    line: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class CallScore:
    """What came of the call."""

    answers: Sequence[AnswerScore]
    good: bool
    line: str
    fields: dict[str, object]


class Scorer(Protocol):
    """Ears of its own that score the answers after the call."""

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Listen to all of them."""
        ...


class NoScorer:
    """Where no ears are there that could understand any text: that something was heard is enough."""

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Take every answer for good."""
        return CallScore((), True, "Every reply was heard.", {})


class PhraseScorer:
    """Knows the toy model's answers, and which of them belongs to a question."""

    def __init__(self) -> None:
        self._answers = tuple(phrase.answer for phrase in TOY_PHRASES if phrase.answer.isascii())
        self._recogniser = SentenceRecogniser(self._answers)

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Listen with PocketSphinx."""
        scores = [await asyncio.to_thread(self._score_one, answer) for answer in answers]
        good = all(score.good for score in scores)
        line = "Every reply was intelligible." if good else "not every reply was intelligible"
        return CallScore(scores, good, line, {})

    def _score_one(self, answer: HeardAnswer) -> AnswerScore:
        match = self._recogniser.closest(answer.heard, SAMPLE_RATE, self._answers)
        good = match.text == expected_phrase(answer.question).answer and match.agreement >= CLEAR_ENOUGH
        line = (
            f"{'✔' if good else '✘'} Answer to {answer.question!r} {'understood' if good else 'not understood'} by a "
            f"speech recogniser (agreement {match.agreement:.2f}; another text stays below 0.3)"
        )
        return AnswerScore(good, line, {"agreement": round(match.agreement, 3)})


class TranscriptScorer:
    """Real ears: the words that they hear, against those that the bot meant to say.

    Args:
        ears: a transcriber of the scorer's own; it is closed when the score is made.
        names: of the people in the call, which whoever is in it knows.
    """

    def __init__(self, ears: Transcriber, names: tuple[str, ...] = ()) -> None:
        self._ears = ears
        self._names = names

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Transcribe what was heard; good up to :data:`MOST_ERRORS` percent over the whole call.

        Raises:
            TranscriptionError: the ears can't be had.
        """
        try:
            scored = [await self._score_one(answer) for answer in answers]
        finally:
            await self._ears.close()
        whole = sum((errors for errors, _ in scored), NO_WORDS)
        good = whole.percent <= MOST_ERRORS
        line = (
            f"What the guests heard is {whole.words - whole.errors} of the {whole.words} words "
            f"that the bot said: a word error rate of {whole.percent:.0f} % (up to {MOST_ERRORS:.0f} % is good)."
        )
        return CallScore([score for _, score in scored], good, line, {"word_error_rate": round(whole.percent / 100, 4)})

    async def _score_one(self, answer: HeardAnswer) -> tuple[WordErrors, AnswerScore]:
        sound = soxr.resample(answer.heard, SAMPLE_RATE, HEARING_RATE)
        heard = (await self._ears.transcribe(TranscriptionRequest(sound, Urgency.FINAL, self._names))).text
        errors = word_errors(answer.meant, heard)
        good = errors.percent <= MOST_ERRORS
        line = f"{'✔' if good else '–'} {answer.guest} heard: {heard}"
        return errors, AnswerScore(
            good, line, {"heard_by_guest": heard, "errors": errors.errors, "words": errors.words}
        )


def write_report(path: Path, answers: Sequence[HeardAnswer], score: CallScore) -> None:
    """Write the call as JSON: each answer with what was meant and heard, and when. Blocks."""
    scores: Iterable[AnswerScore | None] = score.answers or [None] * len(answers)
    turns = [
        {
            "guest": answer.guest,
            "question": answer.question,
            "heard_by_bot": answer.understood,
            "answer": answer.meant,
            **({"good": one.good, **one.fields} if one else {}),
            "times": answer.trace.as_json(),
        }
        for answer, one in zip(answers, scores, strict=True)
    ]
    report = {"good": score.good, **score.fields, "turns": turns}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
