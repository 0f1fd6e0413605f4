"""Benchmark of Whisper: word error rate and time of each model, by the length of its context and the number of threads.

The context is what the decoder gets: the turn and the silence behind it. The encoder runs on the whole context only if
that has 30 seconds. Otherwise the encoder runs on little more than the turn, as in a call. If the text of a turn is
improbable or repeats itself, the turn is recognised again with 30 seconds for both.

With ``--english``, the quick model for English hears each turn before Whisper, as in a call: first the turn's
beginnings, for interim transcripts, and then the whole turn. English counts as the usual language of those who speak
it. Those who speak other languages have no usual one.

Natural voices and, with ``--recorded``, recorded people speak short turns. The sound reaches the model directly,
without Opus, or with ``--telephone`` over a telephone. Other languages are counted separately: recorded people, who say
only single words in German, and natural voices in Japanese and Chinese, whose errors are counted by characters.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audio.g711 import Law
from audio.samples import HEARING_RATE, Sound16
from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.speakers.bank import bank
from benchmarks.speakers.natural import NaturalSpeech
from benchmarks.speakers.phonetic import SPEAKERS as PHONETIC
from benchmarks.speakers.phonetic import phonetic_lines, simplified
from benchmarks.speakers.recorded import LANGUAGES, read_sentence, recorded_sentences
from benchmarks.speakers.recorded_words import german_words
from benchmarks.speakers.weights import SpeakersError, kokoro_files
from benchmarks.statistics import Spread, spread
from benchmarks.telephone import add_telephone, through_telephone
from benchmarks.whisper import open_english_first, open_whisper
from bot.voice.transcribe.english_first import ENGLISH
from bot.voice.transcribe.recogniser import LONG_CONTEXT, MAX_SHORT_SOUND, SHORT_CONTEXT, Recogniser, RecognitionResult
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.voice.opus import SAMPLE_RATE, Sound
from sandbox.word_errors import NO_WORDS, WordErrors, word_errors

MAX_MORE_ERRORS = 0.3
"""The short context may have at most this many percentage points more errors than the long one."""
OTHER_LANGUAGES = ("de", *LANGUAGES[1:], *PHONETIC)
"""Whisper's codes for the languages of ``--languages``."""
INTERIM_STEP = HEARING_RATE // 2
"""Samples from one interim transcript of a turn to the next."""
MAX_TELEPHONE_ERRORS = {"natural": 6.0, "recorded": 10.0}
"""The word error rate over a telephone may be at most this, in percent: of natural voices and of recorded people."""
MAX_MS = 200.0
"""The short context's median time is to be at most this long with two threads, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A sentence, its sound (mono, 16,000 Hz), Whisper's code for its language, and whether a person was recorded."""

    text: str
    sound: Sound16
    language: str = "en"
    recorded: bool = False

    @property
    def seconds(self) -> float:
        """Duration of the sound."""
        return len(self.sound) / HEARING_RATE


@dataclass(frozen=True, slots=True)
class EarsFigures:
    """The figures of one model, language, context and number of threads.

    Attributes:
        turns: number of turns.
        words: number of words that were said.
        errors: number of wrong, missing and additional words.
        percent: the word error rate.
        ms: time of a turn, in milliseconds.
        by_english: number of turns whose words are those of the quick model for English; ``None`` without it.
        recorded_words, recorded_errors: how many of ``words`` and ``errors`` are those of recorded people.
    """

    model: str
    language: str
    context_seconds: float
    threads: int
    turns: int
    words: int
    errors: int
    percent: float
    ms: Spread
    by_english: int | None = None
    recorded_words: int = 0
    recorded_errors: int = 0

    def rates(self) -> dict[str, float]:
        """The word error rate of each kind of speakers, in percent."""
        recorded = WordErrors(self.recorded_errors, self.recorded_words)
        natural = WordErrors(self.errors - recorded.errors, self.words - recorded.words)
        kinds = {"natural": natural, "recorded": recorded}
        return {kind: errors.percent for kind, errors in kinds.items() if errors.words}


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeakersError)


