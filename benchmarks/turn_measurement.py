"""The measurement of spoken turns: guests speak to the real bot and into its replies, and all times are recorded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.call_music import CallMusic, packets_with_voice, wait_for_voice
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import (
    AFTER_A_REPLY,
    TAIL_SECONDS,
    TURN_LIMIT,
    MeasuredCall,
    StandIns,
    no_collections,
)
from benchmarks.spoken_microphones import ClosingSpeaker, MicrophoneSpeaker, OpenSpeaker, SpeechTimes
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.turn_times import InterruptionTimes, TurnTimes
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.microphone import PushToTalk, VoiceActivity
from sandbox.voice.opus import Sound

PEOPLE: Mapping[str, str] = {"push-to-talk": "Ada", "voice activity": "Ben", "open": "Cleo"}
"""The guest of each kind of microphone. They are different people, since the bot learns each person's kind."""
SENTENCES = (
    "I had pizza for lunch.",
    "My keyboard is broken.",
    "The train was late again.",
    "Do you remember the summer holidays?",
    "My brother lives in Canada.",
    "We should order some food.",
    "This song is wonderful.",
    "The meeting starts at nine.",
    "Did you see the game yesterday?",
    "It has been raining all day.",
)
HEARD = "What do you think of the weather today?"
"""The stand-in transcriber's answer to every sound: a whole sentence."""
REPLY = "Well, that is a good question, and I am glad you asked. There are many ways to look at it."
RELEASES = (0.02, 0.2)
"""Range of the time from the last word to the release of the key, in seconds."""
QUIET = 1.0
"""Seconds of silence after the words, in which voice activity stops sending."""
BETWEEN = (0.5, 1.2)
"""Range of the time between a reply and the next turn, in seconds."""
INTO_A_REPLY = (0.3, 3.0)
"""Range of the time from a reply's first packet to an interruption, in seconds."""
MAX_CUT_OFF = 5
"""The measurement fails if more turns of one person are cut off."""


@dataclass(frozen=True, slots=True)
class MeasuredTurns:
    """The times of one run.

    Attributes:
        turns: the turns that were answered.
        interruptions: the interruptions of replies.
        cut_off: number of turns that the bot ended before their last word, with music or without. The other figures
            leave these turns out.
        over_music: the turns and interruptions over music; ``None`` if there were none.
    """

    turns: Sequence[TurnTimes]
    interruptions: Sequence[InterruptionTimes]
    cut_off: int
    over_music: MeasuredTurns | None = None


