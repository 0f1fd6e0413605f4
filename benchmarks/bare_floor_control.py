"""The control to which the bot's own delays ("plumbing") are compared: the bare floor and its voice, a process each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import WSMsgType, web
from yarl import URL

from benchmarks.bare_clock import FRAME_SECONDS
from benchmarks.errors import MeasurementError
from benchmarks.reply_times import ReplyTimes
from benchmarks.stacked_context import StackedContext
from benchmarks.stand_in_model import StandInModel
from config.project import ROOT
from sandbox.voice.rtp import parse_header
from sandbox.voice.udp import Address, TimedSocket

START_LIMIT = 30.0
"""Seconds in which both processes must be connected."""
REPLY_LIMIT = 60.0
FIRST_FRAMES = 25
"""Number of frames of the stream that come before a reply, so that the start of the stream does not disturb the reply.
"""


class BareFloorControl(StackedContext):
    """Runs ``benchmarks.bare_floor`` and ``benchmarks.bare_voice``, and times their replies.

    Use it as an async context manager. It is the floor's gateway, and it receives the floor's packets.

    Args:
        model: the stand-in model, which has been started. The floor and the bot ask the same one.
        first_audio: seconds from a clause to the voice's first sound.
    """

    def __init__(self, model: StandInModel, first_audio: float) -> None:
        self._model = model
        self._first_audio = first_audio
        self._number = 0
        self._arrivals: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gateway: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()

    async def _open(self, stack: AsyncExitStack) -> None:
        packets = TimedSocket("127.0.0.1", self._receive)
        stack.callback(packets.close)
        gateway_port = await self._serve_gateway(stack)
        voice = await self._start(stack, "bare_voice", str(self._first_audio))
        ports = (gateway_port, URL(self._model.url).port, await _printed_port(voice), packets.address[1])
        await self._start(stack, "bare_floor", *map(str, ports))
        try:
            await asyncio.wait_for(asyncio.shield(self._gateway), START_LIMIT)
        except TimeoutError as error:
            raise MeasurementError(f"the bare floor did not start within {START_LIMIT:.0f} s") from error

    async def answer(self, message: dict[str, Any], sentence: str, phase: float | None = None) -> ReplyTimes:
        """Send the floor a message, wait for its whole reply, and return the times.

        Args:
            message: the data of a MESSAGE_CREATE event, as the gateway sends it to bots.
            sentence: the first sentence of the model's answer.
            phase: if given, the floor sends a stream, of which a frame goes out every 20 ms, and the reply goes into
                the next frame. The message is sent this many seconds after a frame.

        Raises:
            MeasurementError: the floor did not answer, or its times do not fit together.
        """
        if phase is None:
            return await self._answer(message, sentence)
        while not self._arrivals.empty():
            # What is left of the previous stream.
            self._arrivals.get_nowait()
        await self._send("STREAM", True)
        try:
            async with asyncio.timeout(REPLY_LIMIT):
                for _ in range(FIRST_FRAMES):
                    _, frame = await self._arrivals.get()
            await asyncio.sleep((phase - (time.monotonic() - frame)) % FRAME_SECONDS)
            return await self._answer(message, sentence)
        except TimeoutError as error:
            raise MeasurementError("the bare floor sent no stream") from error
        finally:
            await self._send("STREAM", False)

    async def _send(self, name: str, data: object) -> None:
        self._number += 1
        gateway = await self._gateway
        await gateway.send_str(json.dumps({"op": 0, "t": name, "s": self._number, "d": data}))

    async def _arrival_of(self, packet: int) -> float:
        """When the packet with this sequence number came. Those before it are dropped."""
        while True:
            number, arrival = await self._arrivals.get()
            if number == packet & 0xFFFF:
                return arrival

    async def _answer(self, message: dict[str, Any], sentence: str) -> ReplyTimes:
        sent = time.monotonic()
        await self._send("MESSAGE_CREATE", message)
        try:
            async with asyncio.timeout(REPLY_LIMIT):
                answer = await self._answers.get()
                received = await self._arrival_of(answer["packet"])
            asked = next(times for times in self._model.times if times.requested >= sent)
            clause, whole = asked.tokens_until(answer["clause"]), asked.tokens_until(sentence)
        except (TimeoutError, StopIteration, ValueError) as error:
            raise MeasurementError(f"the bare floor did not answer: {error!r}") from error
        return ReplyTimes(
            sent=sent,
            model_asked=asked.requested,
            first_token=asked.first_token,
            clause_written=asked.written_at(clause),
            clause_tokens=clause,
            sentence_written=asked.written_at(whole),
            voice_asked=answer["voice_asked"],
            first_audio=answer["first_audio"],
            received=(received,),
            heard=received,
            underruns=0,
        )

    async def _serve_gateway(self, stack: AsyncExitStack) -> int:
        app = web.Application()
        app.router.add_get("/", self._converse)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port: int = runner.addresses[0][1]
        return port

    async def _converse(self, request: web.Request) -> web.WebSocketResponse:
        gateway = web.WebSocketResponse()
        await gateway.prepare(request)
        self._gateway.set_result(gateway)
        async for frame in gateway:
            if frame.type is WSMsgType.TEXT:
                self._answers.put_nowait(json.loads(frame.data))
        return gateway

    @staticmethod
    async def _start(stack: AsyncExitStack, module: str, *arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"benchmarks.{module}", *arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            # So Ctrl-C reaches only the benchmark, and the benchmark kills this process.
            start_new_session=True,
        )
        stack.push_async_callback(_kill, process)
        return process

    def _receive(self, data: bytes, address: Address, arrival: float) -> None:
        self._arrivals.put_nowait((parse_header(data).sequence, arrival))


async def _printed_port(process: asyncio.subprocess.Process) -> int:
    """The port that a process prints as its first line."""
    if process.stdout is None:
        raise RuntimeError("the process was started without a pipe")
    try:
        return int(await asyncio.wait_for(process.stdout.readline(), START_LIMIT))
    except (TimeoutError, ValueError) as error:
        raise MeasurementError("the bare floor's voice did not start") from error


async def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