def _run(run: Run) -> Report:
    arguments = run.arguments
    cache = load_settings().cache_dir
    law = arguments.telephone
    spoken = {"en": _turns(arguments.utterances, cache, law)}
    for language in ["en"] * arguments.recorded + arguments.languages:
        spoken[language] = [*spoken.get(language, ()), *_others(cache, language, law)]
    found = [
        _measure(model, context, threads, language, arguments.detect, turns, run.console)
        for model in arguments.models or [cache / "weights" / "whisper-base"]
        for language, turns in spoken.items()
        for threads in arguments.threads
        for context in arguments.contexts
    ]
    if arguments.english is not None:
        found += [
            _measure_english(arguments.english, model, threads, language, turns, run.console)
            for model in arguments.models or [cache / "weights" / "whisper-base"]
            for language, turns in spoken.items()
            for threads in arguments.threads
        ]
    return Report(
        lambda console: _print(found, console),
        _verdicts(found) if law is None else telephone_verdicts(found),
        {"machine": run.machine, "telephone": law, "ears": [asdict(one) for one in found]},
    )


def short_turns(number: int, cache: Path, *, recorded: bool) -> list[Turn]:
    """The short turns among the first ``number`` utterances of the bank and, if ``recorded``, the recordings. Blocks.

    Raises:
        SpeakersError: speakers or recordings can't be downloaded.
    """
    return _turns(number, cache) + (_recorded(cache, "en") if recorded else [])


def _turns(number: int, cache: Path, law: Law | None = None) -> list[Turn]:
    speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")
    return _short(Turn(line.text, _as_heard(speech.say(line), law)) for line in bank()[:number])


def _others(cache: Path, language: str, law: Law | None) -> list[Turn]:
    if language == "de":
        words = german_words(cache / "debian")
        return [Turn(one.text, _as_heard(one.sound, law), language, True) for one in words]
    if language in PHONETIC:
        speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")
        lines = phonetic_lines(language)
        return [Turn(line.text, _as_heard(speech.say(line), law), language) for line in lines]
    return _recorded(cache, language, law)


def _recorded(cache: Path, language: str, law: Law | None = None) -> list[Turn]:
    recordings = recorded_sentences(cache / "debian", language)
    return _short(Turn(one.text, _as_heard(read_sentence(one), law), language, True) for one in recordings)


def _short(turns: Iterable[Turn]) -> list[Turn]:
    """The turns that the bot recognises with the short context."""
    return [turn for turn in turns if len(turn.sound) <= MAX_SHORT_SOUND * HEARING_RATE]


def _as_heard(sound: Sound, law: Law | None) -> Sound16:
    """The sound at 16,000 Hz, over a telephone if ``law`` is given."""
    if law is not None:
        return through_telephone(sound, law)
    return np.asarray(soxr.resample(sound, SAMPLE_RATE, HEARING_RATE), np.float32)


def _measure(
    model: Path,
    context: float,
    threads: int,
    language: str,
    detect: bool,
    turns: Sequence[Turn],
    console: Console,
) -> EarsFigures:
    recogniser = Recogniser(open_whisper(model, threads), None if detect else language, "int8", context)
    errors, of_recorded, times = NO_WORDS, NO_WORDS, []
    recogniser.transcribe(turns[0].sound)
    for turn in track(
        turns, f"{model.name}, {language}, {context:g} s, {threads} threads", console=console, transient=True
    ):
        began = time.perf_counter()
        found = recogniser.transcribe(turn.sound)
        times.append(1000 * (time.perf_counter() - began))
        wrong = _errors(turn, found)
        errors += wrong
        of_recorded += wrong if turn.recorded else NO_WORDS
    return EarsFigures(
        model.name,
        language,
        context,
        threads,
        len(turns),
        errors.words,
        errors.errors,
        errors.percent,
        spread(times),
        recorded_words=of_recorded.words,
        recorded_errors=of_recorded.errors,
    )


def _measure_english(
    english: Path, model: Path, threads: int, language: str, turns: Sequence[Turn], console: Console
) -> EarsFigures:
    _, quick = open_english_first(english, model, threads)
    errors, of_recorded, times, by_english = NO_WORDS, NO_WORDS, [], 0
    usual = language if language == ENGLISH else None
    quick.transcribe(turns[0].sound)
    for turn in track(turns, f"{english.name}, {language}, {threads} threads", console=console, transient=True):
        for end in range(INTERIM_STEP, len(turn.sound), INTERIM_STEP):
            quick.transcribe(turn.sound[:end], usual=usual, once=True)
        began = time.perf_counter()
        found = quick.transcribe(turn.sound, usual=usual)
        times.append(1000 * (time.perf_counter() - began))
        by_english += found.by_english
        wrong = _errors(turn, found)
        errors += wrong
        of_recorded += wrong if turn.recorded else NO_WORDS
    return EarsFigures(
        f"{english.name}, {model.name}",
        language,
        SHORT_CONTEXT,
        threads,
        len(turns),
        errors.words,
        errors.errors,
        errors.percent,
        spread(times),
        by_english,
        of_recorded.words,
        of_recorded.errors,
    )


