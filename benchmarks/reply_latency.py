"""How long the bot itself takes from a typed prompt to the first packet, and how well its packets keep time.

The model and the voice are stand-ins with fixed times; everything else is real: the bot in a process of its own, its
speech server, Discord's protocols. ``python -m benchmarks.reply_latency --help`` lists the options.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.bare_clock_control import BareClockControl
from benchmarks.machine import describe_machine
from benchmarks.reply_report import Result, Turn, print_result
from benchmarks.stand_in_model import ModelTimes, StandInModel
from bot.child import bot_process
from bot.voice.events import CallEvent, TurnEnded
from bot.voice.metrics import TurnTrace
from sandbox.guest import Guest
from sandbox.server import Sandbox

JOIN_LIMIT = 60.0
TURN_LIMIT = 120.0
SENTENCES = (
    "Well, that is a good question, and I am glad that you asked it today. ",
    "There are many ways to look at it, but the simplest one is often the best. ",
    "Let me think about it for a moment, and then we can go on from there.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured. Times in seconds; ``rate`` in tokens a second."""

    turns: int
    packets: int
    first_token: float
    rate: float
    first_audio: float
    real_time_factor: float
    json: Path | None


def tokens_of(text: str) -> list[str]:
    """A text in the pieces a model would stream: words with the blank in front of them."""
    words = text.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])]


class Measurement:
    """One run: asks, waits, and collects the times of each turn."""

    def __init__(self, options: Options, folder: Path, console: Console) -> None:
        self._options = options
        self._folder = folder
        self._console = console
        self._ended: asyncio.Queue[TurnTrace] = asyncio.Queue()
        self._timings = folder / "voice.jsonl"
        self._segments_seen = 0
        self.turns: list[Turn] = []

    def watch(self, event: CallEvent) -> None:
        """Take the bot's events."""
        if isinstance(event, TurnEnded):
            self._ended.put_nowait(event.trace)

    async def run(self) -> Result:
        """Measure until there are enough turns and packets."""
        options = self._options
        model = StandInModel(tokens_of("".join(SENTENCES)), first_token=options.first_token, rate=options.rate)
        async with model, Sandbox() as sandbox, BareClockControl() as control:
            settings = {
                "DISCORD_TOKEN": sandbox.bot_token,
                "DISCORD_API_URL": sandbox.api_url,
                "DISCORD_CA_FILE": str(sandbox.ca_file),
                "DATA_DIR": str(self._folder / "data"),
                "LLM_URL": model.url,
                "TTS_BIND": "127.0.0.1:0",
                "TTS_ENGINE": "stand-in",
                "TTS_STAND_IN_FIRST_AUDIO_MS": str(1000 * options.first_audio),
                "TTS_STAND_IN_RTF": str(options.real_time_factor),
                "TTS_STAND_IN_TIMINGS": str(self._timings),
            }
            async with bot_process(settings, self._folder / "bot.log", self.watch):
                ada = await self._join(sandbox)
                # The first turn warms connections up and is not counted.
                await self._turn(sandbox, ada, model)
                self.turns.clear()
                control.begin()
                # A collection of this process's own would show as a delay of the relay's.
                gc.collect()
                gc.disable()
                await self._measure(sandbox, ada, model)
                return Result(describe_machine(), self.turns, control.stream())

    async def _join(self, sandbox: Sandbox) -> Guest:
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        await sandbox.bot_online(JOIN_LIMIT)
        await sandbox.command_registered("join", JOIN_LIMIT)
        await ada.say(sandbox.text_channel, "!join")
        await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("🎤 Joined"), JOIN_LIMIT)
        return ada

    async def _measure(self, sandbox: Sandbox, ada: Guest, model: StandInModel) -> None:
        packets = 0
        with Progress(console=self._console, transient=True) as progress:
            bar = progress.add_task("measuring", total=max(self._options.packets, 1))
            while len(self.turns) < self._options.turns or packets < self._options.packets:
                await self._turn(sandbox, ada, model)
                packets += len(self.turns[-1].received)
                progress.update(bar, completed=packets, description=f"{len(self.turns)} turns")

    async def _turn(self, sandbox: Sandbox, ada: Guest, model: StandInModel) -> None:
        hearing, bot = ada.voice.hearing, sandbox.bot_id
        since, asked = hearing.count(bot), len(model.times)
        message = await ada.say(sandbox.text_channel, "What do you think?")
        async with asyncio.timeout(TURN_LIMIT):
            trace = await self._ended.get()
        heard = [packet for packet in hearing.packets(bot)[since:] if not packet.silent]
        relayed = {entry.sequence: entry for entry in list(sandbox.voice_server.relay.log)[-2 * len(heard) :]}
        received = [relayed[packet.sequence].received for packet in heard]
        times = next(times for times in model.times[asked:] if times.tokens)
        clause, voice = self._first_segment()
        self.turns.append(
            Turn(
                total=received[0] - message.sent_at,
                model=times.first_token - times.requested,
                text_wait=times.text_complete(clause) - times.first_token,
                sentence_wait=times.text_complete(SENTENCES[0]) - times.first_token,
                clause_tokens=_count_tokens(times, clause),
                voice=voice,
                relay=heard[0].arrival - received[0],
                received=received,
                underruns=trace.underruns,
            )
        )

    def _first_segment(self) -> tuple[str, float]:
        """The first clause of the newest reply, and what the stand-in voice took for its first sound."""
        lines = self._timings.read_text(encoding="utf-8").splitlines()
        new, self._segments_seen = lines[self._segments_seen :], len(lines)
        beginnings = (json.loads(line) for line in new)
        first = next(line for line in beginnings if SENTENCES[0].startswith(line["text"].strip()))
        return first["text"], first["first_audio_at"] - first["received_at"]


def _count_tokens(times: ModelTimes, text: str) -> int:
    written = 0
    for count, (token, _) in enumerate(times.tokens, start=1):
        written += len(token)
        if written >= len(text):
            return count
    return len(times.tokens)


def main() -> int:
    """Measure and print; the exit status says only whether the measurement worked."""
    options = _options()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = asyncio.run(Measurement(options, Path(folder), console).run())
        except KeyboardInterrupt:
            return 130
    print_result(result, console)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result.as_json(), indent=1) + "\n", encoding="utf-8")
    return 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reply_latency", description=__doc__)
    parser.add_argument("--turns", type=int, default=20, help="at least so many turns (20)")
    parser.add_argument("--packets", type=int, default=0, help="and so many packets; 20000 take about 7 minutes")
    parser.add_argument("--first-token-ms", type=float, default=150, help="of the stand-in model (150)")
    parser.add_argument("--rate", type=float, default=40, help="of the stand-in model, tokens a second (40)")
    parser.add_argument("--first-audio-ms", type=float, default=200, help="of the stand-in voice (200)")
    parser.add_argument("--rtf", type=float, default=0.3, help="of the stand-in voice: real-time factor (0.3)")
    parser.add_argument("--json", type=Path, help="write everything there")
    chosen = parser.parse_args()
    return Options(
        chosen.turns,
        chosen.packets,
        chosen.first_token_ms / 1000,
        chosen.rate,
        chosen.first_audio_ms / 1000,
        chosen.rtf,
        chosen.json,
    )


if __name__ == "__main__":
    sys.exit(main())
