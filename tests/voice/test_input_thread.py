"""Tests of the input thread, from real packets to turn events on the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.pcm import to_int16
from audio.samples import Sound16
from bot.line_budget import PER_MINUTE
from bot.voice import input_thread
from bot.voice.discord.audio_input import DiscordAudioInput, VoiceListener
from bot.voice.discord.rtp import TransportCipher, transport_cipher
from bot.voice.echo.detector import EchoDetector
from bot.voice.frames import InputEvent
from bot.voice.input_processor import InputProcessor
from bot.voice.input_thread import MAX_INBOX, SETTLING, InputWorker
from bot.voice.mixing.taken_frame import TakenFrame
from bot.voice.turns.events import SpeechPaused, TurnDropped, TurnEnded, TurnEvent, TurnStarted
from bot.voice.turns.turns import TurnDetectors, load_turn_policy
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from sandbox.voice.rtp import MODES
from tests.timing import wait_until
from tests.voice.discord.channel import ADA, KEY, Group, Talker, sealed_for
from tests.voice.effects import only


class Packets(Group):
    """A voice connection whose datagrams the test sends."""

    def __init__(self, cipher: TransportCipher) -> None:
        super().__init__()
        self.cipher = cipher
        self._listener: VoiceListener | None = None

    def listen(self, listener: VoiceListener) -> Callable[[], None]:
        self._listener = listener
        return self._listen_no_longer

    def _listen_no_longer(self) -> None:
        self._listener = None

    @property
    def listener(self) -> VoiceListener:
        assert self._listener is not None
        return self._listener

    def send(self, data: bytes, at: float) -> None:
        self.listener.datagram(data, at)


@dataclass(eq=False)
class InputStage:
    """An input thread with a clock that the test moves, and the events that the thread has reported."""

    worker: InputWorker
    packets: Packets
    now: list[float]
    events: list[TurnEvent]
    source: DiscordAudioInput
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, sound: NDArray[np.float32], talker: Talker) -> None:
        """Send a sound (mono, 48,000 Hz) as packets, and move the clock with each packet."""
        for at in range(0, len(sound) - 959, 960):
            pcm = to_int16(sound[at : at + 960])
            opus = bytes(talker._encoder.encode(np.repeat(pcm, 2).tobytes(), 960))
            self.now[0] += 0.02
            self.packets.send(talker.packet(sealed_for(talker.person, opus)), self.now[0])
            # The clock must not run ahead of the thread, which would take the difference for a pause.
            processed = threading.Event()
            self.worker.post(processed.set)
            processed.wait(30.0)

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of packets that were heard, and that were lost."""
        assert self.source._receiver is not None
        counters = self.source._receiver.counters
        return counters.heard, counters.lost

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not seen():
                self.changed.clear()
                await self.changed.wait()

    def has(self, kind: type[TurnEvent]) -> bool:
        return any(isinstance(event, kind) for event in self.events)


@asynccontextmanager
async def listening() -> AsyncIterator[InputStage]:
    events: list[TurnEvent] = []
    now = [1_000.0]
    packets = Packets(transport_cipher(MODES[1], KEY))

    def deliver(event: TurnEvent) -> None:
        events.append(event)
        state.changed.set()

    turns, loop = TurnDetectors(load_turn_policy()), asyncio.get_running_loop()
    source = DiscordAudioInput(packets)
    worker = InputWorker(source, InputProcessor(turns, EchoDetector()), loop, clock=lambda: now[0])
    state = InputStage(worker, packets, now, events, source)
    worker.listen(deliver, lambda _: True)
    yield state
    await asyncio.to_thread(worker.end)


def sentence() -> NDArray[np.float32]:
    return speech("What time is it?", ADAS_VOICE)


async def test_a_sentence_becomes_a_turn_and_an_end_of_turn_estimate_ends_the_turn() -> None:
    async with listening() as state:
        talker = Talker(ADA, 77)
        state.send(sentence(), talker)
        for _ in range(5):
            state.packets.send(talker.silent(), state.now[0])
        await state.until(lambda: state.has(SpeechPaused))
        assert state.has(TurnStarted)
        state.now[0] += 3.0
        state.worker.end_of_turn_estimated(state.events[0].turn, 1.0)
        await state.until(lambda: state.has(TurnEnded))
        ended = state.events[-1]
        assert isinstance(ended, TurnEnded)
        assert len(ended.sound) / 16_000 > 0.8


