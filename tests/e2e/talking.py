"""Helpers for tests in which guests talk to the bot: voices, the bot's events, and the sound that guests hear."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audio.samples import HEARING_RATE, Sound16
from bot.voice.events import CallEnded, CallEvent, PromptTaken, UtteranceHeard, WordsSpoken
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.audio_receiver import AudioReceiver, ReceivedPacket
from sandbox.voice.microphone import MicrophoneFrame, SimulatedMicrophone, VoiceActivity
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound
from tests.e2e.conftest import LIMIT, Stage
from tests.tones import silence

UTTERANCES = (
    "I had pizza for lunch.",
    "My keyboard is broken.",
    "The train was late again.",
    "Do you remember the summer holidays?",
    "My brother lives in Canada.",
    "Let us play another round.",
    "Please turn the volume down.",
    "We should order some food.",
    "This song is wonderful.",
    "The meeting starts at nine.",
)
"""Sentences that the toy transcriber knows, and that nobody takes for a command."""
BEGINNING, WHOLE = "I was thinking about", "I was thinking about the weather today."
"""The words of a hesitating person before the pause, and all their words."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.6, 5.0
"""The shortest and the longest pause of a hesitating person, in seconds. The shortest one is long enough for a bot on a
fast machine to begin a speculative reply.
"""
SILENT = 0.3
"""The bot counts as silent after this many seconds without a packet. A shorter time is a gap in its speech."""
Happened = TypeVar("Happened", bound=CallEvent)


async def voiced(who: str, text: str) -> Sound:
    """A sentence in a guest's own voice, at 48,000 Hz, without silence around it.

    Making a sound takes time on a busy machine. So a test in which a guest has to speak at a certain moment, such as
    while the bot speaks, makes the sound before that moment.
    """
    return await asyncio.to_thread(speech, text, GUEST_VOICES[who])


async def talk(guest: Guest, text: str, microphone: SimulatedMicrophone | None = None) -> None:
    """A guest says a sentence. Returns after the last packet was sent."""
    await guest.voice.speak(await voiced(guest.user.name, text), microphone or VoiceActivity())


async def hesitate(guest: Guest, microphone: SimulatedMicrophone, before: float, *, until: Callable[[], bool]) -> None:
    """A guest says :data:`WHOLE`, and pauses after :data:`BEGINNING`. Returns after the last packet was sent.

    The guest speaks with Ben's voice: in Ada's, the toy transcriber takes the pause for the end.

    Args:
        before: seconds that the microphone sends before the words.
        until: what the guest waits for, beyond the shortest pause: the ears of a busy machine may need longer.
    """
    beginning, rest = await voiced("Ben", BEGINNING), await voiced("Ben", "the weather today.")
    hesitating = Hesitating(microphone, before + len(beginning) / SAMPLE_RATE, until)
    await guest.voice.speak(np.concatenate([beginning, silence(LONGEST_PAUSE), rest]), hesitating)


async def talk_at_once(*people: tuple[Guest, Sequence[str]], seed: int) -> list[tuple[str, str]]:
    """All guests talk at the same time, each their sentences in order. Returns the sentences with their speakers."""

    async def say_all(guest: Guest, sentences: Sequence[str], pauses: random.Random) -> None:
        for sentence in sentences:
            await asyncio.sleep(pauses.uniform(0, 0.5))
            await talk(guest, sentence)
            # Long enough that the next sentence is another turn.
            await asyncio.sleep(pauses.uniform(1.1, 1.6))

    await asyncio.gather(
        *(say_all(guest, texts, random.Random(seed + number)) for number, (guest, texts) in enumerate(people))
    )
    return [(guest.user.name, text) for guest, texts in people for text in texts]


async def join_people(stage: Stage, *names: str, bot: bool = True, with_others: Sequence[Guest] = ()) -> list[Guest]:
    """More people join the lounge. Returns when all are end-to-end encrypted with each other."""
    people = []
    for name in names:
        guest = await stage.sandbox.add_guest(name)
        await guest.join_voice(stage.sandbox.home.lounge)
        people.append(guest)
    await encrypted(stage, *with_others, *people, bot=bot)
    return people


async def encrypted(stage: Stage, *people: Guest, bot: bool = True) -> None:
    """Wait until the lounge's DAVE group has exactly Ada, these people and, if wanted, the bot."""
    wanted = {stage.ada.id, *(guest.id for guest in people)} | ({stage.bot} if bot else set())
    server, lounge = stage.sandbox.voice_server, stage.sandbox.home.lounge.id
    await stage.until(lambda: server.in_group(lounge) == wanted, "the group")
    await stage.until(lambda: all(guest.voice.encrypted for guest in (stage.ada, *people)), "everybody's keys")


