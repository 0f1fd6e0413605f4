"""Benchmark of the wait for a tool: when people hear that it takes a moment, and how soon an interruption ends it.

A guest on the sandbox asks by voice. The model is a stand-in that calls a tool at once. The tool is on a real MCP
server, and takes seconds. Transcriber and voice are stand-ins with fixed times. docs/benchmarks.md explains the
figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import slow_tool_server
from benchmarks.calling_model import CallingModel
from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import TAIL_SECONDS, TURN_LIMIT, MeasuredCall, StandIns, no_collections, tokens_of
from benchmarks.spoken_microphones import ClosingSpeaker
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.statistics import Spread, spread
from bot.voice.turn import Outcome
from config.plain_parser import PlainParser
from sandbox.guest import Guest
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.microphone import VoiceActivity
from sandbox.voice.opus import Sound

HEARD = "Will it rain today?"
REPLY = "It rains from noon on."
TOOL_SECONDS = 3.0
MAX_REMARK, MAX_BARGE_IN = 0.8, 0.2
PERSON = "Ada"


@dataclass(frozen=True, slots=True)
class ToolWaits:
    """The times of one run, in seconds.

    Attributes:
        remarks: from the last byte of each tool call to the first voiced packet of the remark that it takes a moment.
        answers: from each request to the model with the tool's result to the answer's first packet.
        stopped: from the first voiced packet of each interruption to the bot's last packet.
        ended: from the first voiced packet of each interruption until the tool was cancelled.
    """

    remarks: Sequence[float]
    answers: Sequence[float]
    stopped: Sequence[float]
    ended: Sequence[float]


class ToolWaitMeasurement:
    """One run of the measurement. ``progress`` is called after each turn and each interruption."""

    def __init__(self, stand_ins: StandIns, transcription: float, folder: Path, progress: Callable[[], None]) -> None:
        self._stand_ins = stand_ins
        self._transcriber = StandInTranscriber(HEARD, seconds=transcription)
        self._folder = folder
        self._log = folder / "tool.jsonl"
        self._progress = progress
        self._model = CallingModel(
            slow_tool_server.NAME, tokens_of(REPLY), first_token=stand_ins.first_token, rate=stand_ins.rate
        )

    async def run(self, turns: int) -> ToolWaits:
        """Measure ``turns`` whole turns, and then as many interruptions.

        Raises:
            MeasurementError: the bot ended, did not join, or did not answer.
            SpeechError: the guest can't speak.
        """
        words = await asyncio.to_thread(speech, HEARD, GUEST_VOICES[PERSON])
        async with self._transcriber:
            settings = {
                "STT_URL": self._transcriber.url,
                "ANSWER_TO": "always",
                "BARGE_IN": "everyone",
                "TOOLS_FILE": str(await asyncio.to_thread(self._tools_file)),
            }
            call = MeasuredCall(self._stand_ins, REPLY, self._folder, settings, model=self._model)
            async with call:
                return await call.while_alive(self._measure(call, words, turns))

    def _tools_file(self) -> Path:
        server = {
            "command": sys.executable,
            "args": ["-m", slow_tool_server.__name__, str(TOOL_SECONDS), str(self._log)],
            "env": {"PYTHONPATH": str(Path(__file__).parent.parent)},
        }
        file = self._folder / "tools.yaml"
        file.write_text(json.dumps({"mcpServers": {"slow": server}, "allow": {slow_tool_server.NAME: "everyone"}}))
        return file

    async def _measure(self, call: MeasuredCall, words: Sound, turns: int) -> ToolWaits:
        (ada,) = await call.join(PERSON)
        remarks, answers, stopped, ended = [], [], [], []
        async with ClosingSpeaker(ada.voice, VoiceActivity(), lambda: 1.0) as speaker:
            with no_collections():
                for _ in range(turns):
                    said = await speaker.say(words)
                    await self._spoken(call, ada)
                    remark = next(at for at in call.voiced(said.first_voiced) if at > self._model.called[-1])
                    remarks.append(remark - self._model.called[-1])
                    asked = self._model.results[-1]
                    answers.append(next(at for at in call.voiced(asked) if at > asked) - asked)
                    self._progress()
                for _ in range(turns):
                    times = await self._interrupt(call, ada, speaker, words)
                    stopped.append(times[0])
                    ended.append(times[1])
                    self._progress()
        return ToolWaits(remarks, answers, stopped, ended)

    async def _spoken(self, call: MeasuredCall, ada: Guest) -> None:
        trace = await call.reply_ended()
        if trace.outcome is not Outcome.SPOKEN:
            raise MeasurementError(f"a reply ended as {trace.outcome.value}, not as spoken")
        await ada.voice.receiver.wait_for_silence(call.sandbox.bot_id, TAIL_SECONDS, TURN_LIMIT)

    async def _interrupt(
        self, call: MeasuredCall, ada: Guest, speaker: ClosingSpeaker, words: Sound
    ) -> tuple[float, float]:
        """Ask, and speak into the remark. Returns the two times of the interruption."""
        receiver, bot = ada.voice.receiver, call.sandbox.bot_id
        begin = receiver.count(bot)
        await speaker.say(words)
        await receiver.wait_for_audio(bot, TURN_LIMIT, since=begin)
        cancelled = len(self._ends())
        times = await speaker.say(words)
        trace = await call.reply_ended()
        if trace.outcome is not Outcome.INTERRUPTED:
            raise MeasurementError(f"a reply that was spoken into ended as {trace.outcome.value}")
        during = [at for at in call.voiced(times.first_voiced - 1.0) if at <= times.last_voiced]
        tool = self._ends()[cancelled]
        # The words that interrupted the remark ask again, and get an answer.
        await self._spoken(call, ada)
        return during[-1] - times.first_voiced, tool - times.first_voiced

    def _ends(self) -> list[float]:
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        return [json.loads(line)["ended"] for line in lines]


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    arguments, stand_ins = run.arguments, stand_ins_of(run.arguments)
    with Progress(console=run.console, transient=True) as progress:
        bar = progress.add_task("asking", total=2 * arguments.turns)
        measurement = ToolWaitMeasurement(
            stand_ins, arguments.transcription_ms / 1000, run.folder, lambda: progress.advance(bar)
        )
        waits = await measurement.run(arguments.turns)
    rows = {
        "from the tool call's last byte to the remark's first packet": spread(waits.remarks),
        "from the request with the result to the answer's first packet": spread(waits.answers),
        "from an interruption's first packet to the bot's last one": spread(waits.stopped),
        "from an interruption's first packet to the tool's end": spread(waits.ended),
    }
    return Report(
        lambda console: _show(console, rows),
        [
            (f"remark within {MAX_REMARK} s", max(waits.remarks) <= MAX_REMARK),
            (f"silent within {MAX_BARGE_IN} s of an interruption", max(waits.stopped) <= MAX_BARGE_IN),
        ],
        {"machine": run.machine, "stand_ins": asdict(stand_ins), **asdict(waits)},
    )


def _show(console: Console, rows: dict[str, Spread]) -> None:
    table = Table("milliseconds", "median", "95 %", "longest")
    for name, times in rows.items():
        table.add_row(name, *(f"{1000 * value:.0f}" for value in (times.median, times.p95, times.greatest)))
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("tool_wait", __doc__)
    parser.add_argument("--turns", type=count, default=10, help="turns, and as many interruptions")
    parser.add_argument("--transcription-ms", type=float, default=210, help="delay of the stand-in transcriber")
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