async def test_packets_that_wait_for_a_busy_thread_are_not_missing() -> None:
    async with listening() as state:
        busy, talker = threading.Event(), Talker(ADA, 77)
        state.worker.post(busy.wait, 30.0)
        packets = [talker.voiced() for _ in range(4)]
        for number in (0, 2, 1, 3):
            state.now[0] += 0.02
            state.packets.send(packets[number], state.now[0])
        state.now[0] += 0.5
        busy.set()
        await wait_until(lambda: sum(state.counts) == 4)
        assert state.counts == (4, 0)


class ScriptedInbox:
    """An inbox whose thread never really waits: where it would, the next step of the test happens."""

    def __init__(self, *steps: Callable[[float], None]) -> None:
        self._steps = deque(steps)
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        self._items.append(item)

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)

    def get(self, timeout: float) -> Any:
        """The next item. If there is none, the next step happens; ``None`` ends the thread after the last one."""
        if not self._items:
            if not self._steps:
                return None
            self._steps.popleft()(timeout)
        if not self._items:
            raise queue.Empty
        return self._items.popleft()


@pytest.mark.parametrize(
    ("late", "reading", "counts"), [(0.2, 0.0, (3, 0)), (0.2, SETTLING + 0.001, (2, 1)), (0.001, 0.0, (2, 1))]
)
async def test_after_a_stall_of_the_machine_the_socket_is_read_for_a_moment_before_anything_counts_as_missing(
    late: float, reading: float, counts: tuple[int, int]
) -> None:
    now, talker = [1_000.0], Talker(ADA, 77)
    packets = Packets(transport_cipher(MODES[1], KEY))
    source = DiscordAudioInput(packets)
    processor = InputProcessor(TurnDetectors(load_turn_policy()), EchoDetector())
    worker = InputWorker(source, processor, asyncio.get_running_loop(), clock=lambda: now[0])
    source.start(worker, lambda _: True)
    first, second, third = (talker.voiced() for _ in range(3))

    def wake_up(timeout: float) -> None:
        now[0] += timeout + late

    def read(_: float) -> None:
        now[0] += reading
        worker.post(lambda: None)

    inbox: Any = ScriptedInbox(
        lambda _: packets.send(first, now[0]),
        lambda _: packets.send(third, now[0]),
        wake_up,
        read,
        lambda _: packets.send(second, now[0]),
    )
    worker._inbox = inbox
    await asyncio.to_thread(worker.run)
    assert source._receiver is not None
    counters = source._receiver.counters
    assert (counters.heard, counters.lost) == counts


async def test_missing_packets_are_given_up_even_on_a_machine_that_is_always_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(input_thread, "LATE", -10.0)
    async with listening() as state:
        talker = Talker(ADA, 77)
        packets = [talker.voiced() for _ in range(3)]
        for number in (0, 2):
            state.packets.send(packets[number], state.now[0])
        state.now[0] += 0.1
        await wait_until(lambda: state.counts == (2, 1))


async def test_sound_that_can_not_be_processed_is_logged_with_its_speaker_a_few_times_a_minute_at_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: InputEvent) -> list[TurnEvent]:
        raise RuntimeError("broken")

    async with listening() as state:
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(state.worker.processor.turns, "process", fail)
            state.send(sentence()[: 960 * 2 * PER_MINUTE], Talker(ADA, 77))
        state.send(sentence(), Talker(ADA, 78))
        await state.until(lambda: state.has(TurnStarted))
    line = f"Sound of person {ADA} could not be processed. It is left out, and the call goes on"
    assert caplog.text.count(line) == PER_MINUTE


async def test_a_person_who_leaves_mid_sentence_leaves_no_turn() -> None:
    async with listening() as state:
        talker = Talker(ADA, 77)
        state.packets.listener.speaking(77, ADA)
        state.send(sentence(), talker)
        await state.until(lambda: state.has(TurnStarted))
        state.worker.person_left(ADA)
        await state.until(lambda: state.has(TurnDropped))