class Since:
    """The events of a call since this object was made."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._begin = len(stage.events)

    def all(self, kind: type[Happened]) -> list[Happened]:
        """All events of one kind."""
        return [event for event in self._stage.events[self._begin :] if isinstance(event, kind)]

    @property
    def utterances(self) -> list[tuple[str, str]]:
        """The utterances with their speakers."""
        return [(event.author, event.text) for event in self.all(UtteranceHeard)]

    @property
    def prompts(self) -> list[tuple[str, str]]:
        """The prompts with their authors."""
        return [(event.author, event.text) for event in self.all(PromptTaken)]

    @property
    def words(self) -> str:
        """The words that the bot has said aloud, with one space between two of them."""
        return " ".join(" ".join(event.text for event in self.all(WordsSpoken)).split())

    def count_right(self, said: Sequence[tuple[str, str]]) -> int:
        """The number of these utterances with the right transcript and speaker."""
        return (Counter(said) & Counter(self.utterances)).total()

    async def heard(self, *utterances: tuple[str, str]) -> None:
        """Wait for this number of utterances, and check that they are these, in any order."""
        await self.heard_count(len(utterances))
        assert sorted(self.utterances) == sorted(utterances)

    async def heard_count(self, count: int) -> None:
        """Wait for this number of utterances."""
        await self._stage.until(lambda: len(self.utterances) >= count, f"{count} utterances")


class Loudspeakers:
    """A microphone beside loudspeakers: the bot's sound comes back later and more quietly.

    Packets that come late, since the machine is busy, leave no gap while there is sound in the loudspeakers' buffer.
    Each of them leaves less sound in the buffer, so the echo comes sooner from then on. The way from the buffer to the
    microphone always takes :attr:`WAY`.

    Args:
        gain: the gain of the echo.
        delay: the delay of the echo in seconds, by the buffer and the way to the microphone.
        room: the RMS level of the room noise.
    """

    WAY = 0.08
    """Seconds that sound cards and the air take at least."""

    def __init__(
        self, receiver: AudioReceiver, bot: int, *, gain: float = 0.3, delay: float = 0.15, room: float = 0.001
    ) -> None:
        self._receiver = receiver
        self._bot = bot
        self._gain = gain
        self._buffered = delay - self.WAY
        self._room = np.random.default_rng(0).normal(0, room, SAMPLE_RATE).astype(np.float32)

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """The owner's speech with echo and noise. Each frame is made when it is sent."""
        buffer, on_the_way = self._gain * self._unplayed(time.monotonic()), silence(self.WAY)
        heard = self._receiver.count(self._bot)
        for at in range(0, len(sound) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
            fresh = self._receiver.pcm(self._bot, since=heard)
            heard = self._receiver.count(self._bot)
            # The buffer is filled before it is played, when a transmission begins.
            before = silence(self._buffered) if len(fresh) and not len(buffer) else buffer
            buffer = np.concatenate([before, self._gain * fresh])
            played, buffer = buffer[:FRAME_SAMPLES], buffer[FRAME_SAMPLES:]
            on_the_way = np.concatenate([on_the_way, np.pad(played, (0, FRAME_SAMPLES - len(played)))])
            echo, on_the_way = on_the_way[:FRAME_SAMPLES], on_the_way[FRAME_SAMPLES:]
            yield sound[at : at + FRAME_SAMPLES] + echo + np.resize(np.roll(self._room, at), FRAME_SAMPLES)

    def _unplayed(self, now: float) -> Sound:
        """The sound that is in the buffer when the microphone begins to send: the loudspeakers have played before."""
        arrivals = [packet.arrival for packet in self._receiver.packets(self._bot)]
        waiting = [arrival for arrival in arrivals if arrival > now - self._buffered]
        if not waiting:
            return silence(0)
        sound = self._receiver.pcm(self._bot, since=len(arrivals) - len(waiting))
        return np.concatenate([silence(waiting[0] + self._buffered - now), sound])


class Hesitating:
    """A microphone whose owner pauses for :data:`SHORTEST_PAUSE`, and goes on as soon as ``may_go_on()`` is true too.

    The sound that it is given has a pause of :data:`LONGEST_PAUSE`. The part of the pause that is not needed is left
    out.

    Args:
        begins: seconds from the first frame to the pause.
    """

    def __init__(self, microphone: SimulatedMicrophone, begins: float, may_go_on: Callable[[], bool]) -> None:
        self._microphone = microphone
        self._left_out = range(_frames(begins + SHORTEST_PAUSE), _frames(begins + LONGEST_PAUSE))
        self._may_go_on = may_go_on

    def frames(self, sound: Sound) -> Iterator[MicrophoneFrame]:
        """The frames. What may be left out is decided when it would be sent."""
        for number, frame in enumerate(self._microphone.frames(sound)):
            if number not in self._left_out or not self._may_go_on():
                yield frame


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME_SAMPLES)