class TurnMeasurement:
    """One run of the measurement.

    Args:
        stand_ins: the speed of the engines.
        transcription: the delay of the stand-in transcriber in seconds.
        folder: the bot's data and log.
        progress: called after each turn and each interruption.
        with_music: whether each turn is followed by one over music, and the interruptions by as many over music.
    """

    def __init__(
        self,
        stand_ins: StandIns,
        transcription: float,
        folder: Path,
        seed: int,
        progress: Callable[[], None],
        *,
        with_music: bool = False,
    ) -> None:
        self._stand_ins = stand_ins
        self._transcriber = StandInTranscriber(HEARD, seconds=transcription)
        self._folder = folder
        self._seed = seed
        self._random = random.Random(seed)
        self._progress = progress
        self._cut_off = 0
        self._music = CallMusic(folder) if with_music else None

    async def run(self, turns: int, warm_up: int, interruptions: int) -> MeasuredTurns:
        """Measure turns and interruptions with each kind of microphone. The ``warm_up`` turns before them don't count.

        Raises:
            MeasurementError: the bot ended, did not join, or did not answer.
            SpeechError: the guests can't speak.
        """
        words = [await asyncio.to_thread(self._words, kind) for kind in PEOPLE]
        async with self._transcriber:
            settings = {"STT_URL": self._transcriber.url, "ANSWER_TO": "always", "BARGE_IN": "everyone"}
            if self._music is not None:
                settings |= await self._music.settings()
            async with MeasuredCall(self._stand_ins, REPLY, self._folder, settings) as call:
                return await call.while_alive(self._measure(call, words, turns, warm_up, interruptions))

    @staticmethod
    def _words(kind: str) -> list[Sound]:
        return [speech(sentence, GUEST_VOICES[PEOPLE[kind]]) for sentence in SENTENCES]

    async def _measure(
        self, call: MeasuredCall, words: Sequence[Sequence[Sound]], turns: int, warm_up: int, interruptions: int
    ) -> MeasuredTurns:
        guests = await call.join(*PEOPLE.values())
        conditions = (False, True) if self._music is not None else (False,)
        measured: dict[bool, list[TurnTimes]] = {False: [], True: []}
        interrupted: dict[bool, list[InterruptionTimes]] = {False: [], True: []}
        for kind, guest, sentences in zip(PEOPLE, guests, words, strict=True):
            person = _Person(call, self._transcriber, guest, kind, sentences, self._random)
            async with self._speaker(kind, guest) as speaker:
                with no_collections():
                    await self._turns(person, speaker, warm_up)
                    for _ in range(turns):
                        for music in conditions:
                            await person.have_music(self._music, on=music)
                            measured[music] += await self._turns(person, speaker, 1)
                    for music in conditions:
                        await person.have_music(self._music, on=music)
                        for _ in range(interruptions):
                            interrupted[music].append(await person.interrupts(speaker))
                            self._progress()
                        await person.falls_silent()
                    await person.have_music(self._music, on=False)
        over_music = MeasuredTurns(measured[True], interrupted[True], 0) if self._music is not None else None
        return MeasuredTurns(measured[False], interrupted[False], self._cut_off, over_music)

    async def _turns(self, person: _Person, speaker: MicrophoneSpeaker, count: int) -> list[TurnTimes]:
        turns: list[TurnTimes] = []
        while len(turns) < count:
            turn = await person.turn(speaker)
            if turn is None:
                person.cut_off += 1
                self._cut_off += 1
                if person.cut_off > MAX_CUT_OFF:
                    raise MeasurementError(f"more than {MAX_CUT_OFF} turns were cut off ({person.kind})")
                continue
            turns.append(turn)
            self._progress()
        return turns

    def _speaker(self, kind: str, guest: Guest) -> MicrophoneSpeaker:
        match kind:
            case "push-to-talk":
                return ClosingSpeaker(guest.voice, PushToTalk(), lambda: self._random.uniform(*RELEASES))
            case "voice activity":
                return ClosingSpeaker(guest.voice, VoiceActivity(), lambda: QUIET)
            case _:
                return OpenSpeaker(guest.voice, self._seed)