def _errors(turn: Turn, found: RecognitionResult) -> WordErrors:
    """The wrong words of a turn; in Japanese and Chinese, the wrong characters."""
    heard = " ".join(segment.text for segment in found.segments)
    return word_errors(turn.text, simplified(heard) if turn.language == "zh" else heard, turn.language)


def _verdicts(found: Sequence[EarsFigures]) -> list[tuple[str, bool]]:
    """The targets, for each model, language and number of threads that were measured with the long and the short
    context.
    """
    by_key = {(one.model, one.language, one.threads, one.context_seconds): one for one in found}
    verdicts = []
    for (model, language, threads, context), short in by_key.items():
        long = by_key.get((model, language, threads, LONG_CONTEXT))
        if context != SHORT_CONTEXT or long is None:
            continue
        name = f"{model}, {language}, {threads} threads"
        verdicts.append(
            (
                f"{name}: at most {MAX_MORE_ERRORS} points more errors than with {LONG_CONTEXT:g} s",
                short.percent <= long.percent + MAX_MORE_ERRORS,
            )
        )
        if threads == 2:
            verdicts.append((f"{name}: at most {MAX_MS:.0f} ms in the median", short.ms.median <= MAX_MS))
    return verdicts


def telephone_verdicts(found: Sequence[EarsFigures]) -> list[tuple[str, bool]]:
    """The targets over a telephone, for English turns with the bot's context."""
    return [
        (
            f"{one.model}, {one.threads} threads, {kind} voices: at most {MAX_TELEPHONE_ERRORS[kind]:g} % word errors",
            rate <= MAX_TELEPHONE_ERRORS[kind],
        )
        for one in found
        if one.language == "en" and one.context_seconds == SHORT_CONTEXT
        for kind, rate in one.rates().items()
    ]


def _print(found: Sequence[EarsFigures], console: Console) -> None:
    table = Table(
        "model",
        "language",
        "threads",
        "context",
        "turns",
        "words",
        "errors",
        "rate",
        "natural, recorded",
        "ms, median / 95 %",
        "by Moonshine",
    )
    for one in found:
        table.add_row(
            one.model,
            one.language,
            str(one.threads),
            f"{one.context_seconds:g} s",
            str(one.turns),
            str(one.words),
            str(one.errors),
            f"{one.percent:.2f} %",
            ", ".join(f"{rate:.2f} %" for rate in one.rates().values()),
            one.ms.median_and_p95,
            "" if one.by_english is None else str(one.by_english),
        )
    console.print(
        f"Turns of at most {MAX_SHORT_SOUND:g} s, int8 on the CPU; in Japanese and Chinese, each character is a word"
    )
    console.print(table)


def _context(text: str) -> float:
    seconds = float(text)
    if not 1.0 <= seconds <= LONG_CONTEXT:
        raise argparse.ArgumentTypeError(f"a context has 1 to {LONG_CONTEXT:g} seconds")
    return seconds


def _parser() -> PlainParser:
    parser = make_parser("ears", __doc__)
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="Whisper models; by default the downloaded base",
    )
    parser.add_argument(
        "--contexts",
        type=_context,
        nargs="+",
        default=[LONG_CONTEXT, SHORT_CONTEXT],
        metavar="SECONDS",
        help="contexts of the decoder, 1 to 30 seconds; by default Whisper's own and the bot's",
    )
    parser.add_argument("--threads", type=count, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--utterances", type=count, default=100, help="number of sentences that are said, at most 200")
    parser.add_argument("--recorded", action="store_true", help="also use recorded people (Debian's announcements)")
    parser.add_argument(
        "--languages", nargs="+", choices=OTHER_LANGUAGES, default=[], help="also measure these other languages"
    )
    add_telephone(parser)
    parser.add_argument("--english", type=Path, metavar="FOLDER", help="also measure this quick model for English")
    parser.add_argument("--detect", action="store_true", help="detect the language, as in a person's first turn")
    return parser


if __name__ == "__main__":
    sys.exit(main())
