"""Benchmark of a phone call over SIP: the same turns as on Discord, from the last voiced sample to the first packet.

The same sound is said, in turn, in a call on the sandbox and in a phone call, both with an open microphone. Two bots
with the same stand-in engines answer. All else is real: the bots, their turn detection, SIP, RTP and Discord's
protocols.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import cycle

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.bot_settings import own_folder_and_ports
from benchmarks.caller import HOST, Caller, free_port
from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import BOT_LOG, TAIL_SECONDS, TURN_LIMIT, MeasuredCall, next_ended, no_collections
from benchmarks.spoken_microphones import OpenSpeaker
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.statistics import spread
from benchmarks.turn_measurement import HEARD, MAX_CUT_OFF
from bot.bot_process import bot_process
from bot.voice.events import CallEvent, EnginesReady, ReplyEnded
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from config.plain_parser import PlainParser
from sandbox.guest_lines import recorded_lines
from sandbox.voice.opus import Sound

MAX_LONGER_MS = 60.0
"""The phone call's median may be at most this many milliseconds longer than Discord's."""
REPLY = "Well, that is a good question."
LINES = ("capital", "memory", "colors", "agreed")
"""The lines that are said, one after another."""
READY_LIMIT = 180.0
"""Seconds within which the bot must have loaded its engines."""
DISCORD, PHONE = "Discord", "phone"


@dataclass(frozen=True, slots=True)
class Turn:
    """One answered turn; both times are in milliseconds, from the last voiced sample to the answer's first packet.

    Attributes:
        line: name of the line that was said.
        first_packet: from the sending of the sample to the arrival of the first voiced packet.
        by_the_bot: the same by the bot's own clock.
    """

    line: str
    first_packet: float
    by_the_bot: float


@dataclass(frozen=True, slots=True)
class Side:
    """A call in which turns are measured.

    Attributes:
        voiced: returns the times after a given time at which voiced packets of the bot arrived.
        reply_ended: waits for the end of the next reply.
        silence: waits until nothing voiced comes any more.
    """

    speaker: OpenSpeaker
    voiced: Callable[[float], Sequence[float]]
    reply_ended: Callable[[], Awaitable[ReplyTrace]]
    silence: Callable[[], Awaitable[None]]

    async def turn(self, line: str, words: Sound) -> Turn | None:
        """Say a line and hear the answer. Returns ``None`` if the bot mistook a pause in the line for its end."""
        times = await self.speaker.say(words)
        is_cut_off = False
        while (trace := await self.reply_ended()).outcome is Outcome.INTERRUPTED:
            is_cut_off = True
        await self.silence()
        voiced = self.voiced(times.first_voiced)
        if is_cut_off or (voiced and voiced[0] < times.last_voiced):
            return None
        if not voiced or trace.first_packet is None:
            raise MeasurementError(f"the answer to {line!r} has no voiced packet")
        return Turn(line, 1000 * (voiced[0] - times.last_voiced), trace.first_packet)

    async def whole_turn(self, line: str, words: Sound) -> Turn:
        """Say a line until it is not cut off."""
        for _ in range(MAX_CUT_OFF):
            if (turn := await self.turn(line, words)) is not None:
                return turn
        raise MeasurementError(f"{line!r} was cut off {MAX_CUT_OFF} times")


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    files = recorded_lines()
    words = {name: files[name].read() for name in LINES}
    turns: dict[str, list[Turn]] = {DISCORD: [], PHONE: []}
    with Progress(console=run.console, transient=True) as bars:
        bar = bars.add_task("Turns", total=run.arguments.turns)
        async with _sides(run) as sides:
            # The first turn does not count: in it, models are loaded, and the bot learns the guest's habits.
            for side in sides.values():
                await side.whole_turn(LINES[0], words[LINES[0]])
            for _, line in zip(range(run.arguments.turns), cycle(LINES), strict=False):
                with no_collections():
                    for name, side in sides.items():
                        turns[name].append(await side.whole_turn(line, words[line]))
                bars.advance(bar)
    options = asdict(stand_ins_of(run.arguments)) | {"transcription": run.arguments.transcription_ms / 1000}
    figures = {
        "machine": run.machine,
        "stand_ins": options,
        "turns": {side: [asdict(turn) for turn in measured] for side, measured in turns.items()},
    }
    return Report(lambda console: _show(turns, console), verdicts(turns), figures)


@asynccontextmanager
async def _sides(run: Run) -> AsyncIterator[dict[str, Side]]:
    """Both calls. Both bots have the same stand-ins."""
    stand_ins = stand_ins_of(run.arguments)
    async with StandInTranscriber(HEARD, seconds=run.arguments.transcription_ms / 1000) as transcriber:
        settings = {"STT_URL": transcriber.url, "ANSWER_TO": "always"}
        async with MeasuredCall(stand_ins, REPLY, run.folder, settings) as call:
            (guest,) = await call.join("Cleo")
            receiver, bot = guest.voice.receiver, call.sandbox.bot_id
            engines = {**settings, "LLM_URL": call.model.url, **stand_ins.voice_settings}
            async with OpenSpeaker(guest.voice, seed=1) as speaker, _phone(run, engines) as phone:
                discord = Side(
                    speaker,
                    call.voiced,
                    call.reply_ended,
                    lambda: receiver.wait_for_silence(bot, TAIL_SECONDS, TURN_LIMIT),
                )
                yield {DISCORD: discord, PHONE: phone}


@asynccontextmanager
async def _phone(run: Run, settings: Mapping[str, str]) -> AsyncIterator[Side]:
    """A bot without Discord, and a phone call with this bot. The bot's greeting is over."""
    ready, ended = asyncio.Event(), asyncio.Queue[ReplyTrace]()

    def watch(event: CallEvent) -> None:
        match event:
            case EnginesReady():
                ready.set()
            case ReplyEnded(trace):
                ended.put_nowait(trace)

    endpoint = (HOST, free_port())
    folder = run.folder / "phone"
    await asyncio.to_thread(folder.mkdir)
    variables = {
        **own_folder_and_ports(folder),
        "SIP_BIND": f"{HOST}:{endpoint[1]}",
        "PHONE_ALLOW": "*",
        **settings,
    }
    async with bot_process(variables, folder / BOT_LOG, watch, command="talk"):
        try:
            await asyncio.wait_for(ready.wait(), READY_LIMIT)
        except TimeoutError as error:
            raise MeasurementError(f"the bot was not ready within {READY_LIMIT:.0f} s") from error
        async with Caller(endpoint) as caller, OpenSpeaker(caller, seed=1) as speaker:
            side = Side(
                speaker,
                caller.voiced,
                lambda: next_ended(ended, TURN_LIMIT),
                lambda: caller.wait_for_silence(TAIL_SECONDS, TURN_LIMIT),
            )
            await side.reply_ended()
            await side.silence()
            yield side


def _show(turns: Mapping[str, Sequence[Turn]], console: Console) -> None:
    table = Table("last voiced sample to first packet, ms, median / 95 %", *turns)
    for title, field in (("by the packets", "first_packet"), ("by the bot's own clock", "by_the_bot")):
        found = [spread([getattr(turn, field) for turn in measured]) for measured in turns.values()]
        table.add_row(title, *(one.median_and_p95 for one in found))
    console.print(table)


def verdicts(turns: Mapping[str, Sequence[Turn]]) -> list[tuple[str, bool]]:
    """The target: how much longer the phone call's median is."""
    phone, discord = (spread([turn.first_packet for turn in turns[side]]).median for side in (PHONE, DISCORD))
    more = phone - discord
    return [(f"The phone call takes {more:.0f} ms longer; at most {MAX_LONGER_MS:.0f} ms", more <= MAX_LONGER_MS)]


def _parser() -> PlainParser:
    parser = make_parser("phone_call", __doc__)
    parser.add_argument("--turns", type=count, default=20, help="turns on each side")
    parser.add_argument("--transcription-ms", type=float, default=210, help="delay of the stand-in transcriber")
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