class _Person:
    """A guest who says one sentence after another. ``cut_off`` counts the turns that ended before their last word."""

    def __init__(
        self,
        call: MeasuredCall,
        transcriber: StandInTranscriber,
        guest: Guest,
        kind: str,
        sentences: Sequence[Sound],
        rng: random.Random,
    ) -> None:
        self.kind = kind
        self.cut_off = 0
        self._call = call
        self._transcriber = transcriber
        self._guest = guest
        self._sentences = sentences
        self._random = rng
        self._said = 0
        self._answering = False
        self._music = False

    async def have_music(self, music: CallMusic | None, *, on: bool) -> None:
        """Let music play, or not, during the next turns."""
        if music is not None:
            await music.switch(self._call, self._guest, on=on)
        self._music = on

    def _voiced(self, since: float) -> list[float]:
        """The times after ``since`` at which packets with the bot's voice reached the server."""
        return packets_with_voice(self._call, self._guest, since) if self._music else self._call.voiced(since)

    def _next(self) -> Sound:
        self._said += 1
        return self._sentences[self._said % len(self._sentences)]

    async def turn(self, speaker: MicrophoneSpeaker) -> TurnTimes | None:
        """Say a sentence and wait for the end of the answer. Returns ``None`` if the sentence was cut off."""
        await asyncio.sleep(self._random.uniform(*BETWEEN))
        times = await speaker.say(self._next())
        trace = await self._call.reply_ended()
        cut_off = trace.outcome is Outcome.INTERRUPTED
        while trace.outcome is Outcome.INTERRUPTED:
            trace = await self._call.reply_ended()
        await self._silence()
        if trace.outcome is not Outcome.SPOKEN:
            raise MeasurementError(f"a reply ended as {trace.outcome.value}, not as spoken")
        received = self._voiced(times.first_voiced)
        if cut_off or (received and received[0] < times.last_voiced):
            return None
        try:
            return self._times_of(times, trace, received)
        except (StopIteration, ValueError, IndexError, TypeError) as error:
            raise MeasurementError(f"a turn's times do not fit together: {error!r}") from error

    def _times_of(self, times: SpeechTimes, trace: ReplyTrace, received: Sequence[float]) -> TurnTimes:
        # Replies that were prepared at pauses within the words were discarded. The last request is that of the reply.
        asked = next(a for a in reversed(self._call.model.times) if a.tokens and a.first_token < received[0])
        heard = next(a for a in reversed(self._transcriber.times) if a.answered <= asked.requested)
        spoken = self._call.first_segment(asked.requested)
        if None in (trace.first_packet, trace.speech_paused, trace.turn_ended):
            raise ValueError("the bot's trace is not whole")
        # The bot chooses the packet from which its trace counts. Only the reply's first packet is known on both clocks.
        began = received[0] - (trace.first_packet or 0.0) / 1000
        return TurnTimes(
            microphone=self.kind,
            taken_for=trace.microphone or "",
            last_voiced=times.last_voiced,
            closed=times.closed,
            paused=began + (trace.speech_paused or 0.0) / 1000,
            transcriber_asked=heard.requested,
            transcribed=heard.answered,
            model_asked=asked.requested,
            first_token=asked.first_token,
            clause_written=asked.written_at(asked.tokens_until(spoken.text.strip())),
            voice_asked=spoken.received_at,
            first_audio=spoken.first_audio_at,
            turn_ended=began + (trace.turn_ended or 0.0) / 1000,
            received=tuple(received),
        )

    async def interrupts(self, speaker: MicrophoneSpeaker) -> InterruptionTimes:
        """Speak into a reply at a random moment. The answer to these words still goes on when this returns."""
        receiver, bot = self._guest.voice.receiver, self._call.sandbox.bot_id
        begin = receiver.count(bot)
        if not self._answering:
            await speaker.say(self._next())
            self._answering = True
        try:
            if self._music:
                await asyncio.wait_for(wait_for_voice(self._call, self._guest, begin), TURN_LIMIT)
            else:
                await receiver.wait_for_audio(bot, TURN_LIMIT, since=begin)
        except TimeoutError as error:
            raise MeasurementError(f"the bot did not answer within {TURN_LIMIT:.0f} s") from error
        await asyncio.sleep(self._random.uniform(*INTO_A_REPLY))
        times = await speaker.say(self._next())
        trace = await self._call.reply_ended()
        if trace.outcome is not Outcome.INTERRUPTED:
            raise MeasurementError(f"a reply that was spoken into ended as {trace.outcome.value}")
        # The answer to the interruption begins only after its last word.
        during = self._interrupted(times)
        if not during:
            raise MeasurementError("there was no reply to interrupt")
        return InterruptionTimes(self.kind, times.first_voiced, during[-1])

    def _interrupted(self, times: SpeechTimes) -> list[float]:
        """The packets of the reply that the words have interrupted. The answer to the words begins only after them."""
        since, until = times.first_voiced - 1.0, times.last_voiced
        if self._music:
            return packets_with_voice(self._call, self._guest, since, until)
        return [at for at in self._call.voiced(since) if at <= until]

    async def falls_silent(self) -> None:
        """Wait for the end of the current reply."""
        if self._answering:
            await self._call.reply_ended()
            await self._silence()
            self._answering = False

    async def _silence(self) -> None:
        if self._music:
            await asyncio.sleep(AFTER_A_REPLY)
            return
        await self._guest.voice.receiver.wait_for_silence(self._call.sandbox.bot_id, TAIL_SECONDS, TURN_LIMIT)