async def test_everybody_is_forgotten_on_request() -> None:
    async with listening() as state:
        state.send(sentence(), Talker(ADA, 77))
        await state.until(lambda: state.has(TurnStarted))
        state.worker.forget_everyone()
        await state.until(lambda: state.has(TurnDropped))


async def test_diverted_sound_makes_no_turn_until_the_diversion_ends() -> None:
    async with listening() as state:
        talker, taken = Talker(ADA, 77), list[float]()
        state.send(sentence()[: 960 * 30], talker)
        await state.until(lambda: state.has(TurnStarted))
        end_diversion = state.worker.divert(ADA, lambda sound, _: taken.append(len(sound) / 16_000))
        await state.until(lambda: state.has(TurnDropped))
        state.events.clear()
        state.send(sentence(), talker)
        end_diversion()
        state.send(np.zeros(960 * 20, np.float32), talker)
        state.send(sentence(), talker)
        await state.until(lambda: state.has(TurnStarted))
        assert len(only(TurnStarted, state.events)) == 1
        assert sum(taken) == pytest.approx(len(sentence()) // 960 * 0.02)


async def test_a_recorder_is_given_all_sound() -> None:
    kept: dict[str, float] = {"heard": 0.0, "spoken": 0.0, "background": 0.0}
    replies: set[str | None] = set()

    class Recorder:
        def heard(self, person: int, sound: Sound16, at: float) -> None:
            kept["heard"] += len(sound) / 16_000

        def spoken(self, sound: NDArray[np.float32], at: float, reply: str | None) -> None:
            kept["spoken"] += len(sound) / 48_000
            replies.add(reply)

        def background(self, sound: NDArray[np.float32], at: float) -> None:
            kept["background"] += len(sound) / 48_000

    async with listening() as state:
        state.worker.processor.recorder = Recorder()
        state.send(sentence()[: 960 * 20], Talker(ADA, 77))
        state.worker.played(bytes(3_840), state.now[0], "r1")
    assert round(kept["heard"], 3) == 0.4
    assert round(kept["spoken"], 3) == 0.02
    assert kept["background"] == 0
    assert replies == {"r1"}


async def test_voice_and_music_are_recorded_apart_and_their_mixture_is_known_to_the_echo_detection() -> None:
    voice, music = (np.repeat(to_int16(np.full(960, level)), 2).tobytes() for level in (0.2, 0.1))
    both = np.repeat(to_int16(np.full(960, 0.3)), 2).tobytes()
    kept: list[tuple[str, float]] = []
    compared: list[float] = []

    class Recorder:
        def heard(self, person: int, sound: Sound16, at: float) -> None: ...

        def spoken(self, sound: NDArray[np.float32], at: float, reply: str | None) -> None:
            kept.append((f"voice {reply}", round(float(sound.mean()), 3)))

        def background(self, sound: NDArray[np.float32], at: float) -> None:
            kept.append(("music", round(float(sound.mean()), 3)))

    class Echo(EchoDetector):
        def played(self, sound: Sound16, at: float) -> None:
            compared.append(round(float(sound.mean()), 3))

    loop, packets = asyncio.get_running_loop(), Packets(transport_cipher(MODES[1], KEY))
    processor = InputProcessor(TurnDetectors(load_turn_policy()), Echo())
    processor.recorder = Recorder()
    worker = InputWorker(DiscordAudioInput(packets), processor, loop)
    worker.listen(lambda _: None, lambda _: True)
    worker.played(both, 1.0, "r1", TakenFrame(voice, music))
    worker.played(music, 1.02, "r1", TakenFrame(None, music))
    await asyncio.to_thread(worker.end)
    assert kept == [("voice r1", 0.2), ("music", 0.1), ("music", 0.1)]
    assert compared == [0.3, 0.1]


async def test_a_flood_of_packets_is_dropped_and_counted_instead_of_filling_the_queue() -> None:
    async with listening() as state:
        listener = state.packets.listener
        await asyncio.to_thread(state.worker.end)
        for _ in range(MAX_INBOX + 500):
            listener.datagram(b"x", 0.0)
        assert state.worker.overrun >= 499
