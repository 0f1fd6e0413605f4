"""Benchmark of the end of a turn: the wait after the last word, and how many people are cut off, per microphone.

Four people say 40 sentences, with pauses of 300 to 900 ms and without. The speech is espeak-ng's and goes through
Opus. The microphones are the sandbox's. The transcriber is a stand-in with a fixed delay, which knows the true words.
Silero and the rules for the end of a turn are the bot's own. Nothing runs in real time. docs/benchmarks.md says more.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
from rich.progress import Progress

from audio.espeak import load_espeak
from audio.samples import HEARING_RATE
from benchmarks.command_line import Report, Run, interruptible, make_parser, run
from benchmarks.end_of_turn_call import SentenceOutcome, SimulatedCall
from benchmarks.end_of_turn_noise import five_minutes
from benchmarks.end_of_turn_report import NARROWEST, WAITS, EndOfTurnResult, MicrophoneRow, end_of_turn_report
from benchmarks.end_of_turn_sentences import SENTENCES
from benchmarks.end_of_turn_speech import SentenceSpeaker
from bot.voice.frames import AudioFrame
from bot.voice.turns.turns import TurnDetectors, load_turn_policy
from bot.voice.turns.voice_activity import WINDOW_SAMPLES
from config.plain_parser import PlainParser
from sandbox.speech import GuestVoice
from sandbox.voice.microphone import OpenMicrophone, PushToTalk, SimulatedMicrophone, VoiceActivity

PEOPLE = 4
VOICES = {
    "English": ("English (America)", "English (Great Britain)", "English (Scotland)", "English (Caribbean)"),
    "German": ("German",),
    "French": ("French (France)",),
    "Spanish": ("Spanish (Spain)",),
}
PAUSES = (0.3, 0.9)
RELEASES = (0.02, 0.3)
"""Range of the time from the last word to the release of the key, in seconds."""
QUIET = 1.0
ROOM_BEFORE, ROOM_AFTER = 0.5, 3.0
"""Room noise before and after each sentence on an open microphone, in seconds."""
PACKET = HEARING_RATE // 50


class EndOfTurnMeasurement:
    """The whole run. The same seed gives the same sentences, voices and pauses."""

    def __init__(self, transcription: float, seed: int, network: Path | None) -> None:
        self._transcription = transcription
        self._seed = seed
        self._policy = load_turn_policy(network)
        self._library = load_espeak()

    async def rows(self) -> AsyncIterator[MicrophoneRow]:
        """Measure each kind of microphone without pauses, then with them."""
        for microphone in WAITS:
            for paused in (False, True):
                people = [await self._person(microphone, paused, number) for number in range(PEOPLE)]
                yield MicrophoneRow(microphone, paused, people)

    async def _person(self, kind: str, paused: bool, number: int) -> list[SentenceOutcome]:
        random = np.random.default_rng([self._seed, number])
        sentences = np.random.default_rng(self._seed).permutation(len(SENTENCES))[number::PEOPLE]
        rate, pitch = int(random.integers(130, 190)), int(random.integers(30, 70))
        opens = kind == "open"
        call = SimulatedCall(
            self._policy,
            self._microphone(kind),
            transcription=self._transcription,
            silence=0.0 if opens else 3.0,
        )
        outcomes = []
        for index in sentences:
            sentence = SENTENCES[index]
            names = VOICES[sentence.language]
            speaker = SentenceSpeaker(self._library, GuestVoice(names[number % len(names)], rate, pitch))
            parts = sentence.parts() if paused else [sentence.plain]
            pauses = [float(pause) for pause in random.uniform(*PAUSES, len(parts) - 1)]
            release = float(random.uniform(*RELEASES)) if kind == "push-to-talk" else QUIET
            outcomes.append(await call.say(speaker.say(parts, pauses, release), before=ROOM_BEFORE if opens else 0.0))
            # A signal can cancel this only where it awaits something, and nothing else here does.
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
        for name, sound in five_minutes(self._seed).items():
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


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, narrowest=NARROWEST)


def _run(run: Run) -> Report:
    arguments = run.arguments
    measurement = EndOfTurnMeasurement(arguments.transcription_ms / 1000, arguments.seed, arguments.network)
    with Progress(console=run.console, transient=True) as progress:
        rows = asyncio.run(interruptible(_measured(measurement, progress)))
        noise = measurement.noise()
    options = {"transcription_ms": arguments.transcription_ms, "seed": arguments.seed}
    result = EndOfTurnResult(run.machine, options, rows, noise, measurement.window_us())
    return end_of_turn_report(result)


async def _measured(measurement: EndOfTurnMeasurement, progress: Progress) -> list[MicrophoneRow]:
    bar = progress.add_task("talking", total=2 * len(WAITS) + 1)
    rows = []
    async for row in measurement.rows():
        rows.append(row)
        progress.advance(bar)
    return rows


def _parser() -> PlainParser:
    parser = make_parser("end_of_turn", __doc__)
    parser.add_argument("--transcription-ms", type=float, default=210, help="of the stand-in transcriber")
    parser.add_argument("--network", type=Path, help="a file of Silero's network, in place of faster-whisper's copy")
    parser.add_argument("--seed", type=int, default=1, help="of voices, pauses, order and noise")
    return parser


if __name__ == "__main__":
    sys.exit(main())
