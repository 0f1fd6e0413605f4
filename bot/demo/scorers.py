"""Scores the demonstration: recognises the speech that the guests received, and compares it with the bot's answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from audio.samples import FRAME_SECONDS, HEARING_RATE
from bot.voice.metrics import ReplyTrace
from bot.voice.reply_waits import waits_as_json
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionRequest, Urgency
from sandbox.recogniser import SentenceRecogniser
from sandbox.voice.opus import SAMPLE_RATE, Sound
from sandbox.word_errors import NO_WORDS, WordErrors, letter_errors, word_errors
from toys.llm.phrases import TOY_PHRASES, expected_phrase

CLEAR_ENOUGH = 0.35
"""An answer counts as understood if the words that the small recogniser hears agree at least this much with its text,
from 0 to 1. A wrong text stays below 0.3."""
SILENCE = 0.3
"""Seconds of silence that are added before and behind an answer: Whisper mistakes words at the edge of a sound."""
MAX_WRONG_LETTERS = 8.0
"""Answers count as understood if at most this percentage of their letters is wrong.

A limit for words would be too coarse: many answers are short. In 7 calls with good sound, 1 to 14 % of the words were
wrong, and 1 to 4 % of the letters.
"""


@dataclass(frozen=True, slots=True, eq=False)
class HeardAnswer:
    """An answer of the bot, as a guest received it.

    Attributes:
        guest: name of the guest who asked.
        question: the words of the question.
        understood: the bot's transcript of the question; empty if the bot reported none.
        meant: the answer's text, as far as it was spoken.
        heard: the sound that the guest received, 48,000 Hz mono.
        trace: times of the turn.
    """

    guest: str
    question: str
    understood: str
    meant: str
    heard: Sound
    trace: ReplyTrace


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """Score of one answer.

    Attributes:
        good: whether the answer was understood.
        line: the result as a line for people.
        fields: the result as fields for the JSON report.
    """

    good: bool
    line: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class CallScore:
    """Score of the whole call.

    Attributes:
        answers: the scores of the answers; empty if they were not scored one by one.
        good: whether the bot was understood.
        line: the result as a line for people.
        fields: the result as fields for the JSON report.
    """

    answers: Sequence[AnswerScore]
    good: bool
    line: str
    fields: dict[str, object]


class Scorer(Protocol):
    """Scores the answers after the call, with a separate speech recogniser."""

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Score all answers of the call."""
        ...


class NoScorer:
    """Accepts every answer that guests received. Used if no recogniser for arbitrary text is available."""

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Accept every answer."""
        return CallScore((), True, "Every reply was heard.", {})


class PhraseScorer:
    """Scores the answers of the toy language model, which has only a few known answers."""

    def __init__(self) -> None:
        self._answers = tuple(phrase.answer for phrase in TOY_PHRASES if phrase.answer.isascii())
        self._recogniser = SentenceRecogniser(self._answers)

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Compare each answer with the known answers, with PocketSphinx."""
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
    """Transcribes the answers with a real transcriber, and compares the words with those that the bot meant to say.

    Args:
        transcriber: used only by this scorer, which closes it after scoring.
        names: names of the people in the call, as hints for the transcriber.
    """

    def __init__(self, transcriber: Transcriber, names: tuple[str, ...] = ()) -> None:
        self._transcriber = transcriber
        self._names = names

    async def score(self, answers: Sequence[HeardAnswer]) -> CallScore:
        """Transcribe the answers. The call is good if few of all its letters are wrong: :data:`MAX_WRONG_LETTERS`.

        Raises:
            TranscriptionError: the transcriber failed.
        """
        try:
            scored = [await self._score_one(answer) for answer in answers]
        finally:
            await self._transcriber.close()
        words = sum((words for words, _, _ in scored), NO_WORDS)
        letters = sum((letters for _, letters, _ in scored), NO_WORDS)
        good = letters.percent <= MAX_WRONG_LETTERS
        line = (
            f"What the guests heard is {words.words - words.errors} of the {words.words} words that the bot said. "
            f"{letters.percent:.0f} % of the letters are wrong (up to {MAX_WRONG_LETTERS:.0f} % is good)."
        )
        gaps = sum(answer.trace.underruns for answer in answers) * FRAME_SECONDS
        if gaps and not good:
            line += f" The sound had gaps of {gaps:.1f} s, because this machine was too busy: close other programs."
        rates: dict[str, object] = {
            "word_error_rate": round(words.percent / 100, 4),
            "letter_error_rate": round(letters.percent / 100, 4),
        }
        return CallScore([score for _, _, score in scored], good, line, rates)

    async def _score_one(self, answer: HeardAnswer) -> tuple[WordErrors, WordErrors, AnswerScore]:
        """The wrong words and the wrong letters of an answer, and its score."""
        sound = np.pad(soxr.resample(answer.heard, SAMPLE_RATE, HEARING_RATE), round(SILENCE * HEARING_RATE))
        heard = (await self._transcriber.transcribe(TranscriptionRequest(sound, Urgency.FINAL, self._names))).text
        words, letters = word_errors(answer.meant, heard), letter_errors(answer.meant, heard)
        good = letters.percent <= MAX_WRONG_LETTERS
        line = f"{'✔' if good else '–'} {answer.guest} heard: {heard}"
        fields = {"heard_by_guest": heard, "errors": words.errors, "words": words.words}
        return words, letters, AnswerScore(good, line, fields)


def write_report(path: Path, answers: Sequence[HeardAnswer], score: CallScore) -> None:
    """Write the call's report as JSON: for each answer its text, transcript, score and times. Blocks on the disk."""
    scores: Iterable[AnswerScore | None] = score.answers or [None] * len(answers)
    turns = [turn_as_json(answer, one) for answer, one in zip(answers, scores, strict=True)]
    report = {"good": score.good, **score.fields, "turns": turns}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def turn_as_json(answer: HeardAnswer, score: AnswerScore | None = None) -> dict[str, object]:
    """One question and its answer as fields for a report, with the score if there is one."""
    return {
        "guest": answer.guest,
        "question": answer.question,
        "heard_by_bot": answer.understood,
        "answer": answer.meant,
        **({"good": score.good, **score.fields} if score else {}),
        "times": answer.trace.as_json(),
        "waited_for": waits_as_json(answer.trace),
    }
