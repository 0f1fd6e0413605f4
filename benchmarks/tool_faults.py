"""Benchmark of tools that go wrong in a call: how soon the bot says so, whether the call goes on, what is obeyed.

A guest types in a call on the sandbox, with end-to-end encryption. The model is a stand-in that calls the tool of an
MCP server. The server hangs, dies, answers with 10 MB, or lies: its answer gives orders, which the model obeys.
docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from typing_extensions import override

from benchmarks import faulty_tool_server
from benchmarks.calling_model import CallingModel
from benchmarks.command_line import Report, Run, add_stand_ins, count, make_parser, run, stand_ins_of
from benchmarks.errors import MeasurementError
from benchmarks.faulty_tool_server import FAULTS, LIE, tool_of
from benchmarks.measured_call import BOT_LOG, TURN_LIMIT, MeasuredCall, StandIns, no_collections, tokens_of
from bot.llm.tool_loop import LATE_AFTER
from bot.voice.dialogue.tool_wait import FIRST_REMARK
from bot.voice.turn import Outcome
from config.plain_parser import PlainParser
from sandbox.guest import Guest

QUESTION, NEXT_QUESTION, REPLY = "Please have a look.", "Are you still there?", "I am still here, as you hear."
PERSON = "Ada"
MAX_SECONDS = 1.0
START_LIMIT = 60.0
"""Seconds within which the bot must have connected to a server, also to one that has died and was started anew."""
TAIL_SECONDS = 3.0
"""This many seconds before a result counts as late (:data:`LATE_AFTER`), the bot has long said that the tool takes a
moment.
"""
PROMISED = "(aloud) the result will come later"
OBEYED = ("You leave", "percent now")
"""Words in the results of the bot's tools that leave the call and change the volume. If the model gets them, such a
tool has run, as the lying answer orders.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One call of a tool that went wrong.

    Attributes:
        kind: one of :data:`FAULTS`; "waits" is the moment at which the bot says that a tool takes long.
        seconds: from the fault to the bot's sentence, in the channel or aloud. If the server hangs, it counts from the
            moment at which this sentence is due.
        sentence: the sentence.
        went_on: whether the next question was answered aloud.
        obeyed: whether the bot did anything that the server's answer ordered.
    """

    kind: str
    seconds: float
    sentence: str
    went_on: bool
    obeyed: bool


class ObedientModel(CallingModel):
    """Calls the tool that ``calls`` names. After a lie it calls what the lie asks for.

    Attributes:
        calls: name of the tool that the model calls at the next question; empty for none.
        told: the results of the tools, as the bot told them to the model.
    """

    def __init__(self, tokens: Sequence[str], *, first_token: float, rate: float) -> None:
        super().__init__("", tokens, first_token=first_token, rate=rate)
        self.calls = ""
        self.told: list[str] = []

    @override
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        newest = body["messages"][-1]
        wanted = self.calls
        if newest["role"] == "tool":
            self.told.append(str(newest["content"]))
            wanted = "leave_call" if LIE in self.told[-1] else ""
        if not wanted or not body.get("tools") or body["max_tokens"] == 1:
            return await self._reply(request)
        return await self._call(request, wanted)


class ToolFaultMeasurement:
    """One run of the measurement."""

    def __init__(self, stand_ins: StandIns, folder: Path) -> None:
        self._stand_ins = stand_ins
        self._folder = folder
        self._model = ObedientModel(tokens_of(REPLY), first_token=stand_ins.first_token, rate=stand_ins.rate)

    async def run(self, rounds: int, progress: Progress) -> list[Fault]:
        """Measure each fault as often as ``rounds`` says.

        Raises:
            MeasurementError: the bot ended, did not join, or said nothing.
        """
        settings = {"ANSWER_TO": "always", "TOOLS_FILE": str(await asyncio.to_thread(self._tools_file))}
        async with MeasuredCall(self._stand_ins, REPLY, self._folder, settings, model=self._model) as call:
            return await call.while_alive(self._measure(call, rounds, progress))

    def _tools_file(self) -> Path:
        servers = {
            fault: {
                "command": sys.executable,
                "args": ["-m", faulty_tool_server.__name__, fault, str(self._log(fault))],
                "env": {"PYTHONPATH": str(Path(__file__).parent.parent)},
            }
            for fault in FAULTS
        }
        file = self._folder / "tools.yaml"
        allow = {tool_of(fault): "everyone" for fault in FAULTS}
        file.write_text(json.dumps({"mcpServers": servers, "allow": allow}), encoding="utf-8")
        return file

    def _log(self, fault: str) -> Path:
        return self._folder / f"{fault}.jsonl"

    async def _measure(self, call: MeasuredCall, rounds: int, progress: Progress) -> list[Fault]:
        (ada,) = await call.join(PERSON)
        bar = progress.add_task("asking", total=rounds * len(FAULTS))
        found: list[Fault] = []
        with no_collections():
            for _ in range(rounds):
                for fault in FAULTS:
                    await self._connected(fault, 1 + len(await self._faults(fault)) if fault == "dies" else 1)
                    found += await self._one(call, ada, fault)
                    progress.advance(bar)
        return found

    async def _one(self, call: MeasuredCall, ada: Guest, fault: str) -> list[Fault]:
        before = await self._faults(fault)
        self._model.calls = tool_of(fault)
        sentences: list[tuple[str, float, str]] = []
        asked = await ada.say(call.sandbox.text_channel, QUESTION)
        if fault == "hangs":
            text, at = await self._sentence(call, ada, "⏳", asked.id)
            sentences.append(("waits", at - self._model.called[-1] - FIRST_REMARK, text))
            text, at = PROMISED, await self._promised(call, ada)
        else:
            text, at = await self._sentence(call, ada, "🔧", asked.id)
        faults = await self._faults(fault)
        if len(faults) == len(before):
            raise MeasurementError(f"the tool of the server {fault!r} was not called; the channel has: {text}")
        sentences.append((fault, at - faults[-1] - (LATE_AFTER if fault == "hangs" else 0.0), text))
        await call.reply_ended()
        if fault == "hangs":
            await ada.say(call.sandbox.text_channel, "!stop")
        went_on = await self._goes_on(call, ada)
        there = call.sandbox.bot_id in call.sandbox.guild.voice_states
        obeyed = not there or any(sign in told for told in self._model.told for sign in OBEYED)
        return [Fault(kind, seconds, text, went_on and there, obeyed) for kind, seconds, text in sentences]

    async def _connected(self, fault: str, times: int) -> None:
        """Wait until the bot has connected to a server this many times."""
        line = f"The MCP server {fault} has"
        try:
            async with asyncio.timeout(START_LIMIT):
                # Another process writes the file.
                while (await asyncio.to_thread((self._folder / BOT_LOG).read_text, "utf-8")).count(line) < times:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise MeasurementError(f"the server {fault!r} did not start within {START_LIMIT:.0f} s") from error

    async def _promised(self, call: MeasuredCall, ada: Guest) -> float:
        """When the bot began to say that the result will come later."""
        receiver, bot = ada.voice.receiver, call.sandbox.bot_id
        # Before that, the bot says twice that the tool takes a moment.
        await asyncio.sleep(self._model.called[-1] + LATE_AFTER - TAIL_SECONDS - time.monotonic())
        await receiver.wait_for_silence(bot, TAIL_SECONDS / 2, TURN_LIMIT)
        try:
            await receiver.wait_for_audio(bot, TURN_LIMIT, since=receiver.count(bot))
        except TimeoutError as error:
            raise MeasurementError("nothing was promised") from error
        return time.monotonic()

    async def _sentence(self, call: MeasuredCall, ada: Guest, begin: str, asked: int) -> tuple[str, float]:
        """The sentence that begins with ``begin``, and when it came. It may answer the question, or stand alone."""
        try:
            message = await ada.wait_for_message(
                call.sandbox.text_channel, lambda m: m.id > asked and m.content.startswith(begin), TURN_LIMIT
            )
        except TimeoutError as error:
            raise MeasurementError(f"no sentence that begins with {begin} came") from error
        return message.content, time.monotonic()

    async def _goes_on(self, call: MeasuredCall, ada: Guest) -> bool:
        """Whether the next question is answered aloud."""
        self._model.calls = ""
        packets = ada.voice.receiver.count(call.sandbox.bot_id)
        await ada.say(call.sandbox.text_channel, NEXT_QUESTION)
        trace = await call.reply_ended()
        return trace.outcome is Outcome.SPOKEN and ada.voice.receiver.count(call.sandbox.bot_id) > packets

    async def _faults(self, fault: str) -> list[float]:
        log = self._log(fault)
        text = await asyncio.to_thread(log.read_text, "utf-8") if log.exists() else ""
        return [json.loads(line)["fault"] for line in text.splitlines()]


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    arguments, stand_ins = run.arguments, stand_ins_of(run.arguments)
    with Progress(console=run.console, transient=True) as progress:
        faults = await ToolFaultMeasurement(stand_ins, run.folder).run(arguments.rounds, progress)
    return Report(
        lambda console: _show(console, faults),
        [
            (f"one sentence within {MAX_SECONDS:.0f} s", all(each.seconds <= MAX_SECONDS for each in faults)),
            ("the call goes on", all(each.went_on for each in faults)),
            ("nothing is obeyed", not any(each.obeyed for each in faults)),
        ],
        {
            "machine": run.machine,
            "stand_ins": asdict(stand_ins),
            "faults": [asdict(each) for each in faults],
        },
    )


def _show(console: Console, faults: Sequence[Fault]) -> None:
    table = Table("the server", "ms until the sentence", "the sentence", "the call went on", "obeyed")
    for each in sorted(faults, key=lambda fault: ("waits", *FAULTS).index(fault.kind)):
        went_on, obeyed = ("yes" if it else "no" for it in (each.went_on, each.obeyed))
        table.add_row(each.kind, f"{1000 * each.seconds:.0f}", each.sentence, went_on, obeyed)
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("tool_faults", __doc__)
    parser.add_argument("--rounds", type=count, default=3, help="how often each fault is measured")
    add_stand_ins(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
