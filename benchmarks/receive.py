"""Benchmark of receiving ten people at once: the CPU time from datagrams to sound at 16,000 Hz.

Transport encryption, end-to-end encryption (a DAVE group of eleven) and Opus are real. The turn detectors behind them
are not included.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import davey
import discord
import numpy as np
from rich.progress import track
from rich.table import Table

from audio.opus import SpeechDecoder, load_opus
from audio.pcm import to_int16
from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.dave_group import make_group
from bot.voice.discord.dave import DecryptionError
from bot.voice.discord.receiver import Receiver
from bot.voice.discord.rtp import TransportCipher, decrypt_packet, transport_cipher
from bot.voice.frames import AudioFrame, InputEvent
from config.plain_parser import PlainParser
from sandbox.voice.rtp import XCHACHA20, make_cipher, make_header

PEOPLE = 10
FRAME, RATE = 960, 48_000
PACKETS_A_SECOND = 50
KEY = bytes(range(32))
BOT = 1
MAX_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class ReceiveCost:
    """CPU time per packet in microseconds, whole and by stage. ``share`` is the share of a core for ten speakers."""

    packets: int
    seconds_heard: float
    whole: float
    transport: float
    dave: float
    opus: float
    packets_a_second: float
    share: float


class _Connection:
    """The bot's connection: its transport key, its DAVE session, and the people in the channel."""

    def __init__(self, session: davey.DaveSession) -> None:
        self.cipher: TransportCipher | None = transport_cipher(XCHACHA20, KEY)
        self.version = 1
        self._session = session

    def members(self) -> list[int]:
        return [int(person) for person in self._session.get_user_ids() if int(person) != BOT]

    def decrypt(self, person: int, frame: bytes) -> bytes:
        try:
            return bytes(self._session.decrypt(person, davey.MediaType.audio, frame))
        except (ValueError, RuntimeError) as error:
            raise DecryptionError(str(error)) from error


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


def _run(run: Run) -> Report:
    load_opus()
    cost = measure(run.arguments.seconds)
    met = cost.share <= MAX_SHARE
    return Report(
        lambda console: console.print(_table(cost, run.machine)),
        [(f"{PEOPLE} people take less than a fifth of a core", met)],
        {"machine": run.machine, "people": PEOPLE, "cost": asdict(cost), "met": met},
    )


def measure(seconds: float) -> ReceiveCost:
    """Receive ten people for this many seconds of speech, and measure the whole and its stages."""
    people = list(range(100, 100 + PEOPLE))
    sessions = make_group([BOT, *people])
    packets = _packets(sessions, people, int(seconds * PACKETS_A_SECOND))
    # DAVE decrypts each frame only once. So the whole is measured on half of the packets, the stages on the other half.
    half = len(packets) // 2
    heard: list[InputEvent] = []
    connection = _Connection(sessions[BOT])
    receiver = Receiver(connection, connection, heard.append, lambda _: True)
    for number, person in enumerate(people):
        receiver.speaking(1_000 + number, person)

    def receive() -> None:
        for data, _, at in packets[:half]:
            receiver.datagram(data, at)

    whole = _cpu_time(receive)
    opened: list[tuple[bytes, int]] = []
    frames: list[tuple[bytes, int]] = []
    cipher = transport_cipher(XCHACHA20, KEY)
    transport = _cpu_time(lambda: opened.extend((decrypt_packet(d, cipher).frame, p) for d, p, _ in packets[half:]))
    dave = _cpu_time(lambda: frames.extend((connection.decrypt(person, frame), person) for frame, person in opened))
    decoders = {person: SpeechDecoder() for person in people}
    opus = _cpu_time(lambda: [decoders[person].decode(frame, 0) for frame, person in frames])
    each = whole / half
    samples = sum(len(event.sound) for event in heard if isinstance(event, AudioFrame))
    return ReceiveCost(
        packets=half,
        seconds_heard=samples / 16_000,
        whole=1e6 * each,
        transport=1e6 * transport / len(opened),
        dave=1e6 * dave / len(frames),
        opus=1e6 * opus / len(frames),
        packets_a_second=1 / each,
        share=each * PACKETS_A_SECOND * PEOPLE,
    )


def _packets(
    sessions: dict[int, davey.DaveSession], people: Sequence[int], count: int
) -> list[tuple[bytes, int, float]]:
    """The packets of all people in their order of arrival: datagram, sender, time in seconds."""
    packets = []
    random = np.random.default_rng(1)
    transports = {person: make_cipher(XCHACHA20, KEY) for person in people}
    encoders = {person: discord.opus.Encoder(application="voip", signal_type="voice", bitrate=64) for person in people}
    for number in track(range(count), "ten people speak", transient=True):
        for index, person in enumerate(people):
            time_line = (np.arange(FRAME) + number * FRAME) / RATE
            tone = 0.2 * np.sin(2 * np.pi * (150 + 20 * index) * time_line) + random.normal(0, 0.02, FRAME)
            pcm = np.repeat(to_int16(tone), 2).tobytes()
            frame = sessions[person].encrypt_opus(bytes(encoders[person].encode(pcm, FRAME)))
            header = make_header(number, number * FRAME, 1_000 + index)
            packets.append((transports[person].seal(header, frame), person, number / PACKETS_A_SECOND))
    return packets


def _cpu_time(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _table(cost: ReceiveCost, machine: dict[str, str]) -> Table:
    table = Table(title=f"Receiving, µs of CPU a packet · {machine['processor']}, revision {machine['revision']}")
    for column in ("packets", "whole", "transport", "DAVE", "Opus", "the rest", "packets a second", "of one core"):
        table.add_column(column, justify="right")
    rest = cost.whole - cost.transport - cost.dave - cost.opus
    table.add_row(
        str(cost.packets),
        *(f"{value:.1f}" for value in (cost.whole, cost.transport, cost.dave, cost.opus, rest)),
        f"{cost.packets_a_second:.0f}",
        f"{100 * cost.share:.1f} %",
    )
    return table


def _parser() -> PlainParser:
    parser = make_parser("receive", __doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds of speech of each person")
    return parser


if __name__ == "__main__":
    sys.exit(main())
