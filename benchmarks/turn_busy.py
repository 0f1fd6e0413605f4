"""The measurement of reply packets while somebody else talks all the time and is transcribed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import MeasurementError
from benchmarks.measured_call import MeasuredCall, StandIns
from benchmarks.reply_measurement import Measured, ReplyMeasurement
from benchmarks.stand_in_transcriber import StandInTranscriber
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.microphone import VoiceActivity

SENTENCES = (
    "I had pizza for lunch.",
    "My keyboard is broken.",
    "The train was late again.",
    "My brother lives in Canada.",
    "We should order some food.",
)
"""Sentences that are not addressed to the bot, and that the toy transcriber knows."""
PAUSE = 0.35
"""Seconds between two sentences: long enough for a transcription, and usually too short to end the turn."""
TALKER = "Ben"


@dataclass(frozen=True, slots=True)
class Busy:
    """The times of the replies, and the numbers of sentences and transcripts meanwhile."""

    measured: Measured
    sentences: int
    utterances: int


class BusyTalker:
    """A guest who talks all the time, but not to the bot."""

    def __init__(self) -> None:
        self.sentences = 0
        self.utterances = 0

    async def __call__(self, call: MeasuredCall) -> None:
        """Talk until cancelled."""
        words = [await asyncio.to_thread(speech, sentence, GUEST_VOICES[TALKER]) for sentence in SENTENCES]
        guest = await call.sandbox.add_guest(TALKER)
        peer = await guest.join_voice(call.sandbox.voice_channel)
        try:
            while True:
                await peer.speak(words[self.sentences % len(words)], VoiceActivity())
                self.sentences += 1
                await asyncio.sleep(PAUSE)
        finally:
            self.utterances = call.utterances


async def measure_busy(
    stand_ins: StandIns,
    transcription: float | None,
    folder: Path,
    packets: int,
    progress: Callable[[int, int], None],
    *,
    with_music: bool = False,
) -> Busy:
    """Measure at least this many packets.

    Args:
        transcription: the delay of a stand-in transcriber in seconds; ``None`` uses the bot's own toy transcriber.
        with_music: whether every second reply is spoken over music.

    Raises:
        MeasurementError: the bot ended, did not join, did not speak or did not hear.
        SpeechError: the guest can't speak.
    """
    talker = BusyTalker()
    settings = {"ANSWER_TO": "name", "BARGE_IN": "nobody"}

    async def measure() -> Measured:
        measurement = ReplyMeasurement(
            stand_ins, folder, progress, settings=settings, company=talker, with_music=with_music
        )
        return await measurement.run(1, packets)

    if transcription is None:
        measured = await measure()
    else:
        # One sentence: the bot drops a transcript with more words than fit into its sound.
        async with StandInTranscriber(SENTENCES[0], seconds=transcription) as transcriber:
            settings["STT_URL"] = transcriber.url
            measured = await measure()
    if talker.utterances == 0:
        raise MeasurementError("the bot did not hear the guest who talked all the time")
    return Busy(measured, talker.sentences, talker.utterances)
