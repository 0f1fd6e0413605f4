"""Benchmark of the end of a turn: the wait after the last word, and how often people are cut off, per microphone.

Four people say 40 sentences, with pauses of 300 to 900 ms and without. Their voices are espeak-ng's, natural ones, or
recordings. The speech goes through Opus, or with ``--telephone`` over a telephone, whose microphone is always open. The
microphones are the sandbox's. The transcriber is a stand-in which answers with the true words after a fixed delay.
Silero and the rules for the end of a turn are the bot's own. Nothing runs in real time. docs/benchmarks.md says more.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import soxr
from rich.progress import Progress

from audio.g711 import Law
from audio.samples import HEARING_RATE, Sound16
from benchmarks.command_line import Report, Run, interruptible, make_parser, run
from benchmarks.end_of_turn_call import SentenceOutcome, SimulatedCall
from benchmarks.end_of_turn_noise import five_minutes
from benchmarks.end_of_turn_report import MIN_CONSOLE_WIDTH, WAITS, EndOfTurnResult, MicrophoneRow, end_of_turn_report
from benchmarks.end_of_turn_sentences import SENTENCES
from benchmarks.end_of_turn_voices import PEOPLE, EspeakVoices, NaturalVoices, RecordedVoices, Voices, with_pauses
from benchmarks.speakers.weights import SpeakersError
from benchmarks.telephone import CallerLine, add_telephone, through_telephone
from bot.voice.frames import AudioFrame
from bot.voice.turns.turns import TurnDetectors, load_turn_policy
from bot.voice.turns.voice_activity import WINDOW_SAMPLES
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.voice.microphone import OpenMicrophone, PushToTalk, SimulatedMicrophone, VoiceActivity
from sandbox.voice.opus import SAMPLE_RATE

VOICES = ("espeak", "natural", "recorded")
PAUSES = (0.3, 0.9)
RELEASES = (0.02, 0.3)
"""Range of the time from the last word to the release of the key, in seconds."""
QUIET = 1.0
ROOM_BEFORE, ROOM_AFTER = 0.5, 3.0
"""Room noise before and after each sentence on an open microphone, in seconds."""
PACKET = HEARING_RATE // 50


class EndOfTurnMeasurement:
    """The whole run. The same seed gives the same sentences, voices and pauses."""

    def __init__(
        self,
        transcription: float,
        queued: bool,
        seed: int,
        network: Path | None,
        cache: Path,
        telephone: Law | None = None,
    ) -> None:
        self._transcription = transcription
        self._queued = queued
        self._seed = seed
        self._cache = cache
        self._telephone = telephone
        usual = load_turn_policy(network)
        self._policy = usual if telephone is None else usual.for_telephones()

    async def rows(self, kinds: Sequence[str]) -> AsyncIterator[MicrophoneRow]:
        """Measure each kind of voice with each kind of microphone, without pauses and with them.

        Raises:
            SpeakersError: natural voices or recordings can't be downloaded.
        """
        for kind in kinds:
            voices = self._voices(kind)
            for microphone in microphones(self._telephone):
                for paused in (False, True):
                    people = [await self._person(voices, microphone, paused, number) for number in range(PEOPLE)]
                    yield MicrophoneRow(kind, microphone, paused, people)

    def _voices(self, kind: str) -> Voices:
        match kind:
            case "natural":
                return NaturalVoices(self._cache)
            case "recorded":
                return RecordedVoices(self._cache)
            case _:
                return EspeakVoices()

    async def _person(self, voices: Voices, kind: str, paused: bool, number: int) -> list[SentenceOutcome]:
        random = np.random.default_rng([self._seed, number])
        sentences = np.random.default_rng(self._seed).permutation(len(SENTENCES))[number::PEOPLE]
        voice = voices.person(number, random)
        opens = kind == "open"
        call = SimulatedCall(
            self._policy,
            self._microphone(kind),
            transcription=self._transcription,
            queued=self._queued,
            silence=0.0 if opens else 3.0,
            line=None if self._telephone is None else CallerLine(self._telephone),
        )
        outcomes = []
        for sentence in sentences:
            spoken = voice.say(int(sentence), paused=paused)
            pauses = [float(random.uniform(*PAUSES)) if paused else 0.0 for _ in spoken.parts[1:]]
            release = float(random.uniform(*RELEASES)) if kind == "push-to-talk" else QUIET
            speech = with_pauses(spoken, pauses, release)
            outcomes.append(await call.say(speech, before=ROOM_BEFORE if opens else 0.0))
            # A signal can cancel this only where other tasks can run, and nothing else here lets them.
            await asyncio.sleep(0)
        return outcomes

    def _microphone(self, kind: str) -> SimulatedMicrophone:
        match kind:
            case "push-to-talk":
                return PushToTalk()
            case "voice activity":
                return VoiceActivity()
            case _:
                return OpenMicrophone(before=ROOM_BEFORE, after=ROOM_AFTER, seed=self._seed)

    def noise(self) -> dict[str, int]:
        """Play noise to an open microphone; returns the number of events for each kind of noise."""
        found = {}
        for name, played in five_minutes(self._seed).items():
            sound = played if self._telephone is None else noise_over_telephone(played, self._telephone)
            turns = TurnDetectors(self._policy)
            found[name] = sum(
                len(turns.process(AudioFrame(1, sound[at : at + PACKET], at / HEARING_RATE)))
                for at in range(0, len(sound), PACKET)
            )
        return found

    def window_us(self) -> float:
        """The time that Silero takes for one window, in microseconds: the median of a thousand."""
        probability, window, times = self._policy.voice_activity.make_stream(), np.zeros(WINDOW_SAMPLES, np.float32), []
        for _ in range(1000):
            began = time.perf_counter()
            probability(window)
            times.append(time.perf_counter() - began)
        return float(np.median(times)) * 1e6


def microphones(telephone: Law | None) -> Sequence[str]:
    """The kinds of microphones that are measured."""
    return tuple(WAITS) if telephone is None else ("open",)


def noise_over_telephone(sound: Sound16, law: Law) -> Sound16:
    """What the bot hears of a noise at 16,000 Hz beside a telephone."""
    return through_telephone(np.asarray(soxr.resample(sound, HEARING_RATE, SAMPLE_RATE), np.float32), law)


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeakersError, min_width=MIN_CONSOLE_WIDTH)


def _run(run: Run) -> Report:
    arguments = run.arguments
    cache, law = load_settings().cache_dir, arguments.telephone
    measurement = EndOfTurnMeasurement(
        arguments.transcription_ms / 1000, arguments.queued, arguments.seed, arguments.network, cache, law
    )
    with Progress(console=run.console, transient=True) as progress:
        rows = asyncio.run(interruptible(_measured(measurement, arguments.voices, microphones(law), progress)))
        noise = measurement.noise()
    options: dict[str, float | str | None] = {
        "transcription_ms": arguments.transcription_ms,
        "queued": float(arguments.queued),
        "seed": arguments.seed,
        "telephone": law,
    }
    result = EndOfTurnResult(run.machine, options, rows, noise, measurement.window_us())
    return end_of_turn_report(result)


async def _measured(
    measurement: EndOfTurnMeasurement, voices: Sequence[str], kinds: Sequence[str], progress: Progress
) -> list[MicrophoneRow]:
    bar = progress.add_task("talking", total=2 * len(kinds) * len(voices) + 1)
    rows = []
    async for row in measurement.rows(voices):
        rows.append(row)
        progress.advance(bar)
    return rows


def _parser() -> PlainParser:
    parser = make_parser("end_of_turn", __doc__)
    parser.add_argument("--transcription-ms", type=float, default=210, help="delay of the stand-in transcriber")
    parser.add_argument(
        "--queued", action="store_true", help="transcribe one sound after another, and cancel none that has begun"
    )
    add_telephone(parser)
    parser.add_argument("--network", type=Path, help="a file of Silero's network, in place of faster-whisper's copy")
    parser.add_argument("--voices", nargs="+", choices=VOICES, default=VOICES, help="default: all")
    parser.add_argument("--seed", type=int, default=1, help="seed of voices, pauses, order and noise")
    return parser


if __name__ == "__main__":
    sys.exit(main())