class SoundCounter:
    """Counts the seconds of sound that the bot hears of each person, by user id."""

    def __init__(self, stage: Stage) -> None:
        call = stage.app.calls.current_on(stage.sandbox.guild.id)
        assert call is not None
        self.seconds: defaultdict[int, float] = defaultdict(float)
        call.input_worker.processor.recorder = self

    def heard(self, person: int, sound: Sound16, at: float) -> None:
        self.seconds[person] += len(sound) / HEARING_RATE

    def spoken(self, sound: NDArray[np.float32], at: float, reply: str | None) -> None:
        """Ignore the bot's own sound."""

    def background(self, sound: NDArray[np.float32], at: float) -> None:
        """Ignore music."""


async def bot_comes(stage: Stage) -> None:
    """Wait until people see the bot in the channel. Returns at that moment."""
    while stage.bot not in stage.sandbox.guild.voice_states:
        await asyncio.sleep(0.001)


async def bot_speaks(stage: Stage, guest: Guest, *, after: float = 0.0) -> int:
    """Wait until a guest hears the bot, and ``after`` seconds more. Returns the number of the first packet."""
    begin = guest.voice.receiver.count(stage.bot)
    await guest.voice.receiver.wait_for_audio(stage.bot, LIMIT, since=begin)
    await asyncio.sleep(after)
    return begin


async def hears_all(stage: Stage, guest: Guest, trace: ReplyTrace, *, since: int = 0) -> None:
    """Wait until a guest has heard a reply that was sent. Its last packets may still be on their way, if the event loop
    was busy.
    """
    receiver, wanted = guest.voice.receiver, 0.9 * trace.audio / 1000
    await stage.until(lambda: len(receiver.pcm(stage.bot, since=since)) / SAMPLE_RATE > wanted, "all that was sent")


async def ended(stage: Stage, cause: str) -> None:
    """Wait until the call has ended by ``cause``, and the bot is out of the channel."""
    await stage.until(lambda: any(isinstance(e, CallEnded) and e.cause == cause for e in stage.events), f"end: {cause}")
    await stage.until(lambda: stage.app.calls.status().state.value == "idle", "the manager to be idle")
    assert stage.bot not in stage.sandbox.guild.voice_states


async def speaks(stage: Stage) -> None:
    """Ask the bot, and check that Ada hears the answer."""
    count, since = len(stage.traces), stage.ada.voice.receiver.count(stage.bot)
    await stage.ask("thank you")
    traces = await stage.turns(count + 1)
    assert traces[-1].outcome is Outcome.SPOKEN
    await hears_all(stage, stage.ada, traces[-1], since=since)


def check_whole(trace: ReplyTrace, packets: Sequence[ReceivedPacket]) -> None:
    """Check that these packets have a whole reply and nothing else, apart from silence where its sound came late."""
    heard = 20 * sum(not packet.silent for packet in packets)
    told = f"{heard} ms were heard of a reply of {trace.audio} ms with {trace.underruns} frames of silence"
    assert trace.audio - 20 <= heard <= trace.audio + 20 * trace.underruns + 20, told
    spoken = "".join("-" if packet.silent else "#" for packet in packets).strip("-")
    assert spoken.count("-") <= trace.underruns, f"{told}: {spoken}"


def stretches(packets: Sequence[ReceivedPacket]) -> list[list[ReceivedPacket]]:
    """The voiced packets, split at silences."""
    voice = [packet for packet in packets if not packet.silent]
    begins = [0, *(n for n, (a, b) in enumerate(pairwise(voice), 1) if b.arrival - a.arrival > SILENT), len(voice)]
    return [voice[begin:end] for begin, end in pairwise(begins) if end > begin]
